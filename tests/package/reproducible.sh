#!/usr/bin/env bash
# Packages and tarball of the last commit, built twice: in folders of other names and lengths, in another zone, with another
# mask and home, some minutes later. They have to be the same bytes, and are then left in build/deb and build/dist. Run by: make
# reproducible. Takes two whole builds.
#
# Not compared: .buildinfo and .changes, which tell when and where a package was built.
set -euo pipefail
checkout=$(cd "$(dirname "$0")/../.." && pwd)
scratch=$(mktemp -d "${TMPDIR:-/var/tmp}/sluice-twice.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL VARIANT SOURCE_DATE_EPOCH

# build FOLDER SETTING ...: environment of its own
build() {
  local folder=$1
  shift
  git clone -q "$checkout" "$folder"
  echo "== in $(basename "$folder") with $*"
  (cd "$folder" && env "$@" make deb && env "$@" make dist) >"$folder.log" 2>&1 || { tail -30 "$folder.log"; exit 1; }
}

# What differs in two packages, file by file.
told() {
  local number=0 package
  for package in "$@"; do
    mkdir "$scratch/open-$((++number))"
    dpkg-deb -R "$package" "$scratch/open-$number"
  done
  diff -rq "$scratch/open-1" "$scratch/open-2" | sed "s|$scratch/||g" || true
  rm -r "$scratch"/open-*
}

umask 022
build "$scratch/one" TZ=UTC HOME=/nonexistent LANG=C
umask 077
build "$scratch/the-other-one-whose-name-is-longer" TZ=Asia/Tokyo HOME="$scratch" LANG=C.UTF-8
one=$scratch/one/build other=$scratch/the-other-one-whose-name-is-longer/build

differ=0 count=0
for file in "$one"/deb/*.deb "$one"/dist/*; do
  same=$other/${file#"$one/"} count=$((count + 1))
  if cmp -s "$file" "$same"; then
    echo "same     $(sha256sum "$file" | cut -c1-16)  $(basename "$file")"
  else
    differ=$((differ + 1))
    echo "DIFFERS  $(basename "$file")"
    [[ $file != *.deb ]] || told "$file" "$same"
  fi
done
echo "$count files, $differ differ"
((differ == 0 && count >= 5))
umask 022
rm -rf "$checkout"/build/{deb,dist}
cp -r "$one/deb" "$one/dist" "$checkout/build"
