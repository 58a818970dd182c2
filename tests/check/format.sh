#!/usr/bin/env bash
# The format of C files, as .clang-format says. Other versions of clang-format than 14 break lines elsewhere, so only 14 counts.
source "$(dirname "$0")/common.sh"

tool=$(command -v clang-format-14 || command -v clang-format || true)
version=$([[ -z $tool ]] || "$tool" --version | sed 's/.*version \([0-9]*\).*/\1/')
if [[ $version != 14 ]]; then
  echo "not checked: there is ${version:+only }clang-format ${version:-nowhere}, and 14 is the one that counts"
  exit 0
fi

{ c_files engine jobs listeners tests bench | xargs -r -d '\n' "$tool" --style=file --dry-run 2>&1 || true; } |
  sed -nE 's/^([^:]+:[0-9]+):[0-9]+: warning: code should be clang-formatted.*/\1: not in the format/p' | sort -u -t: -k1,1 |
  finish "clang-format -i FILE (the first place of each file is shown)."
