#!/usr/bin/env bash
# docker/: its files parse, name only what is there, and keep its rules; what has a checker of its own is given to it. A checker
# that is not installed is named, and its part is not checked: hadolint, promtool (package prometheus), python3 with
# PyYAML (python3-yaml). COMPOSE_SCHEMA=FILE, compose-spec.json of the Compose Specification, is held against compose.yaml
# (python3-jsonschema).
source "$(dirname "$0")/common.sh"
[[ -d docker ]] || exit 0

unchecked=()

dockerfiles() {
  command -v hadolint >/dev/null || { unchecked+=("Dockerfiles (no hadolint)"); return; }
  find docker -name Dockerfile -print0 | xargs -0 hadolint --no-color 2>&1 || true
}

rules() {
  command -v promtool >/dev/null || { unchecked+=("Prometheus' settings and alerts (no promtool)"); return; }
  local output
  output=$(promtool check config docker/prometheus/prometheus.yml 2>&1) || echo "docker/prometheus/prometheus.yml:1: $output"
  output=$(promtool test rules tests/docker/alerts_test.yaml 2>&1) || echo "tests/docker/alerts_test.yaml:1: $output"
}

compose() {
  python3 -c 'import yaml' 2>/dev/null || { unchecked+=("compose.yaml (no python3 with PyYAML)"); return; }
  python3 -B "$here/compose.py" ${COMPOSE_SCHEMA:+"$COMPOSE_SCHEMA"} || true
}

# Each alert has its paragraph in the runbook and a test in which it fires, and each paragraph its alert.
runbook() {
  local alerts=docker/prometheus/alerts.yaml book=engine/package/README.md trials=tests/docker/alerts_test.yaml name
  for name in $(sed -n 's/^ *- alert: //p' "$alerts"); do
    grep -qx "### $name" "$book" || echo "$book:1: has no paragraph about the alert $name"
    grep -qx " *- alertname: $name" "$trials" || echo "$trials:1: the alert $name never fires in it"
  done
  for name in $(sed -n 's/^### \(Sluice[A-Z]\|Kafka[A-Z]\)/\1/p' "$book"); do
    grep -q "^ *- alert: $name$" "$alerts" || echo "$alerts:1: has no alert $name, which the runbook tells of"
  done
}

scripts() {
  local script
  for script in docker/*.sh; do
    sh -n "$script" || true
    [[ -x $script ]] || echo "$script:1: is no program"
  done
}

found=$(mktemp)
trap 'rm -f "$found"' EXIT
{ dockerfiles; rules; compose; runbook; scripts; } >"$found" 2>&1
((${#unchecked[@]} == 0)) || printf 'not checked: %s\n' "${unchecked[@]}"
finish "docker/README.md says what belongs where." <"$found"
