#!/bin/sh
# The container is well while its job answers on its control socket. One that waits for Redis, Kafka or Elasticsearch is
# well, too: starting it again would not bring them back. A supervised job between two starts is not.
set -eu

found=0
for folder in "${XDG_STATE_HOME:-$HOME/.local/state}"/sluice/*/; do
  [ -e "${folder}lock" ] || continue
  found=$((found + 1))
  told=$(sluice status --work-dir "$folder" --json)
  case $told in
  *'"pid":'[1-9]* | *'"pid": '[1-9]*) ;;
  *)
    echo "the job in $folder does not run: $told" >&2
    exit 1
    ;;
  esac
done
[ "$found" -gt 0 ] || { echo "no job runs here" >&2; exit 1; }
