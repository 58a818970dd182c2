#!/usr/bin/env bash
# The steps of docker/Dockerfile without a container engine: each FROM is a bare Debian tree, each RUN a command in it, each
# COPY a copy of what .dockerignore lets through. What comes out is run as the container would be: by the user of USER, without
# capabilities, on a root file system that cannot be written, but for /tmp and the volume. Run by root: make docker-steps
#
# What it does not try: layers and caches, the base image itself (the tree is debootstrap's smallest, of the same release),
# the engine's own limits. It knows the instructions that the Dockerfile uses, and gives up on others.
#
# Environment, all optional: MIRROR= and KEEP= as in tests/fresh/tree.sh. The folder is in TMPDIR or /var/tmp, about 1.5 GB.
set -euo pipefail
checkout=$(cd "$(dirname "$0")/../.." && pwd)
dockerfile=$checkout/docker/Dockerfile
SUITE=$(sed -nE 's/^ARG DEBIAN=debian:([a-z]+)-.*/\1/p' "$dockerfile")
. "$checkout/tests/fresh/tree.sh"

usual_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
declare -A arguments stages                                  # of ARG; the tree of each AS
environment=() entrypoint=() command=() health=() volumes=() # of the stage that is being made
root= workdir=/ user=0 stage_count=0

inside() {
  banner "a bare $distribution $SUITE"
  tree_make "$tree/base" ca-certificates
  mkdir "$tree/context"
  context_copy "$tree/context"
  while IFS= read -r line; do
    step "${line%% *}" "${line#* }"
  done < <(instructions)
  stage_end
  [[ $root != "$tree/base" && -n $root ]] || give_up "$dockerfile makes no image"
  try_image
  banner "passed: the steps of docker/Dockerfile on a bare $distribution $SUITE, $((SECONDS / 60)) min $((SECONDS % 60)) s"
}

# One instruction a line, without comments.
instructions() {
  grep -vE '^[[:space:]]*(#|$)' "$dockerfile" | sed -e ':more' -e '/\\$/{N;s/[[:space:]]*\\\n[[:space:]]*/ /;b more' -e '}'
}

# .dockerignore here is "nothing but": a star, then exceptions. Folders of generated files are not in the way of git.
context_copy() {
  local ignore=$checkout/.dockerignore file part
  [[ $(grep -vE '^(#|$|!)' "$ignore") = '*' ]] || give_up ".dockerignore has more than one * and exceptions to it"
  while IFS= read -r file; do
    while IFS= read -r part; do
      [[ $file = "$part" || $file = "$part"/* ]] || continue
      (cd "$checkout" && cp -a --parents "$file" "$1")
    done < <(sed -n 's/^!//p' "$ignore")
  done < <(git -C "$checkout" ls-files -co --exclude-standard)
}

# ------------------------------------------------------------------------------------------------------------- instructions

step() {
  local word=$1 rest=$2
  printf -- '-- %s %s\n' "$word" "${rest:0:110}"
  case $word in
  ARG)         arguments[${rest%%=*}]=${rest#*=} ;;
  FROM)        stage_end; stage_begin $rest ;;
  RUN)         run_in "$root" 0 "$rest" ;;
  COPY)        copy $rest ;;
  WORKDIR)     workdir=$rest; mkdir -p "$root$workdir" ;;
  ENV)         environment+=("$rest") ;;
  USER)        user=$rest ;;
  VOLUME)      volumes+=("$rest") ;;
  ENTRYPOINT)  strings "$rest"; entrypoint=("${found[@]}") ;;
  CMD)         strings "$rest"; command=("${found[@]}") ;;
  HEALTHCHECK) strings "${rest#*CMD }"; health=("${found[@]}") ;;
  STOPSIGNAL)  [[ $rest = SIGTERM ]] || give_up "STOPSIGNAL $rest is not tried here" ;;
  *)           give_up "the instruction $word is not known here" ;;
  esac
}

# The strings of ["a", "b"] into `found`.
strings() {
  mapfile -t found < <(grep -oE '"[^"]*"' <<<"$1" | tr -d '"')
}

stage_begin() {
  local image=${1/'${DEBIAN}'/${arguments[DEBIAN]}}
  [[ $image = "debian:$SUITE-"* ]] || give_up "FROM $image: only debian:$SUITE can be made here"
  root=$tree/stage-$((++stage_count)) workdir=/ user=0
  environment=() entrypoint=() command=() health=() volumes=()
  cp -a "$tree/base" "$root"
  tree_mount "$root"
  tree_settings "$root"
  [[ ${2:-} != AS ]] || stages[$3]=$root
}

stage_end() {
  [[ -z $root ]] || umount -R "$root/dev" "$root/sys" "$root/proc"
}

# run_in TREE USER COMMAND: as the engine's shell form does.
run_in() {
  local proxies
  find_proxies
  chroot "$1" env -i PATH="$usual_path" "${environment[@]}" "${proxies[@]}" /bin/sh -c "cd $workdir && $3"
}

copy() {
  local from=$tree/context sources to source
  if [[ $1 = --from=* ]]; then
    from=${stages[${1#--from=}]}
    shift
  fi
  sources=("${@:1:$#-1}") to=${*: -1}
  [[ $to = /* ]] || to=$workdir/$to
  for source in "${sources[@]}"; do
    [[ -e $from/$source ]] || give_up "COPY $source: not there, or kept out by .dockerignore"
    if [[ -d $from/$source ]]; then
      mkdir -p "$root$to"
      cp -a "$from/$source/." "$root$to/"
    else
      [[ $to != */ && $to != */. && $to != *. ]] || mkdir -p "$root$to"
      cp -a "$from/$source" "$root$to"
    fi
  done
}

