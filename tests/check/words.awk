# Reads C files; prints calls of the functions in `rules`, and variables of a job that outlive a row. See words.sh.

function allowed(places,    list, count, i) {
    count = split(places, list, ",")
    for (i = 1; i <= count; i++)
        if (index(FILENAME, list[i]) == 1) return 1
    return 0
}

# Calls: the name, not part of a longer one, not a member (batch->time), not declared here ("int64_t time").
function find_calls(line,    rest, before, name) {
    rest = line
    before = ""
    while (match(rest, /[A-Za-z_][A-Za-z_0-9]*[ \t]*\(/)) {
        before = before substr(rest, 1, RSTART - 1)
        name = substr(rest, RSTART, RLENGTH)
        sub(/[ \t]*\($/, "", name)
        if (name in instead && before !~ /(->|\.)$/ && !allowed(except[name]))
            print FILENAME ":" FNR ": " name "() is not used here; instead: " instead[name]
        before = before substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RSTART + RLENGTH)
    }
}

function find_memory(line) {
    if (!match(line, /(^|[ \t])static[ \t]/)) return
    line = substr(line, RSTART + RLENGTH)
    sub(/[=;].*/, "", line)
    if (line !~ /\(/ && (" " line) !~ /[ \t]const[ \t]/)
        print FILENAME ":" FNR ": a job has no variables that outlive a row: state belongs to the engine"
}

BEGIN {
    count = split(rules, rows, "\n")
    for (i = 1; i <= count; i++) {
        words = split(rows[i], row, /[ \t]+/)
        if (words < 3) continue
        for (j = 1; j <= words - 2; j++) {
            instead[row[j]] = row[words - 1]
            gsub(/_/, " ", instead[row[j]])
            except[row[j]] = row[words]
        }
    }
}

FNR == 1 { in_comment = 0 }
{
    line = code($0)
    find_calls(line)
    if (FILENAME ~ /^jobs\//) find_memory(line)
}
