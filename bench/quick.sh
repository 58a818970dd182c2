#!/usr/bin/env bash
# make bench-quick: one line for each main figure, in under a minute; nothing is judged. Few rounds on a machine that may be busy:
# rates and times are a glance, instruction counts are exact.
set -euo pipefail

# Figures without their goals, and the cost that engine/listens tells beside the rate.
figures() {
  sed -nE 's/^GOAL ([^ ]+) ([^ ]+) (.*) goal .*/\1 \2 \3/p; s/^windows of 30 h .* ([0-9.]+) core-seconds.*/memory_core_s_per_m \1 core-s\/M/p' |
    while read -r name value unit; do printf '%-22s %10s %s\n' "$name" "$value" "$unit"; done
}

# The counts, and what the repository has of them.
counts() {
  bench/counts/run.sh | awk '
    /^#/ { next }
    FNR == NR { kept[$1] = $2; next }
    { printf "%-22s %10.1f instructions a record (kept: %s)\n", $1, $2, $1 in kept ? kept[$1] : "none" }' bench/counts/counts.txt -
}

build/bench/engine/listens 250000 | figures
COUNT=2000000 ROUNDS=3 PARTS="drain first" bench/kafka/run.sh | figures
counts
