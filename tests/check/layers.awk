# Reads C files; prints the includes that layers.rules does not allow. See layers.sh.

function words_of(text,    words, count, i, out) { # with $names replaced by their lists
    count = split(text, words, /[ \t]+/)
    for (i = 1; i <= count; i++)
        if (words[i] != "") out = out " " (words[i] ~ /^\$/ ? sets[substr(words[i], 2)] : words[i])
    return out
}

function starts_with_one_of(path, list,    prefixes, count, i) {
    count = split(list, prefixes, " ")
    for (i = 1; i <= count; i++)
        if (prefixes[i] == "*" || index(path, prefixes[i]) == 1) return 1
    return 0
}

function folder_of(path) {
    return match(path, /.*\//) ? substr(path, 1, RLENGTH) : ""
}

function without_dots(path) { # a/b/../c.h -> a/c.h
    while (sub(/[^\/]+\/\.\.\//, "", path)) ;
    return path
}

# The project's file that an include means, "" when it is none of ours.
function resolve(name, from,    i, path) {
    for (i = 1; i <= path_count; i++) {
        path = without_dots((i == 1 ? folder_of(from) : search[i]) name)
        if (path in exists) return path
    }
    return ""
}

# The rule for a file: the longest WHO that its path starts with.
function rule_of(path,    who, best) {
    for (who in may)
        if (index(path, who) == 1 && length(who) > length(best)) best = who
    return best
}

# sources/kafka/fetch.h is for sources/kafka.c and sources/kafka/ only, sinks/shared/ for all of sinks/.
function is_private_to_others(path, from,    room, folder, owner) {
    if (path !~ /^(engine\/(sources|lookups|sinks|http)|listeners)\/[^\/]+\//) return 0
    match(path, /^(engine\/[^\/]+|listeners)\//)
    room = substr(path, 1, RLENGTH)
    folder = substr(path, RLENGTH + 1)
    sub(/\/.*/, "", folder)
    owner = folder == "shared" ? room : room folder
    return index(from, owner "/") != 1 && index(from, owner ".") != 1 && !(folder == "shared" && index(from, room) == 1)
}

function complain(what) {
    print FILENAME ":" FNR ": " what
}

function check_own(path,    who) {
    who = rule_of(FILENAME)
    if (who == "tests/" || who == "bench/") return
    if (path ~ /\.c$/) complain("includes a .c file, " path)
    else if (is_private_to_others(path, FILENAME)) complain(path " is private to another part")
    else if (who ~ /\/$/ && who != "engine/" && index(path, who) == 1) return
    else if (!starts_with_one_of(path, words_of(may[who])))
        complain((who ~ /\/$/ ? substr(who, 1, length(who) - 1) : who) " may not include " path)
}

function check_foreign(name,    library, i, probe) {
    if (FILENAME ~ /^(tests|bench)\//) return
    for (library in only)
        if (index(name, library) == 1) {
            if (!starts_with_one_of(FILENAME, words_of(only[library])))
                complain("<" name "> is only for" words_of(only[library]))
            return
        }
    if (name ~ /^(std|sys\/|net|arpa\/|linux\/|immintrin|emmintrin|nmmintrin|[a-z]+intrin)/) return
    if (name in libc) return
    complain("<" name "> is no file of the project, nor of the C library, nor a library in layers.rules")
}

BEGIN {
    while ((getline line < rules) > 0) {
        sub(/#.*/, "", line)
        if (line !~ /:/) continue
        at = index(line, ":")
        split(substr(line, 1, at - 1), head, /[ \t]+/)
        text = substr(line, at + 1)
        if (head[1] == "set") sets[head[2]] = words_of(text)
        else if (head[1] == "may") may[head[2]] = text
        else if (head[1] == "only") only[head[2]] = text
    }
    while ((getline line < list) > 0) exists[line] = 1
    path_count = split("own engine/ engine/include/ jobs/ listeners/ tests/", search, " ")
    count = split("assert ctype dirent dlfcn errno execinfo fcntl fenv float fnmatch ftw getopt glob grp inttypes langinfo " \
                  "limits locale malloc math netdb poll pthread pwd regex sched search semaphore setjmp signal spawn " \
                  "string strings syslog termios time ucontext uchar unistd utime wchar wctype ifaddrs", names, " ")
    for (i = 1; i <= count; i++) libc[names[i] ".h"] = 1
}

FNR == 1 { in_comment = 0 }

/^[ \t]*#[ \t]*include/ && !in_comment {
    name = $0
    quoted = name ~ /include[ \t]*"/
    sub(/^[^<"]*[<"]/, "", name)
    sub(/[>"].*/, "", name)
    path = resolve(name, FILENAME)
    if (path != "") check_own(path)
    else if (quoted && FILENAME !~ /^(tests|bench)\//) complain("\"" name "\" is no file of the project")
    else check_foreign(name)
    next
}

{
    line = code($0)
    if (line ~ /^[ \t]*#[ \t]*pragma[ \t]+omp/ && FILENAME !~ /^(tests|bench)\// && !starts_with_one_of(FILENAME, words_of(only["omp.h"])))
        complain("OpenMP is only for" words_of(only["omp.h"]))
}
