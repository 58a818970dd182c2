# servers.sh - a real Kafka broker and a real Redis of a benchmark's own; sourced by the run.sh scripts, which run at the top
# of the checkout. Both end with the script, and so does the folder $folder.
#
# Environment: PORT=29292 (broker, and its controller on the next) REDIS_PORT=29379
PORT=${PORT:-29292} REDIS_PORT=${REDIS_PORT:-29379} PARTITIONS=${PARTITIONS:-8}
broker=127.0.0.1:$PORT redis_url=redis://127.0.0.1:$REDIS_PORT
folder=$(mktemp -d "${TMPDIR:-/tmp}/sluice-bench-XXXXXX")
redis=

servers_end() {
  PORT=$PORT RUN=$folder/kafka tests/servers/kafka.sh stop || true
  [[ -z $redis ]] || kill "$redis" 2>/dev/null || true
  rm -rf "$folder"
}
trap servers_end EXIT

broker_start() {
  PORT=$PORT RUN=$folder/kafka PARTITIONS=$PARTITIONS tests/servers/kafka.sh start
}

# With the 5,000 customers of the listens.
redis_start() {
  redis-server --port "$REDIS_PORT" --bind 127.0.0.1 --save '' --appendonly no --dir "$folder" >"$folder/redis.log" &
  redis=$!
  {
    echo 'CustID,Name,Gender,Address,zip,SignDate,Status,Level,Campaign,LinkedWithApps'
    awk 'BEGIN { for (i = 0; i < 5000; i++)
      printf "%d,\"Customer Number %d\",%d,\"%d Easy Gate Bend\",\"%05d\",\"01/13/2013\",1,%d,4,1\n", i, i, (i % 5 > 2), 10000 + i, i * 13 % 100000, i % 3 }'
  } >"$folder/cust.csv"
  build/jobs/import_customers --work-dir "$folder/import" --from "customers=file:$folder/cust.csv" \
    --conf "redis.url=$redis_url" --conf log.level=warn
}

# topic_load TOPIC COUNT
topic_load() {
  echo "loading $2 listens ..."
  build/bench/kafka/drain load "$broker" "$1" "$2" "$PARTITIONS"
}
