#!/usr/bin/env bash
# Words that may not stand in the code: unsafe or unwanted functions, marks of unfinished work, a job that remembers by itself.
source "$(dirname "$0")/common.sh"

# Functions that the engine, jobs and listeners do not call, and where an exception is right:
#   name                 use instead                                           except in
rules="
strcpy strcat strncat    buffer_append_or_snprintf                             -
sprintf vsprintf         snprintf                                              -
gets atoi atol atof      the_parsers_of_sluice/text.h_and_base/settings.h      -
strtok                   sl_text_and_memchr                                    -
exit quick_exit          an_error_that_is_returned                             -
_exit _Exit              an_error_that_is_returned                             engine/main.c,engine/cli/,engine/base/faults.c,engine/test.c
rand srand random        a_seeded_generator                                    -
sleep usleep nanosleep   a_condition_variable,_eventfd_or_timeout              -
gettimeofday time clock_gettime  base/clock.h                                  engine/base/clock.c,engine/base/clock.h
"

functions() {
  c_files engine jobs listeners | xargs -r -d '\n' awk -v rules="$rules" -f "$here/code.awk" -f "$here/words.awk"
}

unfinished() {
  local mark='TO''DO|FIX''ME'
  project_files | tr '\n' '\0' | xargs -0 -r grep -nwHE "$mark" |
    sed -E 's/^([^:]*:[0-9]+):.*/\1: a mark of unfinished work: do it, or open an issue/' || true
}

{ functions; unfinished; } | finish "tests/check/words.sh holds the list with what to use instead."
