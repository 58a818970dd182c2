#!/usr/bin/env bash
# Who includes whom, against the table in layers.rules; OpenMP only where the table has omp.h.
source "$(dirname "$0")/common.sh"

list_files=$(mktemp)
trap 'rm -f "$list_files"' EXIT
find engine jobs listeners tests bench -name '*.[ch]' 2>/dev/null >"$list_files" || true

c_files engine jobs listeners tests bench | xargs -r -d '\n' awk -v list="$list_files" \
  -v rules="$here/layers.rules" -f "$here/code.awk" -f "$here/layers.awk" |
  finish "Move the code to where it may know the other, or change the drawing: tests/check/layers.rules says who may include whom."
