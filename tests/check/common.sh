# Sourced by the checks: goes to the tree to be checked (the checkout, or what CHECK_ROOT says, for the self-test) and
# gives them lists of files. A check prints "file:line: what is wrong" per finding, and at its end what to do.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "${CHECK_ROOT:-$here/../..}"

# c_files FOLDER ...: the C files and headers below those of the folders that exist.
c_files() {
  local folder
  for folder in "$@"; do
    if [[ -d $folder ]]; then find "$folder" -name '*.[ch]'; fi
  done | sort
}

# All text files that are part of the project.
project_files() {
  if [[ -e .git ]]; then git ls-files -co --exclude-standard; else find . -type f | sed 's,^\./,,'; fi |
    while read -r file; do if [[ -f $file ]]; then echo "$file"; fi; done |
    tr '\n' '\0' | xargs -0 -r grep -lI . | sort
}

# finish ADVICE: reads findings and prints them; fails, with the advice, when there are any.
finish() {
  local findings
  findings=$(cat)
  [[ -n $findings ]] || return 0
  printf '%s\n' "$findings" "-> $1"
  return 1
}
