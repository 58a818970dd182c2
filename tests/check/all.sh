#!/usr/bin/env bash
# Runs the checks, all of them even when one fails. Usage: all.sh [NAME ...]; the names are those of the scripts beside it.
# How many passed and failed is left in build/check-totals for .ci/run.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

checks=("$@")
[[ $# -gt 0 ]] || checks=(self_test layers lengths words missing_tests paths docker format analysis)

passed=0 failed=0
for check in "${checks[@]}"; do
  started=$SECONDS
  if output=$("$here/$check.sh" 2>&1 </dev/null); then
    passed=$((passed + 1)) verdict="ok  "
  else
    failed=$((failed + 1)) verdict=FAIL
  fi
  printf '%s check %-40s %d s\n' "$verdict" "$check" $((SECONDS - started))
  [[ -z $output ]] || sed 's/^/     /' <<<"$output"
done

mkdir -p build
echo "$passed $failed 0" >build/check-totals
((failed == 0))