# ------------------------------------------------------------------------------------------------------ the image is tried

# container_become COMMAND ...: this process becomes it, as the user of the image, no capabilities, none to be had, nothing of the caller's environment.
container_become() {
  local group
  group=$(awk -F: -v user="$user" '$3 == user || $1 == user { print $4 }' "$root/etc/passwd")
  exec chroot "$root" env -i PATH="$usual_path" HOME="$workdir" "${environment[@]}" \
    setpriv --reuid "$user" --regid "$group" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
    /bin/sh -c "cd $workdir && exec \"\$@\"" sh "$@"
}

as_container() {
  (container_become "$@")
}

# Root file system read-only, volumes and /tmp not.
mount_as_container() {
  local volume name=0
  for volume in "${volumes[@]}"; do
    cp -a "$root$volume" "$tree/volume-$((++name))"
  done
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/tmp"
  chmod 1777 "$root/tmp"
  name=0
  for volume in "${volumes[@]}"; do
    mount --bind "$tree/volume-$((++name))" "$root$volume"
  done
  mount -o remount,bind,ro "$root"
}

claim() {
  local text=$1
  shift
  "$@" >"$tree/last" 2>&1 || {
    sed 's/^/   | /' "$tree/last" >&2
    echo "FAIL $text" >&2
    exit 1
  }
  echo "ok   $text"
}

fails() {
  ! "$@"
}

try_image() {
  banner "the image: $(du -smx "$root" | cut -f1) MB unpacked, $(($(du -smx "$root" | cut -f1) - $(du -smx "$tree/base" | cut -f1))) MB of it ours"
  mount_as_container
  claim "every program finds its libraries" libraries_are_found
  claim "no compiler, header or archive came along" no_tools
  claim "its user is not root" test "$(as_container id -u)" -gt 0
  claim "nothing outside of /tmp and the volume can be written" fails as_container touch /usr/local/bin/other /etc/other
  claim "what it says by itself are the commands" as_container "${entrypoint[@]}" "${command[@]}"
  claim "without a job it is not healthy" fails as_container "${health[@]}"
  try_job
  claim "a job that reads the other's file counts every line of it" lines_are_counted
}

libraries_are_found() {
  local program
  for program in "$root"/usr/local/bin/sluice "$root"/usr/local/lib/sluice/jobs/*; do
    as_container ldd "${program#"$root"}" | tee /dev/stderr | fails grep -q 'not found'
  done
}

no_tools() {
  [[ ! -e $root/usr/bin/gcc && ! -e $root/usr/bin/make && ! -e $root/src && ! -e $root/usr/local/include/sluice ]]
}

# A container's life: it starts, becomes healthy, is told to end, and ends well.
try_job() {
  local pid status=0
  container_become "${entrypoint[@]}" submit --name made --interval 200ms \
    --to "listens=file:$workdir/listens.csv" generate --rate 500 >"$tree/job.log" 2>&1 &
  pid=$!
  claim "a job becomes healthy" becomes_healthy "$pid"
  claim "nothing was kept from it: its log has no error" fails grep -E ' (ERROR|WARN) ' "$tree/job.log"
  job_end "$pid" || status=$?
  claim "SIGTERM ends it, with exit code 0" test "$status" = 0
  claim "one that has ended is not healthy" fails as_container "${health[@]}"
}

becomes_healthy() {
  local until=$((SECONDS + 60))
  while ((SECONDS < until)); do
    if as_container "${health[@]}" && [[ -s $root$workdir/listens.csv/realtime || -s $root$workdir/listens.csv ]]; then return; fi
    kill -0 "$1" || break
    sleep 0.5
  done
  cat "$tree/job.log"
  return 1
}

# The process that was started became chroot, env, setpriv, sh, sluice and at last the job.
job_end() {
  kill -TERM "$1"
  wait "$1"
}

lines_are_counted() {
  local file=$workdir/listens.csv there counted
  [[ -f $root$file ]] || file=$(cd "$root" && find ".$workdir/listens.csv" -type f | head -1 | sed 's/^\.//')
  as_container "${entrypoint[@]}" submit --name count --available-now --from "lines=file:$file" \
    --to "counts=file:$workdir/out" hello_count
  there=$(wc -l <"$root$file")
  counted=$(cat "$root$workdir"/out/hello_count/*.ndjson | sed -E 's/.*"lines":([0-9]+).*/\1/' | awk '{ sum += $1 } END { print sum }')
  echo "$there lines, $counted counted"
  [[ $there -gt 0 && $there = "$counted" ]]
}

if [[ ${1:-} = --inside ]]; then
  tree=$2
  inside
else
  in_namespaces "$0"
fi
