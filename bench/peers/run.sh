#!/usr/bin/env bash
# make bench-peers: the job listens on Sluice, Kafka Streams, Flink and Spark, each draining the same topic of one real broker and
# then keeping up with a steady stream. Their results are compared with a recount; the table goes into bench/README.md.
#
# Environment, all optional:
#     COUNT=20000000    listens of the topic that is drained        ROUNDS=3    interleaved rounds
#     FEW=200000        listens for the slow form, and for the comparison of documents
#     RATE=100000       listens a second of the steady stream       SECONDS_STEADY=40    for so long
#     INTERVALS="2000 500 200 100 50 20 2"    of the steady stream, in ms; tried until one is too short
#     ENGINES="..."     of those below                              STEADY=yes|no
#     NOTE=""           a line for below the date               and those of bench/shared/servers.sh
set -euo pipefail
. bench/shared/servers.sh
COUNT=${COUNT:-20000000} ROUNDS=${ROUNDS:-3} FEW=${FEW:-200000} NOTE=${NOTE:-}
RATE=${RATE:-100000} SECONDS_STEADY=${SECONDS_STEADY:-40} INTERVALS=${INTERVALS:-2000 500 200 100 50 20 2} STEADY=${STEADY:-yes}
ENGINES=${ENGINES:-sluice kafka-streams flink spark structured} SLOW=${SLOW:-tutorial}
here=$(dirname "$0") busy=$(awk '{ print $1 }' /proc/loadavg)
export LC_ALL=C

# ---- Recount ----

# recount TOPIC COUNT: from the lines themselves, by other means than any of the engines.
recount() {
  mkdir -p "$folder/recount-$1"
  kcat -C -b "$broker" -t "$1" -o beginning -e -q -c "$2" | awk -F, -v customers="$folder/cust.csv" '
    BEGIN { while ((getline line <customers) > 0) { split(line, field, ","); gender[field[1]] = field[3] } }
    { plays[gender[$2] "\t" $3]++ }
    END { for (key in plays) print key "\t" plays[key] }' | sort >"$folder/recount-$1/counts"
  lists <"$folder/recount-$1/counts" >"$folder/recount-$1/top"
}

# The ten most played tracks of each gender: gender, rank, track, plays.
lists() {
  sort -t "$(printf '\t')" -k1,1 -k3,3nr -k2,2 | awk -F'\t' '{ rank = ++seen[$1] } rank <= 10 { print $1 "\t" rank "\t" $2 "\t" $3 }'
}

# ---- Engines: NAME TOPIC COUNT INTERVAL TAKE, under watch ----

opens() {
  local package
  for package in lang lang.invoke lang.reflect io net nio util util.concurrent util.concurrent.atomic; do
    printf -- '--add-opens=java.base/java.%s=ALL-UNNAMED ' "$package"
  done
  printf -- '--add-opens=java.base/sun.%s=ALL-UNNAMED ' nio.ch nio.cs security.action util.calendar
}

peer() {
  local module=$1 class=$2 name=$3 topic=$4 count=$5 interval=$6 take=$7
  rm -rf "$folder/out-$name"
  # shellcheck disable=SC2046
  build/bench/peers/watch "$count" java $(opens) -XX:+UseParallelGC -Xms1g -Xmx1500m -cp "build/peers/$module/$module-1.jar:build/peers/$module/lib/*" \
    "peers.$class" "servers=$broker" "topic=$topic" "redis=$redis_url" "count=$count" "interval=$interval" "take=$take" \
    "out=$folder/out-$name" 2>"$folder/$name.log" || { tail -20 "$folder/$name.log" >&2; return 1; }
}

sluice() {
  local topic=$1 count=$2 interval=$3 ends=$4 watch=(-s "$count") word=()
  [[ $ends != ends ]] || { watch=("$count") word=(--available-now); }
  rm -rf "$folder/sluice"
  build/bench/peers/watch "${watch[@]}" build/jobs/listens --topic "$topic" --interval "${interval}ms" "${word[@]}" --work-dir "$folder/sluice" \
    --conf "kafka.bootstrap.servers=$broker" --conf "redis.url=$redis_url" --conf log.level=warn \
    --to documents=null --to top_tracks=null --to interests=null --listen console
}

engine() {
  local name=$1 topic=$2 count=$3 interval=$4 take=$5
  case $name in
  sluice) sluice "$topic" "$count" "$([[ $take -gt 0 ]] && echo 2000 || echo "$interval")" "$([[ $take -gt 0 ]] && echo ends)" ;;
  kafka-streams) peer kafka-streams KafkaStreamsPeer "$@" ;;
  flink) peer flink FlinkPeer "$@" ;;
  spark) peer spark SparkPeer "$@" ;;
  structured) peer spark StructuredPeer "$@" ;;
  tutorial) peer spark TutorialPeer "$@" ;;
  esac
}

# ---- Equality ----

differs() {
  echo "run.sh: $1 differs from $2" >&2
  diff "$3" "$4" | head -5 >&2
  exit 1
}

# same NAME TOPIC: a peer's counts and lists are those of the recount, its sums those of the peer before it.
same() {
  local got=$folder/out-$1 wanted=$folder/recount-$2
  sort "$got/counts" >"$got/sorted"
  cmp -s "$got/sorted" "$wanted/counts" || differs "$1's counts" "the recount" "$got/sorted" "$wanted/counts"
  cmp -s "$got/top" "$wanted/top" || differs "$1's top 10" "the recount" "$got/top" "$wanted/top"
  [[ -e $folder/sums-$2 ]] || cp "$got/sums" "$folder/sums-$2"
  cmp -s "$got/sums" "$folder/sums-$2" || differs "$1's sum of documents" "another peer's" "$got/sums" "$folder/sums-$2"
}

