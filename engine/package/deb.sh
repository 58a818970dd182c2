#!/usr/bin/env bash
# make deb: Debian packages of the last commit in build/deb, without a word from lintian. The same commit gives the same bytes.
set -euo pipefail
version=$(sed -n 's/^#define SLUICE_VERSION "\(.*\)"/\1/p' engine/version.h)
tree=build/deb/sluice-$version
[[ -z $(git status --porcelain) ]] || echo "What is not committed is not packed." >&2
umask 022
rm -rf build/deb
mkdir -p "$tree"
git archive HEAD | tar -x -C "$tree"
cp -r engine/package/debian "$tree/debian"
cd "$tree"
# Flags of the caller's make are his own.
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u VARIANT LC_ALL=C.UTF-8 dpkg-buildpackage --build=binary --no-sign
cd ..
rm -rf "sluice-$version"
lintian --allow-root --fail-on error,warning,info ./*.changes
ls -l ./*.deb
