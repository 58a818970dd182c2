#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages that are missing. Usage: deps.sh PURPOSE ...
#
# Purposes: build is what compiling needs, run what the demo runs, test what the tests run; clang is for the thread sanitizer
# and for fuzzing, counts is for benchmarks that count, check, deb, peers and fresh are for those targets of the Makefile. With
# everything there it only asks dpkg once and says nothing. It asks before it installs when someone is there to answer.
set -euo pipefail

packages_for() {
  case $1 in
  build) echo gcc libc6-dev make pkg-config librdkafka-dev libhiredis-dev libcurl4-openssl-dev libjson-c-dev \
              libmicrohttpd-dev libxxhash-dev zlib1g-dev libsnappy-dev liblz4-dev libzstd-dev libssl-dev \
              libjs-dygraphs ;;
  run)   echo redis-server ;;
  test)  echo libcmocka-dev kcat curl unzip procps maven openssl help2man mandoc zsh fish
         command -v java >/dev/null || echo default-jre-headless   # any Java from 17 on will do
         ;;
  clang) echo clang libclang-rt-dev libomp-dev llvm ;;             # llvm: names in reports
  check) echo clang-format clang-tidy libomp-dev git ;;           # libomp: the omp.h that the analyser reads
  counts) echo valgrind ;;
  deb)   echo debhelper dpkg-dev fakeroot help2man lintian ;;
  peers) command -v javac >/dev/null || echo default-jdk-headless ;;
  fresh) echo debootstrap debian-archive-keyring git ;;
  *)     echo "deps.sh: no purpose '$1'; they are build, run, test, clang, check, counts, deb, peers and fresh" >&2; return 2 ;;
  esac
}

# Another version of clang or of its libraries serves as well as the one that the distribution calls the default.
installed() {
  case $1 in
  libclang-rt-dev|libomp-dev) compgen -G "/usr/lib/llvm-*/lib*/$([[ $1 = libomp-dev ]] && echo libomp.so ||
                                echo 'clang/*/lib/linux/libclang_rt.tsan-*.a')" >/dev/null && return ;;
  llvm)                       compgen -G '/usr/bin/llvm-symbolizer*' >/dev/null && return ;;
  esac
  grep -qxF "$1" <<<"$there"
}

# A package is there when dpkg says so; without dpkg, nothing is known and pkg-config will tell.
there=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p') || true

wanted=() missing=()
for purpose in "$@"; do
  names=$(packages_for "$purpose")
  for name in $names; do wanted+=("$name"); done
done
for name in "${wanted[@]}"; do installed "$name" || missing+=("$name"); done
[[ ${#missing[@]} -gt 0 ]] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "There is no apt-get here. Sluice needs what Debian calls: ${wanted[*]}" >&2
  echo "Install them in this system's own way; the build goes on with what is there." >&2
  exit 0
fi

cannot_install() {
  echo "$1 As root: apt-get install ${missing[*]}" >&2
  exit 1
}

as_root=()
if [[ $(id -u) != 0 ]]; then
  command -v sudo >/dev/null || cannot_install "These packages are missing, and there is no sudo to install them."
  as_root=(sudo)
fi

echo "Installing with apt-get: ${missing[*]}"
if [[ -t 0 && -z ${CI:-} ]]; then
  read -r -p "Go on? [Y/n] " answer
  [[ $answer = "" || $answer = [yY]* ]] || { echo "Nothing was installed." >&2; exit 1; }
fi
"${as_root[@]}" true || cannot_install "sudo does not let this user install them."

# A redis-server that is installed here does not stay as a service, since tests and demo start their own. RUNLEVEL=1 keeps
# init scripts from starting it; systemd does start it, and is told below.
quietly=(env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

apt() {
  "${as_root[@]}" "${quietly[@]}" apt-get -q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1 </dev/null && return
  tail -20 "$log" >&2
  echo "apt-get $1 failed; its last lines are above." >&2
  return 1
}

# One source of many that does not answer need not be the one that is needed.
apt update || echo "Going on with the lists of packages that are there." >&2
apt install -y --no-install-recommends "${missing[@]}"
if [[ -d /run/systemd/system && " ${missing[*]} " = *" redis-server "* ]]; then
  "${as_root[@]}" systemctl disable --now redis-server >"$log" 2>&1 </dev/null || true
fi
