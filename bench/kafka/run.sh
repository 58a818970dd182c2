#!/usr/bin/env bash
# make bench-kafka: a real Kafka broker and a real Redis of its own, a topic of COUNT listens, and the comparison.
# Environment: COUNT=5000000 PARTITIONS=8, and that of bench/shared/servers.sh
set -euo pipefail
. bench/shared/servers.sh
COUNT=${COUNT:-5000000}

broker_start
redis_start
topic_load bench "$COUNT"
build/bench/kafka/drain compare "$broker" bench "$COUNT" "$redis_url"
