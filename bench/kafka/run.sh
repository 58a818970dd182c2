#!/usr/bin/env bash
# make bench-kafka: a real Kafka broker and a real Redis of its own; a topic that is drained, a small one that is begun with, and
# live ones at a steady pace.
# Environment: COUNT=5000000 listens to drain; PARTS="drain first steady interval memory" or some of them; and that of
# bench/shared/servers.sh
set -euo pipefail
. bench/shared/servers.sh
COUNT=${COUNT:-5000000} FIRST=20000
at=build/bench/kafka

broker_start
redis_start
for part in ${PARTS:-drain first steady interval memory}; do
  printf '\n%s\n' "-- $part"
  case $part in
  drain)
    topic_load bench "$COUNT"
    $at/drain compare "$broker" bench "$COUNT" "$redis_url"
    ;;
  first)
    topic_load first "$FIRST"
    $at/first "$broker" first "$FIRST" "$redis_url"
    ;;
  steady) $at/steady "$broker" steady "$PARTITIONS" "$redis_url" ;;
  interval | memory) $at/inside "$part" "$broker" "$part" "$PARTITIONS" "$redis_url" ;;
  *) echo "run.sh: no part $part" >&2 && exit 2 ;;
  esac
done
