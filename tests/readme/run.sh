#!/usr/bin/env bash
# Does what the pages say. Usage: run.sh [PAGE ...]; without one, all README files.
#
# A block of a page is one of these, and nothing else:
#     indented by four   commands, run in order by one shell in a copy of the tree. Behind two spaces stands what they are for.
#                        When one begins with "$ ", the other lines are what it prints, and are compared
#     ```output          what the last command before it printed, compared
#     ```c               stands in a file that is compiled and run: c_blocks.c sees to it. Behind "Write this to `FILE`" it is written
#     ```                a drawing or an example, without commands
# In what is printed times, ports, processes and durations may differ, "..." stands for anything, lines may be left out. A
# command that only looks is asked again until it tells what the page tells, for half a minute.
#
# not_run.list beside this file names the commands that are not run, each with the reason. Those of `make` are tried with -n.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
list=$here/not_run.list

scratch=$(mktemp -d "${TMPDIR:-/tmp}/sluice-readme.XXXXXX")
tree=$scratch/sluice
failed=0 ran=0 left_out=0 used=()

main() {
  trap clean_up EXIT
  cd "$checkout" || exit 2
  local pages=("$@") page
  [[ $# -gt 0 ]] || mapfile -t pages < <(find . -name README.md -not -path './build/*' | sed 's|^\./||' | sort)
  tree_copy
  surroundings
  for page in "${pages[@]}"; do page_run "$page"; done
  [[ $# -gt 0 ]] || list_is_needed
  echo "$ran commands of ${#pages[@]} pages ran, $left_out are in $(basename "$list")"
  ((failed == 0))
}

# What git knows and what is not ignored, as it is; and what was built, so that make has little to do.
tree_copy() {
  mkdir -p "$tree/build"
  cp -a .ci .clang-format .dockerignore LICENSE Makefile README.md bench docker engine jobs listeners tests "$tree"
  (cd build 2>/dev/null && cp -a --parents flags members kinds.c web.c libsluice.a libtests.a sluice jobs obj "$tree/build") 2>/dev/null
  }

# A home of its own, and make as it was called for what is built already, so that nothing is compiled anew.
surroundings() {
  MAKEFLAGS=
  [[ ! -f build/flags ]] || grep -q -- -flto build/flags || MAKEFLAGS='lto='
  export MAKEFLAGS HOME=$scratch/home
  unset VARIANT TESTS SLUICE_BUILD XDG_STATE_HOME MAKELEVEL MFLAGS
  mkdir "$HOME"
}

clean_up() {
  local name
  for name in $("$tree/build/sluice" list 2>/dev/null | sed '1d; s/ .*//'); do "$tree/build/sluice" stop "$name"; done >/dev/null 2>&1
  # shellcheck disable=SC2046 # numbers, or none
  kill $(jobs -p) 2>/dev/null
  rm -rf "$scratch"
}

wrong() {
  printf '%s\n' "$*"
  failed=$((failed + 1))
}

# ------------------------------------------------------------------------------------------------------------- a page's steps

# The page as lines "number KIND text": COMMAND, PRINTS (a line of what the command before it prints), WRITE file, CODE (a line
# for it), FENCE (a block that is none of the four kinds, or holds commands where there should be none).
page_steps() {
  awk '
    function told(kind, text) { print NR " " kind " " text }
    function ended() { if (command != "") told("COMMAND", command); command = "" }
    /^```/ && fence == "" {
      fence = $0; ended()
      if (fence == "```c" && file != "") told("WRITE", file)
      else if (fence !~ /^```(c|output)?$/) told("FENCE", "a block of a kind that is not known: " fence)
      next
    }
    /^```/ { fence = file = ""; next }
    fence == "```c" { if (file != "") told("CODE", $0); next }
    fence == "```output" { told("PRINTS", $0); next }
    fence == "```" {
      if ($0 ~ /^ *(\$ |make |sudo |docker |kcat |curl |cd |(build\/)?sluice [a-z]+( |$)|build\/)/)
        told("FENCE", "commands are indented, without a fence: " $0)
      next
    }
    match($0, /Write this to `[^`]*`/) { file = substr($0, RSTART + 15, RLENGTH - 16) }
    /^    [^ ]/ && (blank || indented) || indented && /^    / {
      if (!indented) dialog = /^    \$ /
      indented = 1; line = substr($0, 5)
      if (more) { sub(/^ +/, "", line) }
      else if (dialog && line !~ /^\$ /) { ended(); told("PRINTS", line); next }
      else { ended(); sub(/^\$ /, "", line) }
      more = sub(/ *\\$/, "", line)
      command = command (command == "" ? "" : " ") line
      if (!more) ended()
      next
    }
    { ended(); indented = more = 0; blank = /^$/ }
  ' "$1"
}

page_run() {
  local page=$1 where number kind text command= at= shown= file=
  where=$(realpath -e "$page") || { wrong "$page: there is no such page"; return; }
  cd "$tree" || exit 2
  page_steps "$where" >"$scratch/steps"
  while IFS= read -r -u 9 text; do
    number=${text%% *} text=${text#* }
    kind=${text%% *} text=${text#* }
    [[ $kind = PRINTS ]] && { shown+=$text$'\n'; continue; }
    [[ -z $command ]] || command_run "$page:$at" "$command" "$shown"
    command= shown=
    case $kind in
    COMMAND) command=${text%%  *} at=$number ;;
    WRITE)   file=$text; : >"$file" ;;
    CODE)    printf '%s\n' "$text" >>"$file" ;;
    FENCE)   wrong "$page:$number: $text" ;;
    esac
  done 9< <(cat "$scratch/steps"; echo "0 END ")
  cd "$checkout" || exit 2
}

# ----------------------------------------------------------------------------------------------------------------- one command

# Where it says so in the list, `make` is asked whether it could, and nothing else is done.
command_run() {
  local place=$1 command=$2 shown=$3 beginning reason status=0
  while IFS='|' read -r beginning reason; do
    [[ -n $reason && $command = "$(trimmed "$beginning")"* ]] || continue
    left_out=$((left_out + 1))
    used+=("$(trimmed "$beginning")")
    [[ $command != make* ]] || (eval "$(sed 's/^make/make -n/' <<<"$command")") >"$scratch/printed" 2>&1 </dev/null ||
      { wrong "$place: $command: make -n fails"; tail -n 3 "$scratch/printed"; }
    return
  done < <(grep -v '^#' "$list")
  ran=$((ran + 1))
  eval "$command" >"$scratch/printed" 2>&1 </dev/null || status=$?
  if ((status != 0)); then
    wrong "$place: $command: ends with $status, having printed:"
    cat "$scratch/printed"
  elif [[ -n $shown ]] && ! printed_in_time "$command" "$shown"; then
    wrong "$place: $command: the page shows"
    printf '%s' "$shown" | sed 's/^/   page: /'
    sed 's/^/   here: /' "$scratch/printed"
  fi
}

printed_in_time() {
  local until=$((SECONDS + 30))
  until printed_is "$2"; do
    [[ $1 =~ ^(cat|build/sluice\ (batches|status|list|checkpoint|dlq\ (list|show)))\  ]] && ((SECONDS < until)) || return 1
    sleep 0.2
    eval "$1" >"$scratch/printed" 2>&1 </dev/null
  done
}

# Each line that the page shows, in their order. White space does not count, since pages fold long lines.
printed_is() {
  local rest piece
  rest=$(without_chance <"$scratch/printed" | tr -d ' \t\n')
  while IFS= read -r piece; do
    [[ $rest = *"$piece"* ]] || return 1
    rest=${rest#*"$piece"}
  done < <(printf '%s' "$1" | without_chance | tr -d ' \t' | sed 's/\.\.\.\+/\n/g')
}

# Times, durations, rates, ports and processes all look the same.
without_chance() {
  sed -E 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z?/TIME/g; s/[0-9]{10,13}/MS/g; s/[0-9.]+ (ms|s|records\/s)\b/N \1/g
          s/127\.0\.0\.1:[0-9]+/ADDRESS/g; s/process [0-9]+/process N/g'
}

trimmed() {
  sed -E 's/^ +| +$//g' <<<"$1"
}

# An entry that no command begins with any more is of no use.
list_is_needed() {
  local beginning reason known
  while IFS='|' read -r beginning reason; do
    beginning=$(trimmed "$beginning")
    [[ -n $beginning ]] || continue
    [[ -n $reason ]] || wrong "$list: $beginning: no reason"
    known=" $(printf '%s\n' "${used[@]}") "
    grep -qxF "$beginning" <<<"$known" || [[ " ${used[*]} " = *" $beginning "* ]] || wrong "$list: $beginning: begins no command"
    for known in $(grep -oE 'tests/[a-z_/]+\.(c|sh)' <<<"$reason"); do
      [[ -f $known ]] || wrong "$list: $known: is not there"
    done
  done < <(grep -v '^#' "$list")
}

main "$@"
