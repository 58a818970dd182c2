#!/usr/bin/env bash
# make dist: in build/dist sluice-VERSION.tar.gz of the last commit, its SBOM sluice-VERSION.spdx.json (sbom.sh), and SHA256SUMS of
# both. The same commit on the same system gives the same bytes.
set -euo pipefail
parts=$(dirname "$0") folder=build/dist
version=$(sed -n 's/^#define SLUICE_VERSION "\(.*\)"/\1/p' engine/version.h)
name=sluice-$version
[[ -z $(git status --porcelain) ]] || echo "What is not committed is not packed." >&2
umask 022
rm -rf "$folder"
mkdir -p "$folder"
git archive --format=tar --prefix="$name/" HEAD | gzip -9n >"$folder/$name.tar.gz"
"$parts/sbom.sh" "$folder/$name.tar.gz" >"$folder/$name.spdx.json"
if command -v pyspdxtools >/dev/null; then
  pyspdxtools --infile "$folder/$name.spdx.json"
else
  echo "The SBOM was not validated: there is no pyspdxtools (pip install spdx-tools)."
fi
cd "$folder"
sha256sum "$name.spdx.json" "$name.tar.gz" >SHA256SUMS
cat SHA256SUMS
