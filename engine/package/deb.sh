#!/usr/bin/env bash
# make deb: Debian packages of the last commit, in build/deb. The same commit gives the same bytes.
set -euo pipefail
version=$(sed -n 's/^#define SLUICE_VERSION "\(.*\)"/\1/p' engine/version.h)
tree=build/deb/sluice-$version
[[ -z $(git status --porcelain) ]] || echo "What is not committed is not packed." >&2
rm -rf build/deb
mkdir -p "$tree"
git archive HEAD | tar -x -C "$tree"
cp -r engine/package/debian "$tree/debian"
cd "$tree"
dpkg-buildpackage --build=binary --no-sign
cd ..
rm -rf "sluice-$version"
ls -l ./*.deb
