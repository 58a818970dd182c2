#!/usr/bin/env bash
# The static analyser over the engine, the listeners and the jobs: clang-tidy with the checks of .clang-tidy. A file that was
# clean is looked at again only when it, a header that it includes, or the checks have changed.
source "$(dirname "$0")/common.sh"

flags=$(pkg-config --cflags rdkafka hiredis libcurl json-c libmicrohttpd libxxhash zlib snappy liblz4 libzstd libssl libcrypto | sed 's/-I/-isystem /g')
known=build/analysis
facts=$here/analyser.h
mkdir -p "$known"

checks=$(cat .clang-tidy "$facts" | sha256sum | cut -c1-16)

# A file, our headers that it includes, and the checks.
key_of() {
  { gcc -MM -D_GNU_SOURCE -Iengine -Iengine/include -Ijobs -Ilisteners $flags "$1" | tr -d '\\\n' | cut -d: -f2 |
      tr ' ' '\n' | grep . | xargs cat; echo "$1 $checks"; } | sha256sum | cut -c1-32
}

analyse() {
  local file=$1 clean
  clean=$known/$(key_of "$file")
  if [[ -e $clean ]]; then return; fi
  local found known_memory=(-include "$facts")
  if [[ $file = engine/base/memory.c ]]; then known_memory=(); fi
  # shellcheck disable=SC2086 # flags are words
  if found=$(clang-tidy --quiet "$file" -- "${known_memory[@]}" -std=c17 -D_GNU_SOURCE -fopenmp -Iengine -Iengine/include -Ijobs -Ilisteners $flags 2>/dev/null); then
    touch "$clean"
  else
    sed "s,$PWD/,,g" <<<"$found"
  fi
}
export -f analyse key_of
export known checks flags facts

c_files engine jobs listeners | { grep '\.c$' || true; } | xargs -r -d '\n' -n 1 -P "$(nproc)" bash -c 'analyse "$1"' analyse |
  finish "Mend it; where the analyser is wrong, // NOLINT(check-name) with the reason in a comment."
