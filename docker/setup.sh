#!/bin/sh
# Brings the index templates to Elasticsearch or the dashboards to Kibana (OpenSearch and its Dashboards take them, too);
# again does no harm. Usage: setup.sh templates|dashboards URL [FOLDER]
#
#     docker/setup.sh templates http://127.0.0.1:9200
#     docker/setup.sh dashboards http://127.0.0.1:5601
#
# A template counts for indices that are made after it. Needs curl; CURL_OPTIONS="-u name:password" is passed on.
set -eu

what=${1:-} url=${2:-} here=$(dirname "$0")

# send FILE OPTION ...: shows the answer when it is no success.
send() {
  file=$1
  shift
  set -f # a * in the options is none of files
  # shellcheck disable=SC2086 # several options in one variable
  if answer=$(curl -sS --fail-with-body --retry 5 --retry-connrefused ${CURL_OPTIONS:-} "$@"); then
    echo "$file: done"
  else
    echo "$file: refused: $answer" >&2
    exit 1
  fi
  set +f
}

case $what in
templates)
  for file in "${3:-$here/elasticsearch}"/*.json; do
    name=$(basename "$file" .json)
    send "$file" -X PUT -H 'Content-Type: application/json' --data-binary "@$file" "$url/_index_template/$name"
  done
  ;;
dashboards)
  for file in "${3:-$here/kibana}"/*.ndjson; do
    send "$file" -H 'kbn-xsrf: true' -H 'osd-xsrf: true' -F "file=@$file" "$url/api/saved_objects/_import?overwrite=true"
  done
  ;;
*)
  echo "usage: setup.sh templates|dashboards URL [FOLDER]" >&2
  exit 2
  ;;
esac
