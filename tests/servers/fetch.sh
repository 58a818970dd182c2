#!/usr/bin/env bash
# Fetches the real servers of the system tests when they are not there yet; apart from the tests, so that a slow network is
# no slow test. Says what it fetches. Never fails: without a server its tests are skipped, and say why.
set -euo pipefail
cd "$(dirname "$0")"

VERSION=3.9.1 ./kafka.sh fetch || true
for script in kafka.sh search-server.sh; do
  ./"$script" fetch || true
done
