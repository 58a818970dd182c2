#!/usr/bin/env bash
# make bench-kafka: a real Kafka broker and a real Redis of its own, a topic of COUNT listens, and the comparison.
# Environment: COUNT=5000000 PARTITIONS=8 PORT=29292 (broker) REDIS_PORT=29379
set -euo pipefail
COUNT=${COUNT:-5000000} PARTITIONS=${PARTITIONS:-8} PORT=${PORT:-29292} REDIS_PORT=${REDIS_PORT:-29379}
folder=$(mktemp -d "${TMPDIR:-/tmp}/sluice-bench-kafka-XXXXXX")
redis=

finish() {
  PORT=$PORT RUN=$folder/kafka tests/servers/kafka.sh stop || true
  [[ -z $redis ]] || kill "$redis" 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT

customers() {
  echo 'CustID,Name,Gender,Address,zip,SignDate,Status,Level,Campaign,LinkedWithApps'
  awk 'BEGIN { for (i = 0; i < 5000; i++)
    printf "%d,\"Customer Number %d\",%d,\"%d Easy Gate Bend\",\"%05d\",\"01/13/2013\",1,%d,4,1\n", i, i, (i % 5 > 2), 10000 + i, i * 13 % 100000, i % 3 }'
}

PORT=$PORT RUN=$folder/kafka PARTITIONS=$PARTITIONS tests/servers/kafka.sh start
redis-server --port "$REDIS_PORT" --bind 127.0.0.1 --save '' --appendonly no --dir "$folder" >"$folder/redis.log" &
redis=$!
customers >"$folder/cust.csv"
build/jobs/import_customers --work-dir "$folder/import" --from "customers=file:$folder/cust.csv" \
  --conf "redis.url=redis://127.0.0.1:$REDIS_PORT" --conf log.level=warn
echo "loading $COUNT listens ..."
build/bench/kafka/drain load "127.0.0.1:$PORT" bench "$COUNT" "$PARTITIONS"
build/bench/kafka/drain compare "127.0.0.1:$PORT" bench "$COUNT" "redis://127.0.0.1:$REDIS_PORT"
