# Reads what run.sh measured, a line per run; prints the table and the GOAL lines.
#
#     drain NAME ROUND rate=... warm_rate=... cpu=... warm_cpu=... rss=... first=...
#     start NAME ROUND first=...                               of a few listens in small batches
#     steady NAME INTERVAL share=... p50=... p99=...          keeps NAME INTERVAL

function median(list,    count, values, i, j, kept) {
    count = split(list, values, " ")
    for (i = 2; i <= count; i++)
        for (j = i; j > 1 && values[j] + 0 < values[j - 1] + 0; j--) {
            kept = values[j]; values[j] = values[j - 1]; values[j - 1] = kept
        }
    return count ? values[int((count + 1) / 2)] : ""
}

function middle(name, figure) { return median(all[name, figure]) }

function shown(format, value) { return value == "" ? "-" : sprintf(format, value) }

# Sluice against a peer, each round for itself; upside: more is better.
function ratio(name, figure, upside,    list, round, ours, theirs) {
    for (round = 1; round <= rounds; round++) {
        ours = of["sluice", round, figure]; theirs = of[name, round, figure]
        if (ours > 0 && theirs > 0) list = list " " (upside ? ours / theirs : theirs / ours)
    }
    return median(list)
}

function best(figure, upside,    i, value, found, most) {
    for (i = 1; i <= names; i++) {
        value = middle(name_of[i], figure)
        if (name_of[i] == "sluice" || value == "") continue
        if (found == "" || (upside ? value + 0 > most + 0 : value + 0 < most + 0)) { found = name_of[i]; most = value }
    }
    return found
}

function goal(what, value, unit, sense, bound) {
    if (value == "") return
    printf "GOAL %s %.3g %s goal %s%s %s\n", what, value, unit, sense, bound, \
        (sense == ">=" ? value >= bound : value <= bound) ? "met" : "missed"
}

BEGIN {
    title["sluice"] = "Sluice"; title["kafka-streams"] = "Kafka Streams"; title["flink"] = "Flink"
    title["spark"] = "Spark Streaming"; title["structured"] = "Structured Streaming"; title["tutorial"] = "Spark, as the tutorial writes it"
}

{
    name = $2
    if (!(name in known)) { known[name] = 1; name_of[++names] = name }
    if ($1 == "keeps" && (!(name in kept) || $3 + 0 < kept[name] + 0)) kept[name] = $3
    for (i = 4; i <= NF; i++) {
        split($i, pair, "=")
        if ($1 == "drain") { of[name, $3, pair[1]] = pair[2]; all[name, pair[1]] = all[name, pair[1]] " " pair[2] }
        if ($1 == "start") all[name, "start"] = all[name, "start"] (pair[1] == "first" ? " " pair[2] : "")
        if ($1 == "steady" && $3 == 2000) steady[name, pair[1]] = pair[2]
    }
    if ($1 == "drain" && $3 > rounds) rounds = $3
}

END {
    print "| engine | M records/s, whole / warm | core-s per M, whole / warm | peak RSS, MB | first batch, ms | share of a core, % | delay p50 / p99, ms | shortest interval, ms |"
    print "|---|---|---|---|---|---|---|---|"
    for (i = 1; i <= names; i++) {
        name = name_of[i]
        printf "| %s | %s / %s | %s / %s | %s | %s | %s | %s / %s | %s |\n", title[name], shown("%.2f", middle(name, "rate")),
            shown("%.2f", middle(name, "warm_rate")), shown("%.3f", middle(name, "cpu")), shown("%.3f", middle(name, "warm_cpu")),
            shown("%d", middle(name, "rss")), shown("%d", middle(name, "start")), shown("%.1f", steady[name, "share"]),
            shown("%d", steady[name, "p50"]), shown("%d", steady[name, "p99"]), shown("%d", kept[name])
    }
    print ""
    print "```"
    goal("kafka_vs_best_peer_rate", ratio(best("warm_rate", 1), "warm_rate", 1), "x", ">=", 3)
    goal("kafka_vs_best_peer_cpu", ratio(best("warm_cpu", 0), "warm_cpu", 0), "x", ">=", 3)
    goal("kafka_vs_best_peer_cpu_whole", ratio(best("cpu", 0), "cpu", 0), "x", ">=", 5)
    goal("rss_vs_peer", middle(best("rss", 0), "rss") ? middle("sluice", "rss") / middle(best("rss", 0), "rss") : "", "x", "<=", 0.1)
    print "```"
}
