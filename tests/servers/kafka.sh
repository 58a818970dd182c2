#!/usr/bin/env bash
# A real Apache Kafka broker on loopback: one node, broker and controller in one (KRaft), its jars from Maven Central.
#
#     kafka.sh fetch | start | stop          start prints "HOST:PORT pid PID" when the broker answers
#     kafka.sh tool CLASS ARGUMENTS          one of Kafka's own tools, as kafka.admin.ConfigCommand
#
# Environment, all optional:
#     PORT=29092       the controller listens on PORT + 1
#     VERSION=4.1.0    HEAP=512m    PARTITIONS=8 (of topics that appear by themselves)
#     ROOT=            where the jars are kept; default: the tests' cache folder
#     RUN=             data, logs and pid of this broker; default ROOT/run-kafka-PORT. Starting again finds its data
#     METRICS_PORT=    Prometheus text of the JMX exporter on this port, by docker/kafka/metrics.yaml
#     EXTRA=           broker settings, "key=value key=value"
#     SECURE=1         two more listeners: PORT + 2 wants TLS and a login (alice, sesame: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512)
#                      and is certified as 127.0.0.1; PORT + 3 wants TLS and a certificate, and is certified as localhost.
#                      RUN/tls has ca.pem, stranger.pem (another CA), client.pem and client.key (password: sesame)
#     START_SECONDS=120 how long the broker may take
# Exit codes: common.sh. 77 means: cannot be had here.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

VERSION=${VERSION:-4.1.0} PORT=${PORT:-29092} HEAP=${HEAP:-512m} ROOT=${ROOT:-$CACHE}
RUN=${RUN:-$ROOT/run-kafka-$PORT} START_SECONDS=${START_SECONDS:-120}
EXPORTER=1.0.1 METRICS=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../../docker/kafka/metrics.yaml")
JARS=$ROOT/kafka-$VERSION FORMATTED=$ROOT/kafka-$VERSION-formatted${SECURE:+-secure} PIDFILE=$RUN/pid

# Maven resolves the broker's dependencies; no distribution is downloaded.
get_jars() {
  cat >"$1/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$VERSION</version></dependency>
    <dependency><groupId>io.prometheus.jmx</groupId><artifactId>jmx_prometheus_javaagent</artifactId><version>$EXPORTER</version></dependency>
  </dependencies></project>
POM
  maven -f "$1/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies -DoutputDirectory="$1/got"
}

# What each listener shows is one file, key and certificate; a client's key is encrypted.
certify() {
  local name=$1 subject=$2
  openssl req -new -newkey rsa:2048 -nodes -keyout "$name.key" -subj "/CN=$name" -out "$name.csr" -addext "subjectAltName=$subject"
  openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -copy_extensions copy -out "$name.pem"
  cat "$name.key" "$name.pem" >"$name.both"
}

certificates() (
  [[ -e $RUN/tls/done ]] && return
  need openssl
  mkdir -p "$RUN/tls"
  cd "$RUN/tls"
  {
    for name in ca stranger; do
      openssl req -x509 -newkey rsa:2048 -nodes -keyout "$name.key" -subj "/CN=$name" -days 3650 -out "$name.pem"
    done
    certify login IP:127.0.0.1
    certify mutual DNS:localhost
    certify client DNS:client
    openssl pkcs8 -topk8 -v2 aes-256-cbc -in client.key -passout pass:sesame -out encrypted.key
    mv encrypted.key client.key
  } >openssl.log 2>&1 || {
    tail -5 openssl.log >&2
    return 1
  }
  touch done
)

secure_settings() {
  local module=org.apache.kafka.common.security name
  cat <<CONF
listeners=PLAINTEXT://127.0.0.1:$PORT,CONTROLLER://127.0.0.1:$((PORT + 1)),LOGIN://127.0.0.1:$((PORT + 2)),MUTUAL://localhost:$((PORT + 3))
advertised.listeners=PLAINTEXT://127.0.0.1:$PORT,LOGIN://127.0.0.1:$((PORT + 2)),MUTUAL://localhost:$((PORT + 3))
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,LOGIN:SASL_SSL,MUTUAL:SSL
listener.name.login.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.login.plain.sasl.jaas.config=$module.plain.PlainLoginModule required user_alice="sesame";
listener.name.login.scram-sha-256.sasl.jaas.config=$module.scram.ScramLoginModule required;
listener.name.login.scram-sha-512.sasl.jaas.config=$module.scram.ScramLoginModule required;
listener.name.mutual.ssl.client.auth=required
CONF
  for name in login mutual; do
    cat <<CONF
listener.name.$name.ssl.keystore.type=PEM
listener.name.$name.ssl.keystore.location=$RUN/tls/$name.both
listener.name.$name.ssl.truststore.type=PEM
listener.name.$name.ssl.truststore.location=$RUN/tls/ca.pem
CONF
  done
}