# Sluice once with files: the lists are the recount's, the documents (without their ids) as many and as long as a peer's.
sluice_same() {
  local out=$folder/files newest
  build/jobs/listens --topic "$1" --available-now --work-dir "$folder/checked" --conf "kafka.bootstrap.servers=$broker" \
    --conf "redis.url=$redis_url" --conf log.level=warn --to "documents=file:$out" --to "top_tracks=file:$out" --to interests=null
  newest=$(find "$out/ba_top_tracks" -name '*.ndjson' | sort | tail -1)
  sed -E 's/.*"gender":"([^"]*)","rank":([0-9]*),"track_id":"([^"]*)","plays":([0-9]*).*/\1\t\2\t\3\t\4/' "$newest" >"$folder/sluice-top"
  cmp -s "$folder/sluice-top" "$folder/recount-$1/top" || differs "Sluice's top 10" "the recount" "$folder/sluice-top" "$folder/recount-$1/top"
  cat "$out"/ba_realtime2/*.ndjson | sed -E 's/"_id":"[^"]*",//' |
    awk '{ bytes += length($0) } END { printf "records %d\ndocuments %d\nmissed 0\nbytes %d\n", NR, NR, bytes }' >"$folder/sluice-sums"
  cmp -s "$folder/sluice-sums" "$folder/sums-$1" || differs "Sluice's sum of documents" "the peers'" "$folder/sluice-sums" "$folder/sums-$1"
  rm -rf "$out"
}

# ---- Measuring ----

# drain ROUND ENGINE ...
drain() {
  local round=$1 name figures
  shift
  for name in "$@"; do
    figures=$(engine "$name" bench "$COUNT" 500 1000000)
    [[ $name == sluice ]] || same "$name" bench
    echo "drain $name $round $figures" | tee -a "$folder/figures"
  done
}

drains() {
  local round backwards=
  for name in $ENGINES; do
    backwards="$name $backwards"
  done
  for ((round = 1; round <= ROUNDS; round++)); do
    # shellcheck disable=SC2086
    if ((round % 2)); then drain "$round" $ENGINES; else drain "$round" $backwards; fi
  done
}

# Small batches, so that the first one is done as soon as the engine can.
few() {
  local name figures round
  for ((round = 1; round <= ROUNDS; round++)); do
    for name in $ENGINES; do
      figures=$(engine "$name" few "$FEW" 100 20000)
      [[ $name == sluice ]] || same "$name" few
      echo "start $name $round $figures" | tee -a "$folder/figures"
    done
  done
  sluice_same few
  echo "$FEW listens: counts, lists and documents of all are the same"
  for name in $SLOW; do
    figures=$(engine "$name" few "$FEW" 2000 1000000)
    same "$name" few
    echo "drain $name 1 $figures" | tee -a "$folder/figures"
  done
}

# steady ENGINE INTERVAL: while a stream comes in. What is late at the end, or in the middle, does not keep up.
steady() {
  local topic=steady-$1-$2 count=$((RATE * SECONDS_STEADY)) generator figures
  build/bench/kafka/drain load "$broker" "$topic" 0 "$PARTITIONS"
  build/jobs/generate --name "$topic" --rate "$RATE" --count "$count" --tracks 100000 --interval 10ms --work-dir "$folder/generate-$topic" \
    --to "listens=kafka:$topic" --conf "kafka.bootstrap.servers=$broker" --conf log.level=warn >/dev/null &
  generator=$!
  if figures=$(engine "$1" "$topic" "$count" "$2" 0); then
    echo "steady $1 $2 $figures" | tee -a "$folder/figures"
  fi
  kill "$generator" 2>/dev/null || true
  wait "$generator" 2>/dev/null || true
  awk -v interval="$2" '{ for (i = 4; i <= NF; i++) { split($i, pair, "="); of[pair[1]] = pair[2] } }
    END { exit !(of["p50"] != "" && of["p50"] <= interval && of["last"] <= interval) }' <<<"steady $1 $2 ${figures:-}"
}

steadies() {
  local name interval
  for name in $ENGINES; do
    for interval in $INTERVALS; do
      steady "$name" "$interval" || break
      echo "keeps $name $interval" >>"$folder/figures"
    done
  done
}

# ---- The table ----

version_of() {
  sed -n "s|.*<$1>\(.*\)</$1>.*|\1|p" "$here/pom.xml"
}

describe() {
  echo "$(date +%F), $(nproc) cores ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)), $(. /etc/os-release && echo "$PRETTY_NAME"), $(java -version 2>&1 | sed -n 2p | sed 's/ (.*//')," \
    "Kafka $(sed -n 's/^VERSION=${VERSION:-\(.*\)} PORT.*/\1/p' tests/servers/kafka.sh), Kafka Streams $(version_of kafka.streams.version)," \
    "Flink $(version_of flink.version), Spark $(version_of spark.version). $COUNT listens, $ROUNDS rounds, medians; load average before: $busy."
  [[ -z $NOTE ]] || echo "$NOTE"
  echo
  awk -f "$here/table.awk" "$folder/figures"
}

publish() {
  describe | tee "$folder/table"
  awk -v table="$folder/table" '
    /^<!-- peers end/ { while ((getline line <table) > 0) print line; inside = 0 }
    !inside
    /^<!-- peers: / { inside = 1 }' bench/README.md >"$folder/README.md"
  cp "$folder/README.md" bench/README.md
}

mvn -q -B -f "$here/pom.xml" package
broker_start
redis_start
topic_load few "$FEW"
recount few "$FEW"
few
topic_load bench "$COUNT"
recount bench "$COUNT"
build/bench/kafka/drain bare "$broker" bench "$COUNT"
drains
[[ $STEADY != yes ]] || steadies
publish
