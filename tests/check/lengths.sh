#!/usr/bin/env bash
# Short functions and files. It relies on the format: a function's braces stand alone at the start of a line.
# engine, jobs, listeners: functions of 70 lines, files of 500. tests, bench: functions of 120, files of any length.
source "$(dirname "$0")/common.sh"

c_files engine jobs listeners tests bench | xargs -r -d '\n' awk '
  function limit(mine, theirs) { return FILENAME ~ /^(tests|bench)\// ? theirs : mine }
  function end_of_file() {
      if (file != "" && file !~ /^(tests|bench)\// && lines > 500)
          print file ":501: the file has " lines " lines, 500 are the most"
  }
  FNR == 1 { end_of_file(); file = FILENAME; head = 0; body = 0 }
  { lines = FNR }
  # The head of a function: from its first line, which follows something that ended.
  !body && /^[A-Za-z_]/ { if (!head) { head = FNR; name = $0 } }
  !body && (/^$/ || /;$/ || /^[}#\/]/) { head = 0 }
  /^\{$/ { body = FNR }
  /^\}/ && body {
      from = head ? head : body
      if (FNR - from + 1 > limit(70, 120)) {
          sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
          print FILENAME ":" from ": " name "() has " FNR - from + 1 " lines, " limit(70, 120) " are the most"
      }
      head = body = 0
  }
  END { end_of_file() }' |
  finish "Give a part of it a name and a place of its own."
