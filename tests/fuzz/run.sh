#!/usr/bin/env bash
# Runs fuzz targets one after the other. Usage: run.sh BUILD RUNS PROGRAM.fuzz ...
#
# A target begins with the inputs in the folder of its name beside its source, and with what its earlier runs found here
# (BUILD/corpus). An input that breaks it is left in BUILD/found; the program with that file as its argument repeats it.
set -euo pipefail
cd "$(dirname "$0")/../.."

build=$1 runs=$2; shift 2
export ASAN_OPTIONS=allocator_may_return_null=1${ASAN_OPTIONS:+:$ASAN_OPTIONS} UBSAN_OPTIONS=print_stacktrace=1
mkdir -p "$build/found"
# Targets that read files: in memory, where there is such a place.
[[ -n ${TMPDIR:-} || ! -w /dev/shm ]] || export TMPDIR=/dev/shm

failed=0
for program in "$@"; do
  name=${program#"$build"/} name=${name%.fuzz} log=${program%.fuzz}.log
  corpus=$build/corpus/$name
  mkdir -p "$corpus"
  started=$SECONDS status=0
  "$program" -runs="$runs" -max_len=4096 -timeout=20 -close_fd_mask=2 -print_final_stats=1 -artifact_prefix="$build/found/" \
    "$corpus" "$name" >"$log" 2>&1 </dev/null || status=$?
  done_runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  printf '%s %-40s %10s runs  %d s\n' "$([[ $status = 0 ]] && echo "ok  " || echo FAIL)" "$name" "${done_runs:-?}" \
    $((SECONDS - started))
  [[ $status = 0 ]] || { failed=1; tail -n 60 "$log" | sed 's/^/     | /'; }
done
exit $failed
