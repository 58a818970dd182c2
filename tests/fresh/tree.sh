# tree.sh - a bare Debian or Ubuntu in a folder, and commands in it; sourced by what is run by root on such a tree.
#
# A script that sources it calls in_namespaces SCRIPT ...: it makes the folder $tree and runs SCRIPT --inside $tree ... in
# namespaces of its own, so that mounts and processes end with it, even when it is killed. Inside it calls tree_make,
# tree_mount and tree_settings. Network, proxies and certificates are the machine's.
#
#     SUITE=bookworm   the release: Debian's, or Ubuntu's (noble)
#     MIRROR=          where its packages come from; default: where this machine's own apt gets that distribution from
#     KEEP=            any value: the folder is not removed at the end, and its name told

SUITE=${SUITE:-bookworm}
case $SUITE in
bookworm | trixie | forky | sid) distribution=Debian components=main script= ;;
*) distribution=Ubuntu components=main,universe script=gutsy ;; # debootstrap's script for all of Ubuntu
esac

give_up() {
  echo "${0##*/}: $*" >&2
  exit 2
}

banner() {
  printf '== %s\n' "$*"
}

in_namespaces() {
  [[ $(id -u) = 0 ]] || give_up "it mounts and changes roots, so run it as root"
  MIRROR=${MIRROR:-$(mirror_of_machine)}
  [[ -n $MIRROR ]] || give_up "this machine's apt has no source of $distribution; give MIRROR=URL"
  tree=$(mktemp -d "${TMPDIR:-/var/tmp}/sluice-fresh.XXXXXX")
  trap clean_up EXIT
  chmod 755 "$tree"
  trap 'exit 130' INT TERM HUP
  export SUITE MIRROR
  set -m # a process group of its own: in other background processes Ctrl-C is ignored, and some tests press it
  setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child "$1" --inside "$tree" "${@:2}" </dev/null &
  namespaces=$!
  set +m
  wait "$namespaces"
}

# Of that release, else of another one of the same distribution: a mirror has them all.
mirror_of_machine() {
  apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    awk -v of="$distribution" -v suite="$SUITE" '
      $1 == of && ($2 == suite || !found) && $2 !~ /-/ { found = $3 }
      END { print found }'
}

# The first process of the namespaces takes all others and the mounts with it, and is gone when unshare is.
clean_up() {
  if [[ -n ${namespaces:-} ]]; then
    # shellcheck disable=SC2046 # one number, or none when it has ended
    kill -KILL $(cat "/proc/$namespaces/task/$namespaces/children" 2>/dev/null) 2>/dev/null || true
    wait "$namespaces" 2>/dev/null || true
  fi
  if [[ -n ${KEEP:-} ]]; then echo "kept: $tree"; else rm -rf --one-file-system "$tree"; fi
}

# ------------------------------------------------------------------------------------------------------ inside the namespaces

# tree_make FOLDER PACKAGES: separated by commas
tree_make() {
  local log=$1/debootstrap.log
  mkdir -p "$1"
  debootstrap --variant=minbase --include="$2" --components="$components" "$SUITE" "$1" "$MIRROR" $script >"$log" 2>&1 || {
    tail -20 "$log" >&2
    return 1
  }
}

tree_mount() {
  mount --bind "$1" "$1" # search servers ask which mount their files are on
  mount -t proc proc "$1/proc"
  mount --rbind /sys "$1/sys"
  mount --rbind /dev "$1/dev"
}

# tree_settings FOLDER HOME ...: how packages and artifacts are reached from this machine: names, apt's proxies and the like,
# own certificates, and in the homes Maven's mirrors.
tree_settings() {
  local own=/usr/local/share/ca-certificates home tree=$1
  cp -L /etc/resolv.conf /etc/hosts "$tree/etc/"
  apt-config dump | grep '^Acquire::' >"$tree/etc/apt/apt.conf.d/50machine" || true
  if compgen -G "$own/*.crt" >/dev/null; then
    cp "$own"/*.crt "$tree$own/"
    chroot "$tree" update-ca-certificates >/dev/null 2>&1
  fi
  [[ ! -e ~/.m2/settings.xml ]] || for home in "${@:2}"; do
    install -D -m 644 ~/.m2/settings.xml "$tree/$home/.m2/settings.xml"
  done
}

# Sets the array `proxies` to this machine's, as NAME=VALUE.
find_proxies() {
  mapfile -t proxies < <(env | grep -iE '^(http|https|no)_proxy=')
}
