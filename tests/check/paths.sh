#!/usr/bin/env bash
# Nothing of the machine that it was written on: no absolute paths of homes or checkouts. And a fixed top level.
source "$(dirname "$0")/common.sh"

# In brackets, so that this file does not find itself.
machine='/[w]ork/|/[r]oot/|/[h]ome/[a-z]|bash[_]jobs|/[f]arm/'
top='^(engine|jobs|listeners|tests|bench|docker)/|^(Makefile|README\.md|LICENSE)$|^\.'

{
  project_files | tr '\n' '\0' | xargs -0 -r grep -nHE "$machine" |
    sed -E 's/^([^:]*:[0-9]+):.*/\1: a path of one machine/' || true
  project_files | { grep -vE "$top" || true; } | sed 's/$/:1: not in the fixed top level/'
} | finish "Take paths from arguments, settings or the environment; put new files into one of the folders."
