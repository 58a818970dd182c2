#!/usr/bin/env bash
# The newcomer's two commands on a bare machine: makes a small Debian system in a folder, with git, make and sudo and nothing
# more, clones the last commit into it, and runs `make demo` and `make test` there. Run by root: make fresh
#
# Environment, all optional:
#     SUITE=bookworm   the release: Debian's, or Ubuntu's (noble)
#     MIRROR=          where its packages come from; default: where this machine's own apt gets that distribution from
#     AS=root          or user: an ordinary user with sudo
#     COMMANDS=        other commands than those two, one per line
#     KEEP=            any value: the folder is not removed at the end, and its name told
#
# The folder is in TMPDIR or /var/tmp and grows to 2 GB. Mounts and processes live in namespaces of their own: they end with
# this script, even when it is killed. Network, proxies and certificates are the machine's (local_settings).
set -euo pipefail

SUITE=${SUITE:-bookworm} AS=${AS:-root} COMMANDS=${COMMANDS-$'make demo FOR=20s\nmake test'}
case $SUITE in
bookworm | trixie | forky | sid) distribution=Debian components=main script= ;;
*) distribution=Ubuntu components=main,universe script=gutsy ;; # debootstrap's script for all of Ubuntu
esac
checkout=$(cd "$(dirname "$0")/../.." && pwd)
user=newcomer

give_up() {
  echo "tests/fresh/run.sh: $*" >&2
  exit 2
}

main() {
  [[ $(id -u) = 0 ]] || give_up "it mounts and changes roots, so run it as root: sudo make fresh"
  [[ $AS = root || $AS = user ]] || give_up "AS is root or user, not $AS"
  MIRROR=${MIRROR:-$(mirror_of_machine)}
  [[ -n $MIRROR ]] || give_up "this machine's apt has no source of $distribution; give MIRROR=URL"
  [[ -z $(git -C "$checkout" status --porcelain) ]] || echo "What is not committed is not tried." >&2

  tree=$(mktemp -d "${TMPDIR:-/var/tmp}/sluice-fresh.XXXXXX")
  trap clean_up EXIT
  chmod 755 "$tree"
  trap 'exit 130' INT TERM HUP
  export SUITE AS COMMANDS MIRROR
  set -m # a process group of its own: in other background processes Ctrl-C is ignored, and some tests press it
  setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child "$0" --inside "$tree" </dev/null &
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

inside() {
  local command
  banner "a bare $distribution $SUITE"
  make_tree
  local_settings
  git -C "$checkout" bundle create -q "$tree/sluice.bundle" HEAD
  in_tree "git -c advice.detachedHead=false clone -q /sluice.bundle sluice && cd sluice && git log -1 --format='%h %s'"
  while read -r command; do
    [[ -n $command ]] || continue
    banner "$command"
    in_tree "cd sluice && $command"
  done <<<"$COMMANDS"
  banner "passed on a bare $distribution $SUITE, as $AS, $((SECONDS / 60)) min $((SECONDS % 60)) s"
}

banner() {
  printf '== %s\n' "$*"
}

make_tree() {
  local log=$tree/debootstrap.log
  debootstrap --variant=minbase --include=ca-certificates,git,make,sudo --components="$components" \
    "$SUITE" "$tree" "$MIRROR" $script >"$log" 2>&1 || {
    tail -20 "$log" >&2
    return 1
  }
  mount --bind "$tree" "$tree" # search servers ask which mount their files are on
  mount -t proc proc "$tree/proc"
  mount --rbind /sys "$tree/sys"
  mount --rbind /dev "$tree/dev"
  chroot "$tree" useradd -m -s /bin/bash "$user"
  echo "$user ALL=(ALL) NOPASSWD: ALL" >"$tree/etc/sudoers.d/$user"
}

# How packages and artifacts are reached from this machine: names, apt's proxies and the like, own certificates, Maven's mirrors.
local_settings() {
  local own=/usr/local/share/ca-certificates home
  cp -L /etc/resolv.conf /etc/hosts "$tree/etc/"
  apt-config dump | grep '^Acquire::' >"$tree/etc/apt/apt.conf.d/50machine" || true
  if compgen -G "$own/*.crt" >/dev/null; then
    cp "$own"/*.crt "$tree$own/"
    chroot "$tree" update-ca-certificates >/dev/null 2>&1
  fi
  [[ ! -e ~/.m2/settings.xml ]] || for home in root "home/$user"; do
    install -D -m 644 ~/.m2/settings.xml "$tree/$home/.m2/settings.xml"
  done
}

# in_tree SCRIPT: as the user that was asked for, from his home, with no more in the environment than a login gives.
in_tree() {
  local name=root home=/root proxies
  [[ $AS = root ]] || name=$user home=/home/$user
  mapfile -t proxies < <(env | grep -iE '^(http|https|no)_proxy=')
  chroot --userspec="$name:$name" "$tree" env -i HOME="$home" USER="$name" LOGNAME="$name" SHELL=/bin/bash \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${proxies[@]}" bash -c "cd && $1"
}

if [[ ${1:-} = --inside ]]; then
  tree=$2
  inside
else
  main
fi
