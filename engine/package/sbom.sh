#!/usr/bin/env bash
# Writes the SBOM of a release (SPDX 2.3, JSON): the tarball, the libraries that programs built on this system are linked with,
# what is compiled in, and the compiler, with the versions that dpkg knows. Usage: sbom.sh TARBALL
set -euo pipefail
tarball=$1
name=$(basename "$tarball" .tar.gz)
commit=$(git log -1 --format=%H)
system=$(. /etc/os-release && echo "$ID")
written=$(TZ=UTC0 git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd)

# "Debian's source package|licence|home", of what we use of it.
known='curl|curl|https://curl.se
dygraphs|MIT|https://dygraphs.com
gcc|GPL-3.0-or-later WITH GCC-exception-3.1|https://gcc.gnu.org
glibc|LGPL-2.1-or-later|https://www.gnu.org/software/libc
hiredis|BSD-3-Clause|https://github.com/redis/hiredis
json-c|MIT|https://github.com/json-c/json-c
libmicrohttpd|LGPL-2.1-or-later|https://www.gnu.org/software/libmicrohttpd
librdkafka|BSD-2-Clause|https://github.com/confluentinc/librdkafka
libzstd|BSD-3-Clause|https://github.com/facebook/zstd
lz4|BSD-2-Clause|https://github.com/lz4/lz4
openssl|Apache-2.0|https://www.openssl.org
snappy|BSD-3-Clause|https://github.com/google/snappy
xxhash|BSD-2-Clause|https://xxhash.com
zlib|Zlib|https://zlib.net'

main() {
  local libraries relations= packages= name_of
  libraries=$(linked | sort -u)
  for name_of in $libraries; do
    add "$name_of" DYNAMIC_LINK
  done
  add libxxhash-dev STATIC_LINK
  [[ ! -e /usr/share/javascript/dygraphs/dygraph.min.js ]] || add libjs-dygraphs CONTAINS
  add "gcc-$(gcc -dumpversion | cut -d. -f1)" BUILD_TOOL_OF
  document
}

# The packages of the shared libraries: those that the Makefile asks pkg-config for, and what the compiler adds.
linked() {
  local flag path
  for flag in $(pkg-config --libs-only-l $(sed -n 's/^PACKAGES := //p' Makefile | sed 's/libxxhash//')) -lgomp; do
    path=$(gcc -print-file-name="lib${flag#-l}.so")
    package_of "$(readlink -f "$path")"
  done
  package_of "$(readlink -f "$(gcc -print-file-name=libc.so.6)")"
}

# A path may be known under /lib or under /usr/lib.
package_of() {
  { dpkg-query -S "$1" 2>/dev/null || dpkg-query -S "${1#/usr}"; } | sed 's/[:,].*//;q'
}

# add PACKAGE RELATION: of the release to it
add() {
  local source version licence home
  read -r source version < <(dpkg-query -W -f '${source:Package} ${Version}\n' "$1")
  IFS='|' read -r _ licence home < <(grep "^${source%-[0-9]*}|" <<<"$known" || grep "^$source|" <<<"$known") ||
    { echo "sbom.sh: the licence of $source ($1) is not known; add it" >&2; exit 1; }
  packages+=$(printf ',\n    {"SPDXID": "SPDXRef-%s", "name": "%s", "versionInfo": "%s", "supplier": "Organization: %s", %s, "filesAnalyzed": false, %s, "homepage": "%s", "copyrightText": "NOASSERTION", %s}' \
    "$1" "$1" "$version" "$system" '"downloadLocation": "NOASSERTION"' \
    "\"licenseConcluded\": \"$licence\", \"licenseDeclared\": \"$licence\"" "$home" \
    "\"externalRefs\": [{\"referenceCategory\": \"PACKAGE-MANAGER\", \"referenceType\": \"purl\", \"referenceLocator\": \"pkg:deb/$system/$1@${version//+/%2B}\"}]")
  if [[ $2 = BUILD_TOOL_OF ]]; then
    relations+=$(relation "SPDXRef-$1" "$2" SPDXRef-sluice)
  else
    relations+=$(relation SPDXRef-sluice "$2" "SPDXRef-$1")
  fi
}

relation() {
  printf ',\n    {"spdxElementId": "%s", "relationshipType": "%s", "relatedSpdxElement": "%s"}' "$1" "$2" "$3"
}

document() {
  cat <<END
{
  "spdxVersion": "SPDX-2.3",
  "dataLicense": "CC0-1.0",
  "SPDXID": "SPDXRef-DOCUMENT",
  "name": "$name",
  "documentNamespace": "https://sluice.example.org/spdx/$name-$commit",
  "creationInfo": {"created": "$written", "creators": ["Organization: The Sluice developers", "Tool: engine/package/sbom.sh"]},
  "packages": [
    {"SPDXID": "SPDXRef-sluice", "name": "sluice", "versionInfo": "${name#sluice-}", "packageFileName": "$(basename "$tarball")",
     "supplier": "Organization: The Sluice developers", "downloadLocation": "NOASSERTION", "filesAnalyzed": false,
     "primaryPackagePurpose": "SOURCE", "checksums": [{"algorithm": "SHA256", "checksumValue": "$(sha256sum "$tarball" | cut -d' ' -f1)"}],
     "licenseConcluded": "Apache-2.0", "licenseDeclared": "Apache-2.0", "copyrightText": "2026 The Sluice developers"}$packages
  ],
  "relationships": [
    {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-sluice"}$relations
  ]
}
END
}

main
