# common.sh - what the scripts that start real servers share; sourced, never run.
#
# Exit codes: 0 done; 1 the server did not come up (its last words are on standard error); 2 wrong use; 77 it cannot be
# had on this machine, so that a test skips: Java or Maven is missing, or the software could not be fetched.

CACHE=${SLUICE_TEST_CACHE:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/sluice-tests}
FETCH_SECONDS=${FETCH_SECONDS:-300}

skip() {
  echo "${0##*/}: $*" >&2
  exit 77
}

need() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || skip "$tool is not installed"
  done
}

# fetch_once FOLDER FUNCTION: FUNCTION gets an empty scratch folder and leaves there a folder "got", which becomes FOLDER.
# Tests that start at the same time wait for the one that fetches.
fetch_once() {
  local folder=$1 parent=${1%/*}
  [[ -d $folder ]] && return
  need flock timeout
  mkdir -p "$parent" || skip "cannot make $parent"
  (
    flock -w "$FETCH_SECONDS" 9 || skip "another fetch into $parent takes more than $FETCH_SECONDS s"
    [[ -d $folder ]] && exit 0
    echo "Fetching ${folder##*/} for the tests into $parent, once" >&2
    scratch=$(mktemp -d "$parent/.fetch.XXXXXX")
    trap 'rm -rf "$scratch"' EXIT
    "$2" "$scratch" 9>&- || skip "fetching ${folder##*/} failed"
    mv "$scratch/got" "$folder"
  ) 9>"$parent/.lock" || exit $?
}

maven() {
  need java mvn
  # It resets colours even where it may not use any, and says much about itself behind what went wrong.
  timeout -k 5 "$FETCH_SECONDS" mvn -q -B -Dstyle.color=never ${MVN_OPTS:-} "$@" 2>&1 |
    sed -E 's/\x1b\[[0-9;]*m//g; /^\[ERROR\] *($|To see |Re-run |For more |\[Help )/d' >&2
}

# runs PIDFILE WORD: prints the pid when it lives and WORD is in its command line, so that a number which the system gave
# to another process since is left alone.
runs() {
  local pid
  pid=$(cat "$1" 2>/dev/null) && [[ -n $pid ]] && grep -qaF -- "$2" "/proc/$pid/cmdline" 2>/dev/null && echo "$pid"
}

# end PIDFILE WORD: asks first, kills after 15 s.
end() {
  local pid tenth
  pid=$(runs "$1" "$2") || return 0
  kill "$pid" 2>/dev/null || return 0
  for ((tenth = 0; tenth < 150; tenth++)); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -9 "$pid" 2>/dev/null || return 0
}

answers_tcp() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}