fetch() {
  fetch_once "$JARS" get_jars
}

settings() {
  cat <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((PORT + 1))
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$RUN/data
num.partitions=${PARTITIONS:-8}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
CONF
  if [[ -n ${SECURE:-} ]]; then
    secure_settings
  else
    echo "listeners=PLAINTEXT://127.0.0.1:$PORT,CONTROLLER://127.0.0.1:$((PORT + 1))"
    echo "advertised.listeners=PLAINTEXT://127.0.0.1:$PORT"
  fi
  local pair
  for pair in ${EXTRA:-}; do
    echo "$pair"
  done
}

# A formatted data folder, which says nothing of ports and paths: each broker gets a copy of it, and two starts of Java less.
# A failure is one of the test, not of the fetch.
get_formatted() {
  local RUN=$1 EXTRA='' scram users=()
  if [[ -n ${SECURE:-} ]]; then
    for scram in SCRAM-SHA-256 SCRAM-SHA-512; do
      users+=(--add-scram "$scram=[name=alice,password=sesame]")
    done
  fi
  SECURE='' settings >"$RUN/server.properties"
  timeout 120 java -cp "$JARS/*" kafka.tools.StorageTool format -t "$(head -c 16 /dev/urandom | base64 | tr +/ AB | cut -c 1-22)" \
    -c "$RUN/server.properties" "${users[@]}" >"$RUN/format.log" 2>&1 || {
    tail -20 "$RUN/format.log" >&2
    exit 1
  }
  mv "$RUN/data" "$RUN/got"
}

# A marker tells a whole copy from one that was interrupted.
format() {
  [[ -e $RUN/formatted ]] && return
  fetch_once "$FORMATTED" get_formatted
  rm -rf "${RUN:?}/data"
  cp -r "$FORMATTED" "$RUN/data"
  touch "$RUN/formatted"
}

# The port is open a moment before metadata is there, so kcat is asked; without kcat the broker's log has to do.
is_up() {
  if command -v kcat >/dev/null; then
    timeout 5 kcat -b "127.0.0.1:$PORT" -L -m 1 >/dev/null 2>&1
  else
    grep -q 'Kafka Server started' "$RUN/console.log" && answers_tcp "$PORT"
  fi
}

start() {
  local pid agent=() until
  if pid=$(runs "$PIDFILE" "$RUN/server.properties"); then
    echo "127.0.0.1:$PORT pid $pid"
    return
  fi
  need java
  fetch
  if answers_tcp "$PORT"; then
    echo "kafka.sh: port $PORT is taken by another process; give PORT=" >&2
    return 1
  fi
  mkdir -p "$RUN"
  [[ -z ${SECURE:-} ]] || certificates
  settings >"$RUN/server.properties"
  format
  if [[ -n ${METRICS_PORT:-} ]]; then
    agent=("-javaagent:$JARS/jmx_prometheus_javaagent-$EXPORTER.jar=127.0.0.1:$METRICS_PORT:$METRICS")
  fi
  setsid java "-Xmx$HEAP" "-Xms$HEAP" -XX:+UseSerialGC "${agent[@]}" -cp "$JARS/*" kafka.Kafka "$RUN/server.properties" \
    >"$RUN/console.log" 2>&1 </dev/null &
  pid=$!
  echo "$pid" >"$PIDFILE"
  until=$((SECONDS + START_SECONDS))
  while ((SECONDS < until)) && kill -0 "$pid" 2>/dev/null; do
    if is_up; then
      echo "127.0.0.1:$PORT pid $pid"
      return
    fi
    sleep 0.1
  done
  tail -20 "$RUN/console.log" >&2
  stop
  return 1
}

stop() {
  end "$PIDFILE" "$RUN/server.properties"
}

tool() {
  need java
  fetch
  exec java -cp "$JARS/*" "$@"
}

case ${1:-} in
tool) "$@" ;;
fetch | start | stop) "$1" ;;
*)
  echo "usage: kafka.sh fetch|start|stop|tool" >&2
  exit 2
  ;;
esac
