#!/usr/bin/env bash
# Runs test programs, as many at a time as there are cores, and sums up. Usage: run.sh BUILD PROGRAM.test ...
#
# BUILD is the folder of the variant (build, build/asan, build/tsan); tests find it in SLUICE_BUILD and start the command
# and the jobs from there. Each program runs at the top of the checkout, with a time limit, and reports in TAP; what it
# printed is kept beside it in PROGRAM.log, and shown when something failed. A program that ends with an error, at its
# time limit, or before all its tests have run counts as one failed test more.
# The last line is "N passed, N failed, N skipped"; the three numbers are left in BUILD/totals for .ci/run.
set -euo pipefail
cd "$(dirname "$0")/.."

build=$1; shift
limit=${TEST_SECONDS:-120} system_limit=${TEST_SECONDS:-300}
# One more than cores: most tests wait for servers most of their time.
lines_shown=400 jobs=${TEST_JOBS:-$(($(nproc) + 1))}

export SLUICE_BUILD=$build CMOCKA_MESSAGE_OUTPUT=TAP
suppressions=$PWD/tests/suppressions
export ASAN_OPTIONS=detect_stack_use_after_return=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}
export LSAN_OPTIONS=suppressions=$suppressions/leaks:print_suppressions=0${LSAN_OPTIONS:+:$LSAN_OPTIONS}
export UBSAN_OPTIONS=print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}
# librdkafka, curl and others are not instrumented: what they do among themselves is not ours to judge.
export TSAN_OPTIONS=ignore_noninstrumented_modules=1:second_deadlock_stack=1:suppressions=$suppressions/races${TSAN_OPTIONS:+:$TSAN_OPTIONS}

# "passed failed skipped planned" of a log. A result may stand behind something that the program itself wrote without a line
# end, so it is known by its number, which is the next one.
count_results() {
  awk '/^1\.\.[0-9]+/ { planned += substr($1, 4); number = 1; next }
       match($0, /(not )?ok [0-9]+ (- |# SKIP)/) {
           result = substr($0, RSTART)
           split(result, words, " ")
           if (words[words[1] == "not" ? 3 : 2] + 0 != number) next
           number++
           if (result ~ /# SKIP/) skipped++
           else if (words[1] == "ok") passed++
           else failed++
       }
       END { print passed + 0, failed + 0, skipped + 0, planned + 0 }' "$1"
}

# The tests of a log that were skipped, each with the line before it, in which a test that skips says why.
list_skipped() {
  awk '/^1\.\.[0-9]+$/ { next }
       !/^(not )?ok [0-9]+ / { why = $0; next }
       sub(/^(not )?ok [0-9]+ .*# SKIP */, "") { print "     skipped: " $0 (why ? ": " why : "") }
       { why = "" }' "$1"
}

# Why a program as a whole failed, nothing when it did not: its exit status, then the four counts.
trouble_of() {
  local status=$1 passed=$2 failed=$3 skipped=$4 planned=$5
  if ((status == 124 || status == 137)); then echo "it ran into its time limit"
  elif ((passed + failed + skipped < planned)); then echo "it ended with status $status before all its tests had run"
  elif ((planned == 0)); then echo "it ran no tests (status $status)"
  elif ((status != 0 && failed == 0)); then echo "it ended with status $status though its tests passed"
  fi
}

if (($# == 0)); then
  echo "No test program is named so: TESTS takes parts of paths under tests/." >&2
  exit 1
fi

# Reports in one piece, for others report at the same time; the counts are left in PROGRAM.counts.
run_program() {
  local program=$1 name=${1#"$build"/} log=${1%.test}.log report=${1%.test}.report
  local status=0 seconds=$limit started=$EPOCHREALTIME took
  local passed failed skipped planned trouble
  name=${name%.test}
  [[ $name != tests/@(system|faults)/* ]] || seconds=$system_limit
  { timeout -k 10 "$seconds" "$program" >"$log" 2>&1 </dev/null; } 2>/dev/null || status=$?
  took=$(((${EPOCHREALTIME/[.,]/} - ${started/[.,]/}) / 100000))

  read -r passed failed skipped planned < <(count_results "$log")
  trouble=$(trouble_of $status "$passed" "$failed" "$skipped" "$planned")
  [[ -z $trouble ]] || failed=$((failed + 1))
  {
    printf '%s %-44s %3d passed%s%s  %d.%d s\n' "$( ((failed)) && echo FAIL || echo "ok  ")" "$name" "$passed" \
      "$( ((failed == 0)) || echo ", $failed failed")" "$( ((skipped == 0)) || echo ", $skipped skipped")" \
      $((took / 10)) $((took % 10))
    if ((failed)); then
      [[ -z $trouble ]] || echo "     $trouble"
      (($(wc -l <"$log") <= lines_shown)) || echo "     (the last $lines_shown lines of $log)"
      tail -n $lines_shown "$log" | sed 's/^/     | /'
    elif ((skipped)); then
      list_skipped "$log"
    fi
  } >"$report"
  echo "$passed $failed $skipped" >"${program%.test}.counts"
  flock "$build" cat "$report"
}

running=0
for program in "$@"; do
  rm -f "${program%.test}.counts"
  ((running < jobs)) || { wait -n || true; running=$((running - 1)); }
  run_program "$program" &
  running=$((running + 1))
done
wait

all_passed=0 all_failed=0 all_skipped=0
for program in "$@"; do
  read -r passed failed skipped <"${program%.test}.counts"
  all_passed=$((all_passed + passed)) all_failed=$((all_failed + failed)) all_skipped=$((all_skipped + skipped))
done

echo "$all_passed $all_failed $all_skipped" >"$build/totals"
echo "$all_passed passed, $all_failed failed, $all_skipped skipped"
((all_failed == 0))
