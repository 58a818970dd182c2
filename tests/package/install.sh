#!/usr/bin/env bash
# The packages in build/deb on a bare Debian: they are installed, a job runs by itself and with the service's settings, one of one's
# own is compiled, systemd takes the unit, and after a purge nothing is left. Run by root: make deb-install
#
# The system is of the release that this machine has, since the packages were built here (SUITE= another one). There is no
# systemd to start services in a folder: the unit is verified, and its command run as its user. MIRROR= and KEEP= as in
# tests/fresh/tree.sh.
set -euo pipefail
checkout=$(cd "$(dirname "$0")/../.." && pwd)
SUITE=${SUITE:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
. "$checkout/tests/fresh/tree.sh"

inside() {
  banner "a bare $distribution $SUITE"
  tree_make "$tree" ca-certificates
  tree_mount "$tree"
  tree_settings "$tree"
  mkdir "$tree/packages" && cp "$checkout"/build/deb/*sluice*.deb "$tree/packages"
  rm -f "$tree"/packages/*dbgsym*
  printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d" # no services are started while packages are installed
  chmod 755 "$tree/usr/sbin/policy-rc.d"
  traces >"$tree.before"
  install_claims
  unit_claims
  removal_claims
  banner "passed on a bare $distribution $SUITE, $((SECONDS / 60)) min $((SECONDS % 60)) s"
}

install_claims() {
  claim "apt installs both, with what they need" run "apt-get update -q && apt-get install -qy --no-install-recommends \
    /packages/sluice_*.deb /packages/libsluice-dev_*.deb"
  claim "the command tells its version" says "sluice $(version)" "sluice --version"
  claim "every program finds its libraries" run "! ldd /usr/bin/sluice /usr/lib/sluice/jobs/* | grep 'not found'"
  claim "a job runs: 1000 made listens are counted" says '"lines":1000' "cd /tmp && \
    sluice submit --name made --to listens=file:/tmp/listens.csv generate --count 1000 --rate 0 --available-now && \
    sluice submit --name count --available-now --from lines=file:/tmp/listens.csv --interval 1min hello_count"
  claim "a job of one's own is compiled with libsluice-dev" says "total: 2" "apt-get install -qy --no-install-recommends gcc make libc6-dev \
    libcmocka-dev && cd /tmp && sluice new mine && cd mine && make -s test && make -s && printf 'a\na\n' >lines && \
    ./mine --from lines=file:lines --available-now --work-dir work && echo total: 2"
  claim "each command has its manual page" run 'for page in $(sluice --help | sed -n "s/^  sluice \([a-z]*\) .*/sluice-\1/p"); do
    test -e /usr/share/man/man1/$page.1.gz || exit 1; done'
}

unit_claims() {
  claim "there is a user for jobs, without a shell" run "getent passwd sluice | grep -q nologin && install -d -o sluice -g sluice /var/lib/sluice"
  claim "systemd takes the unit, and finds its manual pages" run "apt-get install -qy --no-install-recommends systemd man-db && systemd-analyze verify sluice@listens.service"
  claim "systemd-analyze security calls it safe: $(unit_exposure)" test "$(unit_exposure | sed 's/\..*//')" -lt 3
  claim "the unit's command runs as the unit's user" run "printf 'input.from lines=file:/tmp/listens.csv\nbatch.available_now true\n' \
    >/etc/sluice/count.conf && chmod a+r /tmp/listens.csv && apt-get install -qy --no-install-recommends strace && \
    setpriv --reuid sluice --regid sluice --clear-groups --no-new-privs env JOB=hello_count XDG_STATE_HOME=/var/lib \
    strace -f -qq -o /tmp/calls sh -c '$(unit_command)'"
  claim "the unit's filter lets each system call through that it made" calls_are_allowed
  claim "its work folder is below /var/lib/sluice" run "test -e /var/lib/sluice/count/history.ndjson"
}

removal_claims() {
  claim "removed, settings and states stay" run "apt-get remove -qy sluice libsluice-dev && test -e /etc/sluice/count.conf && \
    test -d /var/lib/sluice/count && ! command -v sluice"
  claim "purged, nothing is left" nothing_is_left
}

# ExecStart for the instance "count", as the shell would write it.
unit_command() {
  sed -n 's/^ExecStart=//p' "$tree/usr/lib/systemd/system/sluice@.service" | sed 's/%i/count/g'
}

# What systemd's groups of calls hold, then the unit's filter, then what strace saw.
calls_are_allowed() {
  run "systemd-analyze syscall-filter" | cat - "$tree/usr/lib/systemd/system/sluice@.service" "$tree/tmp/calls" | awk '
    function allow(name, is, members, count, i) {
      if (name !~ /^@/) { allowed[name] = is; return }
      count = split(groups[name], members, " ")
      for (i = 1; i <= count; i++) allow(members[i], is)
    }
    /^@/              { group = $1 }
    /^    [@a-z_]/    { groups[group] = groups[group] " " $1 }
    sub(/^SystemCallFilter=/, "") { is = !sub(/^~/, ""); for (i = 1; i <= NF; i++) allow($i, is) }
    /^[0-9]+ +[a-z]/  { call = $2; sub(/\(.*/, "", call); made++; if (!allowed[call]) { print "not allowed: " call; wrong = 1 } }
    END               { print made + 0 " calls"; exit wrong || made < 100 }'
}

unit_exposure() {
  chroot "$tree" systemd-analyze security --offline=true --no-pager /usr/lib/systemd/system/sluice@.service 2>/dev/null |
    sed -n 's/.*exposure level.*: \([0-9.]*\).*/\1/p'
}

version() {
  sed -n 's/^#define SLUICE_VERSION "\(.*\)"/\1/p' "$checkout/engine/version.h"
}

# All that is ours by its name: files anywhere but where the test put them and in caches, and what apt remembers.
traces() {
  chroot "$tree" find / -xdev \( -path /proc -o -path /root -o -path /packages -o -path /tmp -o -path /var/cache -o -path /sys -o -path /dev \) -prune -o -name '*sluice*' -print
  chroot "$tree" dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' | grep sluice || true
}

nothing_is_left() {
  run "apt-get purge -qy sluice" # libsluice-dev has no settings, and is gone already
  traces | diff "$tree.before" -
}

# ---------------------------------------------------------------------------------------------------------------------- tools

claim() {
  local text=$1
  shift
  "$@" >"$tree.last" 2>&1 || {
    tail -30 "$tree.last" | sed 's/^/   | /' >&2
    echo "FAIL $text" >&2
    exit 1
  }
  echo "ok   $text"
}

run() {
  find_proxies
  chroot "$tree" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
    LC_ALL=C.UTF-8 "${proxies[@]}" bash -c "$1" </dev/null
}

says() {
  run "$2" | tee /dev/stderr | grep -qF -- "$1"
}

if [[ ${1:-} = --inside ]]; then
  tree=$2
  trap 'rm -f "$tree.before" "$tree.last"' EXIT
  inside
else
  compgen -G "$checkout/build/deb/sluice_*.deb" >/dev/null || give_up "there are no packages; make deb builds them"
  in_namespaces "$0"
fi
