#!/usr/bin/env bash
# Runs torture with KILLS, SEED, REAL and HISTORY from the environment, and shows what it did. Usage: run.sh BUILD
#
# The seed stands in each history's line; the same one again draws the same. The last lines sum up; the numbers of .ci/run
# are left in build/torture/totals.
set -euo pipefail
cd "$(dirname "$0")/../.."

build=$1 log=build/torture/log
export SLUICE_BUILD=$build ASAN_OPTIONS=detect_stack_use_after_return=1
mkdir -p build/torture
status=0
"$build/tests/faults/torture.test" 2>&1 </dev/null | tee "$log" || status=$?
if ((status)); then echo "0 1 0"; elif grep -q 'SKIPPED' "$log"; then echo "0 0 1"; else echo "1 0 0"; fi >build/torture/totals
exit $status
