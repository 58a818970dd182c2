#!/usr/bin/env bash
# A source file without a test. engine/base/queue.c is tested by tests/base/queue.c, jobs/listens.c by tests/jobs/listens.c;
# a part, sources/kafka/fetch.c or base/settings_parse.c, may also be covered by the test of what it belongs to, kafka.c or
# settings.c. Others stand in untested.list.
source "$(dirname "$0")/common.sh"

list=$here/untested.list

has_test() {
  local file=${1#engine/}
  [[ -e tests/$file ]] && return
  local whole
  for whole in "${1%/*}" "${1%_*}" "${1%%_*}"; do
    [[ -e $whole.c && -e tests/${whole#engine/}.c ]] && return
  done
  # Listed: "FILE TEST why", and that test is there.
  local test
  test=$(awk -v file="$1" '$1 == file { print $2 }' "$list")
  [[ -n $test && -e $test ]]
}

c_files engine jobs listeners | { grep '\.c$' || true; } | while read -r file; do
  has_test "$file" || echo "$file:1: has no test: tests/${file#engine/} is not there"
done | finish "Write the test, or name the one that covers it in tests/check/untested.list and say why."
