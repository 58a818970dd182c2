#!/usr/bin/env bash
# A check that cannot fail is a defect: a small tree with one violation of each kind, and one line that says it was found.
# Also a clean tree, in which nothing may be found.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failures=0

# A tree in which all is well.
fresh() {
  rm -rf "$tree"
  mkdir -p "$tree"/{engine/base,engine/include/sluice,engine/sinks/elastic,jobs,tests/base,tests/jobs}
  cp "$here/../../.clang-format" "$tree"
  printf '#include <stdint.h>\n' >"$tree/engine/include/sluice/types.h"
  cp "$tree/engine/include/sluice/types.h" "$tree/engine/include/sluice/job.h"
  cp "$tree/engine/include/sluice/types.h" "$tree/engine/sinks/elastic/bulk.h"
  printf '/* TIME, not a call: time(x) */\n#include <sluice/types.h>\n\nint x(void)\n{\n    return batch_time("exit(1)");\n}\n' >"$tree/engine/base/x.c"
  printf '#include <sluice/job.h>\n\nstatic const int answer = 42;\nstatic int f(void)\n{\n    return answer;\n}\n' >"$tree/jobs/j.c"
  touch "$tree/tests/base/x.c" "$tree/tests/jobs/j.c"
}

run() { CHECK_ROOT=$tree "$here/$1.sh" 2>&1 </dev/null || true; }

# finds CHECK FILE LINE TEXT...: with TEXT appended to FILE, CHECK names FILE and LINE.
finds() {
  local check=$1 file=$2 line=$3; shift 3
  fresh
  mkdir -p "$(dirname "$tree/$file")"
  printf '%b\n' "$*" >>"$tree/$file"
  run "$check" | grep -qF "$file:$line:" || { echo "self_test.sh: $check does not see '$*' in $file"; failures=$((failures + 1)); }
}

lines() { local i; for ((i = 0; i < $1; i++)); do printf '    f();\\n'; done; }

fresh
for check in layers lengths words missing_tests paths format; do
  found=$(run $check)
  [[ -z $found || $found = "not checked"* ]] || { echo "self_test.sh: $check finds in a clean tree: $found"; failures=$((failures + 1)); }
done

finds layers        engine/base/x.c     8 '#include <sluice/job.h>'
finds layers        engine/base/x.c     8 '#include "../../jobs/j.c"'
finds layers        engine/base/x.c     8 '#include <sinks/elastic/bulk.h>'
finds layers        engine/sinks/kafka.c 1 '#include <sinks/elastic/bulk.h>'
finds layers        engine/base/x.c     8 '#include <hiredis/hiredis.h>'
finds layers        engine/base/x.c     8 '#include <glib.h>'
finds layers        engine/base/x.c     8 '#include "nowhere.h"'
finds layers        engine/base/x.c     8 '#pragma omp parallel'
finds layers        jobs/j.c            8 '#include <base/x.h>'
finds lengths       engine/base/x.c     9 "\nint long_one(void)\n{\n$(lines 70)}"
finds lengths       engine/base/x.c     501 "$(lines 600)"
finds lengths       tests/base/x.c      1 "int long_one(void)\n{\n$(lines 120)}"
finds words         engine/base/x.c     8 'int y(void) { strcpy(a, b); }'
finds words         engine/base/x.c     8 'int y(void) { return x + sprintf (a, b); }'
finds words         engine/base/x.c     8 'int y(void) { exit(1); }'
finds words         engine/base/x.c     8 'int y(void) { sleep(1); }'
finds words         engine/base/x.c     8 'int y(void) { return time(NULL); }'
finds words         engine/base/x.c     8 '/* TO''DO: more */'
finds words         jobs/j.c            8 'static int remembered = 1;'
finds words         jobs/j.c            8 'int y(void) { static long calls; return calls++; }'
finds missing_tests engine/base/y.c     1 'int y;'
finds missing_tests jobs/k.c            1 'int y;'
finds paths         engine/base/x.c     8 '/* see /ro''ot/notes */'
finds paths         extra/file.txt      1 'hello'
[[ $(run format) = "not checked"* ]] || finds format engine/base/x.c 8 'int   y;'

((failures == 0))
