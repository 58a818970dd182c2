# Included before other awk programs: code(line) is a line of C without comments and with the insides of texts blanked.
# Call it for every line of a file in order; it remembers open comments. Set in_comment = 0 at the start of a file.
function code(line,    out, i, c, next_two, quote) {
    out = ""
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        next_two = substr(line, i, 2)
        if (in_comment) {
            if (next_two == "*/") { in_comment = 0; i++ }
        } else if (quote != "") {
            if (c == "\\") i++
            else if (c == quote) { quote = ""; out = out c }
        } else if (next_two == "/*") {
            in_comment = 1; i++
        } else if (next_two == "//") {
            break
        } else {
            if (c == "\"" || c == "'") quote = c
            out = out c
        }
    }
    return out
}
