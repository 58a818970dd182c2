#!/usr/bin/env bash
# Writes the C file that holds the files of the job's page. Usage: pack.sh FILE ... > web.c
set -euo pipefail

type_of() {
  case $1 in
  *.html) echo 'text/html; charset=utf-8' ;;
  *.css)  echo 'text/css; charset=utf-8' ;;
  *.js)   echo 'text/javascript; charset=utf-8' ;;
  esac
}

echo '/* Written by engine/http/web/pack.sh: the files of the page. */'
echo '#include <http/web.h>'
number=0 table=
for file in "$@"; do
  printf '\nstatic const unsigned char file_%d[] = {\n' "$number"
  od -An -v -tu1 "$file" | sed 's/\([0-9][0-9]*\) */\1,/g'
  echo '};'
  path=/${file##*/}
  [[ $path = /index.html ]] && path=/
  table+="    { \"$path\", \"$(type_of "$file")\", file_$number, sizeof file_$number },"$'\n'
  number=$((number + 1))
done
printf '\nconst web_file web_files[] = {\n%s    { 0 },\n};\n' "$table"
