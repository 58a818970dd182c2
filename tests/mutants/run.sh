#!/usr/bin/env bash
# Plants the mistakes of `list` one at a time into a copy of the tree, and runs the simulation there: a mistake that it does not
# find within SEEDS histories is a hole in it. Usage: run.sh SEEDS [PART OF A NAME]
set -euo pipefail
cd "$(dirname "$0")/../.."

seeds=$1 part=${2:-} tree=build/mutants/tree limit=3600
program=build/tests/simulate/simulate.test

# The copy keeps times, and takes what is built: only what a mistake changes is compiled again.
rm -rf "$tree"
mkdir -p "$tree/build/tests"
cp -a Makefile engine jobs listeners tests "$tree"
[[ ! -d bench ]] || cp -a bench "$tree"
cp -a build/obj build/flags build/members build/kinds.c build/*.a "$tree/build"

make_program() { make -C "$tree" --no-print-directory -j"$(nproc)" CFLAGS="$1" "$program" >"$tree/make.log" 2>&1; }
planted=0 missed=0

# try NAME FILE REPLACEMENT
try() {
  local file=$tree/$2 log=$tree/simulate.log found status=0
  planted=$((planted + 1))
  cp -p "$file" "$tree/original"
  perl -0pi -e "$3" "$file"
  if cmp -s "$file" "$tree/original"; then
    found="FAIL  nothing is planted: $2 does not look so any more"
  elif ! make_program ""; then
    found="FAIL  does not compile: $(grep -m1 error "$tree/make.log")"
  else
    (cd "$tree" && SEED=1 SEEDS=$seeds timeout "$limit" "$program" >simulate.log 2>&1) || status=$?
    case $status in
      0) found="FAIL  not found in $seeds histories" ;;
      124) found="FAIL  not found within $limit s" ;;
      *) found="found $(grep -oEm1 'seed [0-9]+, .*' "$log" | cut -c1-110 || tail -n 1 "$log")" ;;
    esac
  fi
  [[ $found != FAIL* ]] || missed=$((missed + 1))
  printf '%-84s %s\n' "$1" "$found"
  cp "$tree/original" "$file" # with a new time
}

if ! make_program ""; then cat "$tree/make.log"; exit 1; fi
while read -r name; do
  [[ -n $name && $name != \#* ]] || continue
  read -r file
  read -r replacement
  [[ $name != *"$part"* ]] || try "$name" "$file" "$replacement"
done <tests/mutants/list

echo "$planted mistakes planted, $((planted - missed)) found, $missed not"
((missed == 0))
