#!/usr/bin/env bash
# Writes the manual: a page of section 1 for sluice, each of its commands and each job, and sluice-settings(5). What they say is
# what --help says, which comes from the tables that the program itself uses; help2man puts it in the form of manual pages, and
# settings.awk the settings.
#
#     pages.sh BUILD FOLDER      programs in BUILD, pages into FOLDER; SOURCE_DATE_EPOCH is the pages' date
set -euo pipefail
build=$1 folder=$2
parts=$(dirname "$0")
day=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%F)
version=$("$build/sluice" --version | cut -d' ' -f2)
export LC_ALL=C

# page NAME ABOUT PROGRAM HELP-OPTION: $folder/NAME.1
page() {
  help2man --no-info --version-string="$version" --source="Sluice $version" --manual=Sluice --name="$2" \
    --help-option="$4" --include="$parts/every.h2m" "$3" |
    sed -E "1,/^\.SH DESC/s/^$(basename "$3") (.*- )/$1 \1/; s/^\.TH [^ ]* \"1\" \"[^\"]*\"/.TH ${1^^} 1 $day/" >"$folder/$1.1"
}

mkdir -p "$folder"
page sluice 'streams of records in small batches' "$build/sluice" --help
"$build/sluice" --help | sed -n 's/^  sluice \([a-z]*\) *\(.*\)/\1 \2/p' | while read -r command about; do
  page "sluice-$command" "$about" "$build/sluice" "help $command"
done
for job in "$build"/jobs/*; do
  [[ -x $job && $job != *.* ]] || continue
  page "sluice-$(basename "$job" | tr _ -)" "$("$job" --help | sed -n '1s/^[^ ]* - //p')" "$job" --help
done
# The job that has no options of its own knows all settings.
"$build/jobs/hello_count" --help | awk -v day="$day" -v version="$version" -f "$parts/settings.awk" >"$folder/sluice-settings.5"
