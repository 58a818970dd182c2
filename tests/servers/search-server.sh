#!/usr/bin/env bash
# A real OpenSearch or Elasticsearch node on loopback; its zip comes from Maven Central and is checked by its SHA-256.
#
#     search-server.sh fetch | start | stop          start prints "URL pid PID" when the node answers
#
# Environment, all optional:
#     FLAVOUR=opensearch|elasticsearch    VERSION= SHA256= (both, for another one than the default)
#     PORT=9200        the transport listens on PORT + 100
#     HEAP=512m        SERVER_JAVA= (a java that the server is to use instead of the first in PATH)
#     ROOT=            where the server is kept; default: the tests' cache folder
#     RUN=             data, logs, settings and pid of this node; default ROOT/run-FLAVOUR-PORT
#     EXTRA=           node settings, "-Ekey=value -Ekey=value"
#     START_SECONDS=120 how long the node may take
#
# The server refuses to run as root. Started by root it runs as SERVER_USER (nobody), and since that user cannot enter
# root's home, ROOT then is in /var/tmp. Exit codes: common.sh. 77 means: cannot be had here.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[[ $(id -u) = 0 ]] && CACHE=/var/tmp/sluice-tests
FLAVOUR=${FLAVOUR:-opensearch} PORT=${PORT:-9200} HEAP=${HEAP:-512m} ROOT=${ROOT:-$CACHE}
RUN=${RUN:-$ROOT/run-$FLAVOUR-$PORT} START_SECONDS=${START_SECONDS:-120} SERVER_USER=${SERVER_USER:-nobody}
FLAGS=()
case $FLAVOUR in
opensearch)
  VERSION=${VERSION:-2.19.3}
  SHA256=${SHA256:-760530e522de0a9f06380d4a4a43dfd83c31fa8911f41745513ce715ed5dfd03}
  ;;
elasticsearch)
  VERSION=${VERSION:-8.17.0}
  SHA256=${SHA256:-c3e814c3fa6b31ffaa2bad55c3aa2121fd595b3ffe08a7adf3a4579adbcb91d9}
  FLAGS=(-Expack.security.enabled=false)
  ;;
*)
  echo "search-server.sh: FLAVOUR is opensearch or elasticsearch, not $FLAVOUR" >&2
  exit 2
  ;;
esac
SERVER=$ROOT/$FLAVOUR-$VERSION PIDFILE=$RUN/pid URL=http://127.0.0.1:$PORT

get_server() {
  need unzip sha256sum
  maven org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy -DoutputDirectory="$1" \
    -Dartifact="org.$FLAVOUR.distribution.integ-test-zip:$FLAVOUR:$VERSION:zip" || return
  echo "$SHA256  $1/$FLAVOUR-$VERSION.zip" | sha256sum -c --quiet >&2 || return
  unzip -q "$1/$FLAVOUR-$VERSION.zip" -d "$1" || return
  chmod -R a+rX "$1/$FLAVOUR-$VERSION"
  mv "$1/$FLAVOUR-$VERSION" "$1/got"
}

# In a folder that all users may write, root only trusts what root made.
check_root() {
  mkdir -p "$ROOT" || skip "cannot make $ROOT"
  [[ -O $ROOT ]] || skip "$ROOT belongs to another user; give ROOT="
}

fetch() {
  check_root
  fetch_once "$SERVER" get_server
}

# Sets the array `as`: how to become the user who runs the server, who must own the run folder and be able to enter both.
become() {
  as=()
  [[ $(id -u) = 0 ]] || return 0
  need setpriv
  id "$SERVER_USER" >/dev/null 2>&1 || skip "there is no user $SERVER_USER to run the server as; give SERVER_USER="
  as=(setpriv --reuid "$(id -u "$SERVER_USER")" --regid "$(id -g "$SERVER_USER")" --clear-groups)
  chown -R "$(id -u "$SERVER_USER"):$(id -g "$SERVER_USER")" "$RUN"
  "${as[@]}" test -r "$SERVER/bin/$FLAVOUR" -a -w "$RUN" || skip "user $SERVER_USER cannot enter $SERVER or $RUN; give ROOT= and RUN="
}

launch() {
  local home
  home=$(dirname "$(dirname "$(readlink -f "${SERVER_JAVA:-$(command -v java)}")")")
  cd "$SERVER"
  export HOME=$RUN {ES,OPENSEARCH}_TMPDIR="$RUN/tmp" {ES,OPENSEARCH}_JAVA_HOME="$home" {ES,OPENSEARCH}_PATH_CONF="$RUN/conf" \
    {ES,OPENSEARCH}_JAVA_OPTS="-Xms$HEAP -Xmx$HEAP"
  exec setsid "${as[@]}" "bin/$FLAVOUR" -p "$PIDFILE" -Ediscovery.type=single-node -Enetwork.host=127.0.0.1 \
    -Ehttp.port="$PORT" -Etransport.port=$((PORT + 100)) -Epath.data="$RUN/data" -Epath.logs="$RUN/logs" \
    -Enode.store.allow_mmap=false -Ecluster.routing.allocation.disk.threshold_enabled=false "${FLAGS[@]}" ${EXTRA:-}
}

start() {
  local pid job until
  if pid=$(runs "$PIDFILE" "$FLAVOUR"); then
    echo "$URL pid $pid"
    return
  fi
  need java curl
  fetch
  if answers_tcp "$PORT"; then
    echo "search-server.sh: port $PORT is taken by another process; give PORT=" >&2
    return 1
  fi
  rm -f "$PIDFILE"
  mkdir -p "$RUN"/{data,logs,conf,tmp}
  cp -r "$SERVER"/config/. "$RUN/conf/"
  sed -i '/logs\//d' "$RUN/conf/jvm.options" # relative to the server's folder, which nodes share and may not write
  become
  launch >"$RUN/console.log" 2>&1 </dev/null &
  job=$!
  until=$((SECONDS + START_SECONDS))
  while ((SECONDS < until)) && kill -0 "$job" 2>/dev/null; do
    if curl -sf -m 10 --noproxy '*' -o /dev/null "$URL/_cluster/health?wait_for_status=yellow&timeout=5s"; then
      echo "$URL pid $(<"$PIDFILE")"
      return
    fi
    sleep 0.25
  done
  grep -vE '^[[:space:]]+at ' "$RUN/console.log" | tail -20 >&2 || true # what went wrong stands above Java's stack traces
  stop
  kill -9 "$job" 2>/dev/null || true
  return 1
}

stop() {
  end "$PIDFILE" "$FLAVOUR"
}

case ${1:-} in
fetch | start | stop) "$1" ;;
*)
  echo "usage: search-server.sh fetch|start|stop" >&2
  exit 2
  ;;
esac
