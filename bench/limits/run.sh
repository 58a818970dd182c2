#!/usr/bin/env bash
# make bench-limits: the floor of each step on this machine, a table for each. With a server where a step needs one.
# Environment: COUNT=2000000 listens in the topic; FOLDER=build where bytes are synced; and that of bench/shared/servers.sh
set -euo pipefail
. bench/shared/servers.sh

for part in memory timer disk csv json record_batch redis; do
  printf '\n%s\n' "-- $part"
  case $part in
  disk) build/bench/limits/disk "${FOLDER:-build}" ;;
  record_batch) build/bench/limits/record_batch 2 ;;
  *) build/bench/limits/$part ;;
  esac
done
printf '\n%s\n' "-- kafka"
broker_start
topic_load limits "${COUNT:-2000000}"
build/bench/limits/kafka "$broker" limits "${COUNT:-2000000}"
