# The settings as a manual page of section 5, out of what --help of a job prints (base/settings_print.c):
#
#     batches:
#       --interval DURATION             time from batch to batch
#                                       (default 2s; 1ms to 1d; batch.interval, SLUICE_BATCH_INTERVAL)
#
# The last line of a setting has its facts, its key and its variable; what has no key is none.

function escaped(text) {
  gsub(/\\/, "\\e", text)
  gsub(/-/, "\\-", text)
  return text ~ /^[.']/ ? "\\&" text : text
}

# What was gathered of one option is told.
function told(    parts, count, key, variable, i, usual) {
  if (option != "" && match(facts, /[a-z][a-z_.]*, SLUICE_[A-Z_]*\)$/)) {
    split(substr(facts, RSTART, RLENGTH - 1), parts, ", ")
    key = parts[1]; variable = parts[2]
    usual = substr(facts, 2, RSTART - 2)
    sub(/; $/, "", usual)
    if (title != "") print ".SH " toupper(escaped(title))
    title = ""
    print ".TP\n.B " escaped(key)
    print escaped(toupper(substr(help, 1, 1)) substr(help, 2)) "."
    if (usual != "") print escaped(toupper(substr(usual, 1, 1)) substr(usual, 2)) "."
    print ".br"
    if (option !~ /^--conf /) print "Option"
    if (option !~ /^--conf /) print ".BR \"" escaped(option) "\" ;"
    print ".RI \"environment \" " variable
  }
  option = help = facts = ""
}

BEGIN {
  print ".TH SLUICE\\-SETTINGS 5 " day " \"Sluice " version "\" Sluice"
  print ".SH NAME\nsluice\\-settings \\- what a job can be told, by file, environment and option"
  print ".SH DESCRIPTION"
  print "In rising order settings come from their defaults, from files, from the environment and from the command line."
  print "A file is read by"
  print ".BR \"\\-\\-properties\\-file FILE\" ;"
  print "a line of it is a key, white space or an equals sign, and the value. Lines that begin with # are passed over."
  print "On the command line any setting may be given as"
  print ".BR \"\\-\\-conf KEY=VALUE\" ;"
  print "many have an option of their own. A key that nobody knows is an error; kafka.* and what librdkafka knows is passed on to it."
  print ".PP\nDurations have a unit (250ms 2s 5min 30h 1d), and so have sizes (64kb 128mb 4gb)."
  print ".B JOB \\-\\-explain\nshows every setting with its value and where it came from."
}
/^[A-Za-z][^:]*:$/ { told(); title = substr($0, 1, length($0) - 1); next }
/^  --/ {
  told()
  option = substr($0, 3)
  if (match(option, /  +/)) { help = substr(option, RSTART + RLENGTH); option = substr(option, 1, RSTART - 1) }
  next
}
/^          / && option != "" {
  sub(/^ +/, "")
  if (/^\(.*\)$/) facts = $0
  else help = help (help == "" ? "" : " ") $0
  next
}
{ told() }
END {
  told()
  print ".SH SEE ALSO\n.BR sluice (1),\n.BR sluice\\-submit (1)"
}
