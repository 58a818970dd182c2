#!/usr/bin/env bash
# make bench-counts: how many instructions a record takes on each hot path, counted by callgrind; the same on every run, however
# busy the machine. Prints the table that is kept in bench/counts/counts.txt.
set -euo pipefail
paths=build/bench/counts/paths

# PATH: its name, records, instructions
count() {
  local log told
  log=$(mktemp)
  told=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect='counted_part*' $paths "$1" 2>"$log") ||
    { cat "$log" >&2; exit 1; }
  echo "$told $(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$log")"
  rm -f "$log"
}

# The compiler, and the flags that decide.
flags() {
  sed -E 's/^([^ ]+) /\1 '"$($(cut -d' ' -f1 build/flags) -dumpfullversion)"' /; s/ -(W|isystem ?|I|D)[^ ]*( \/[^ ]*)?//g; s/ +/ /g' build/flags
}

export -f count
export paths
echo "# Instructions a record on the hot paths: fixed input, one worker, all keys known. Written by make bench-counts."
echo "# $(flags); $(valgrind --version), $(uname -m)"
printf '%s\n' csv_split parse_listen record_batch_plain record_batch_lz4 reading parsing looking_up counting printing \
  printing_customers listens | xargs -P "$(nproc)" -I{} bash -c 'count {}' | awk '
  { of[$1] = $3 / $2 }
  function line(name, value, about) { printf "%-20s %8.1f   %s\n", name, value, about }
  END {
    line("csv_split", of["csv_split"], "a listen cut into six fields")
    line("parse_listen", of["parse_listen"], "the same, all fields checked: the stage of the job, 256 at a time")
    line("record_batch_plain", of["record_batch_plain"], "a record out of a record batch that is not packed; checksum included")
    line("record_batch_lz4", of["record_batch_lz4"], "the same, packed by lz4")
    line("reading", of["reading"], "a job that drops every message")
    line("look_up", of["looking_up"] - of["parsing"], "a cached customer: what the lookup adds to a job that parses")
    line("count_by_key", of["counting"] - of["parsing"], "two texts, counted in a window of 30 min: what the count adds")
    line("document", of["printing"] - of["parsing"], "a listen printed as a line of JSON: what the output adds")
    line("document_linked", of["printing_customers"] - of["looking_up"], "the same with its customer in it")
    line("listens", of["listens"], "the whole job, from messages in memory to documents, both counts and lists")
  }'
