#!/usr/bin/env bash
# The newcomer's two commands on a bare machine: makes a small Debian system in a folder, with git, make and sudo and nothing
# more, clones the last commit into it, and runs `make demo` and `make test` there. Run by root: make fresh
#
# Environment, all optional:
#     SUITE=bookworm   the release; MIRROR= and KEEP= as in tree.sh beside this file
#     AS=root          or user: an ordinary user with sudo
#     COMMANDS=        other commands than those two, one per line
#
# The folder is in TMPDIR or /var/tmp and grows to 2 GB.
set -euo pipefail
. "$(dirname "$0")/tree.sh"

AS=${AS:-root} COMMANDS=${COMMANDS-$'make demo FOR=20s\nmake test'}
checkout=$(cd "$(dirname "$0")/../.." && pwd)
user=newcomer

main() {
  [[ $AS = root || $AS = user ]] || give_up "AS is root or user, not $AS"
  [[ -z $(git -C "$checkout" status --porcelain) ]] || echo "What is not committed is not tried." >&2
  export AS COMMANDS
  in_namespaces "$0"
}

# ------------------------------------------------------------------------------------------------------ inside the namespaces

inside() {
  local command
  banner "a bare $distribution $SUITE"
  tree_make "$tree" ca-certificates,git,make,sudo
  tree_mount "$tree"
  chroot "$tree" useradd -m -s /bin/bash "$user"
  echo "$user ALL=(ALL) NOPASSWD: ALL" >"$tree/etc/sudoers.d/$user"
  tree_settings "$tree" root "home/$user"
  git -C "$checkout" bundle create -q "$tree/sluice.bundle" HEAD
  in_tree "git -c advice.detachedHead=false clone -q /sluice.bundle sluice && cd sluice && git log -1 --format='%h %s'"
  while read -r command; do
    [[ -n $command ]] || continue
    banner "$command"
    in_tree "cd sluice && $command"
  done <<<"$COMMANDS"
  banner "passed on a bare $distribution $SUITE, as $AS, $((SECONDS / 60)) min $((SECONDS % 60)) s"
}

# in_tree SCRIPT: as the user that was asked for, from his home, with no more in the environment than a login gives.
in_tree() {
  local name=root home=/root proxies
  [[ $AS = root ]] || name=$user home=/home/$user
  find_proxies
  chroot --userspec="$name:$name" "$tree" env -i HOME="$home" USER="$name" LOGNAME="$name" SHELL=/bin/bash \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${proxies[@]}" bash -c "cd && $1"
}

if [[ ${1:-} = --inside ]]; then
  tree=$2
  inside
else
  main
fi
