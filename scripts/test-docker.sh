#!/usr/bin/env bash
# Tests the images and the compose file with a real engine, from nothing: base images, build, cluster, a node that is killed.
#
# usage: scripts/test-docker.sh [--engine] [--local-bases] [--vendor] [--quick] [--programs DIR] [--keep]
#
#   --engine        start an engine of its own (dockerd, as root) in the work directory, and end it afterwards; else the one
#                   that runs is used
#   --local-bases   make the base images here, with debootstrap and this machine's Rust toolchain, instead of pulling them
#   --vendor        build from this machine's copies of the crates: the build reaches no registry
#   --quick         as --vendor, and compiled with few optimizations: for the images' behaviour, not their speed
#   --programs DIR  take ringmaster, ringmaster-node and ringmaster-proxy from there and compile nothing: for all of the
#                   Dockerfiles but their first stage
#   --keep          leave the work directory, the engine and its images
#   --help          this text
#
#   RINGMASTER_DOCKER_WORK   the work directory (a new one below /var/tmp)
#
# Missing programs are installed with apt. It takes ten minutes, most of them for the release builds, and 10 GB of disk. With
# the same work directory a second run takes the base images, and what was compiled, of the first.
# Not part of .ci/run.
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$ROOT/scripts/lib/common.sh"
cd "$ROOT"

# Most that an image may have above its base.
IMAGE_MB_MAX=40
# Keys that are written before a node is killed.
KEYS=2000
# Where Debian has the authorities of TLS.
AUTHORITIES=/etc/ssl/certs/ca-certificates.crt
# How long a condition may take to come true.
PATIENCE_SECONDS=120

engine=no local_bases=no vendor=no quick=no programs='' keep=no
while [ $# -gt 0 ]; do
  case "$1" in
    --engine) engine=yes ;;
    --local-bases) local_bases=yes ;;
    --vendor) vendor=yes ;;
    --quick) vendor=yes quick=yes ;;
    --programs) programs="${2:?--programs wants a directory}"; shift ;;
    --keep) keep=yes ;;
    --help | -h) print_help "$0"; exit 0 ;;
    *) die "unknown option $1; see scripts/test-docker.sh --help" ;;
  esac
  shift
done

WORK="${RINGMASTER_DOCKER_WORK:-$(mktemp -d /var/tmp/ringmaster-docker.XXXXXX)}"
mkdir -p "$WORK"
# Debian's client builds with the engine's own BuildKit; others need a plugin for it.
[ -x /usr/bin/docker ] && PATH="/usr/bin:$PATH"
export DOCKER_BUILDKIT=1 COMPOSE_DOCKER_CLI_BUILD=1
engine_pid='' context="$WORK/context"

install_programs() {
  local missing=()
  have docker || missing+=(docker.io)
  have docker-compose || docker compose version >/dev/null 2>&1 || missing+=(docker-compose)
  have redis-cli || missing+=(redis-tools)
  [ "$local_bases" = no ] || have debootstrap || missing+=(debootstrap)
  [ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}"
}

compose() {
  if have docker-compose; then docker-compose "$@"; else docker compose "$@"; fi
}

cluster() { compose --file "$context/docker/docker-compose.yml" --env-file "$context/docker/.env" "$@"; }

start_engine() {
  export DOCKER_HOST="unix://$WORK/docker.sock"
  dockerd --data-root "$WORK/data" --exec-root "$WORK/run" --pidfile "$WORK/docker.pid" --host "$DOCKER_HOST" \
    >"$WORK/dockerd.log" 2>&1 &
  engine_pid=$!
  until_true "the engine answers" docker info
}

stop_engine() {
  [ -n "$engine_pid" ] || return 0
  kill "$engine_pid" 2>/dev/null || true
  wait "$engine_pid" 2>/dev/null || true
}

clean_up() {
  local status=$?
  if [ "$keep" = yes ]; then
    say "left as it is: $WORK${engine_pid:+, engine $engine_pid at $DOCKER_HOST}"
    exit "$status"
  fi
  if [ -f "$context/docker/.env" ]; then cluster down --volumes >/dev/null 2>&1 || true; fi
  stop_engine
  rm -rf "$WORK"
  exit "$status"
}

# until_true WHAT COMMAND...: waits until the command succeeds.
until_true() {
  local what="$1" until_seconds=$((SECONDS + PATIENCE_SECONDS))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$until_seconds" ] || die "$what: not within $PATIENCE_SECONDS s"
    sleep 0.5
  done
}

# expect WHAT WANTED COMMAND...: fails unless the command prints what is wanted.
expect() {
  local what="$1" wanted="$2" got
  shift 2
  got="$("$@" 2>&1)" || true
  [ "$got" = "$wanted" ] || die "$what: '$got' instead of '$wanted'"
  say "ok: $what"
}

# A Debian with the packages $2 as the image $1, with the programs and libraries of the toolchain $3.
import_debian() {
  local tree="$WORK/tree"
  ! docker image inspect "$1" >/dev/null 2>&1 || return 0
  rm -rf "$tree"
  debootstrap --variant=minbase ${2:+--include="$2"} bookworm "$tree" >"$WORK/debootstrap.log" 2>&1 ||
    die "debootstrap failed: $(tail -1 "$WORK/debootstrap.log")"
  rm -rf "$tree"/var/cache/apt/archives/*.deb "$tree"/var/lib/apt/lists/*
  if [ -n "$3" ]; then
    cp -a "$3/bin" "$3/lib" "$tree/usr/local/"
    # The authorities that this machine believes: where TLS is looked into on its way out, a fresh Debian's do not suffice.
    cp -L "$AUTHORITIES" "$tree$AUTHORITIES"
  fi
  tar -C "$tree" -c . | docker import --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin' - "$1" >/dev/null
  rm -rf "$tree"
}

make_bases() {
  say "making the base images"
  import_debian debian:bookworm-slim '' ''
  [ -z "$programs" ] || return 0
  import_debian rust:1.95-bookworm gcc,g++,make,libc6-dev,ca-certificates "$(rustc --print sysroot)"
}

# The sources as they are committed or changed, without what git ignores; with the crates that they need, if these are wanted.
make_context() {
  rm -rf "$context"
  mkdir -p "$context/.cargo"
  git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- -c | tar -C "$context" -x
  [ "$vendor" = yes ] || return 0
  (cd "$context" && cargo vendor --locked --quiet vendor >/dev/null)
  # What is called target there is source.
  printf '!vendor/**\n' >>"$context/.dockerignore"
  printf '[source.crates-io]\nreplace-with = "vendored"\n[source.vendored]\ndirectory = "vendor"\n' >"$context/.cargo/config.toml"
  [ "$quick" = no ] ||
    printf '[profile.release]\nopt-level = 1\nlto = "off"\ncodegen-units = 16\ndebug = false\n' >>"$context/.cargo/config.toml"
}

# The first stage becomes a copy of programs that are there.
take_programs() {
  local file
  mkdir "$context/programs"
  for file in ringmaster ringmaster-node ringmaster-proxy; do
    objcopy --strip-debug "$programs/$file" "$context/programs/$file"
  done
  for file in node proxy; do
    { printf 'FROM debian:bookworm-slim AS build\nCOPY programs/ /\n' && sed -n '/^FROM debian/,$p' "docker/Dockerfile.$file"; } \
      >"$context/docker/Dockerfile.$file"
  done
}

# Bytes of an image above those of its base.
above_base() {
  echo $(($(docker image inspect -f '{{.Size}}' "$1") - $(docker image inspect -f '{{.Size}}' debian:bookworm-slim)))
}

check_images() {
  local image bytes
  for image in ringmaster-node ringmaster-proxy; do
    bytes="$(above_base "$image")"
    say "$image: $((bytes / 1000000)) MB above its base"
    # Programs that are compiled otherwise have other sizes.
    [ "$quick$programs" != no ] || [ "$bytes" -lt $((IMAGE_MB_MAX * 1000000)) ] || die "$image is larger than $IMAGE_MB_MAX MB above its base"
  done
}

client() { redis-cli -h 127.0.0.1 -p "$1" "${@:2}"; }

write_keys() {
  local n
  for ((n = 0; n < KEYS; n++)); do printf 'SET key:%d value-%d\n' "$n" "$n"; done | client 6379 | sort | uniq -c | tr -s ' '
}

read_keys() {
  local n
  for ((n = 0; n < KEYS; n++)); do printf 'GET key:%d\n' "$n"; done | client "$1" |
    awk '$0 == "value-" (NR - 1) { good++ } END { print good + 0 }'
}

of_member() { docker exec "$(cluster ps -a -q "$1")" "${@:2}"; }

is_healthy() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$(cluster ps -a -q "$1")")" = healthy ]; }

answers_for_all_slots() { [ "$(read_keys 6379)" = "$KEYS" ]; }

check_cluster() {
  expect "a client of one proxy writes" " $KEYS OK" write_keys
  expect "a client of the other reads it" "$KEYS" read_keys 6389
  expect "nodes are not root" 10001 of_member node-a id -u
  expect "proxies are not root" 10001 of_member proxy-a id -u
  expect "their root is read-only" "touch: cannot touch '/tmp/x': Read-only file system" of_member node-a touch /tmp/x
}

check_the_command_line() {
  until_true "the command line reaches the nodes" of_member proxy-a ringmaster cluster status --file /etc/ringmaster/cluster/cluster.yaml
  of_member proxy-a ringmaster cluster status --file /etc/ringmaster/cluster/cluster.yaml
}

check_a_killed_node() {
  docker kill "$(cluster ps -a -q node-b)" >/dev/null
  until_true "the others go on with every key" answers_for_all_slots
  expect "writes go on" OK client 6389 SET after kill
  docker start "$(cluster ps -a -q node-b)" >/dev/null
  until_true "the node is healthy again" is_healthy node-b
  docker kill "$(cluster ps -a -q node-a)" >/dev/null
  until_true "the node that came back serves, too" answers_for_all_slots
  docker start "$(cluster ps -a -q node-a)" >/dev/null
  until_true "all are healthy" is_healthy node-a
  expect "nothing was lost" "$KEYS" read_keys 6389
}

check_an_edit() {
  sed -i 's/^cluster: .*/cluster: edited/' "$context/docker/cluster/cluster.yaml"
  until_true "an edit of cluster.yaml reaches the proxies" sh -c 'curl -fsS http://127.0.0.1:9389/config | grep -q "^cluster: edited"'
  say "ok: an edit of cluster.yaml reaches the proxies"
}

check_the_end() {
  local began=$SECONDS
  cluster stop proxy-a >/dev/null 2>&1
  expect "a proxy ends by itself" 0 docker inspect -f '{{.State.ExitCode}}' "$(cluster ps -a -q proxy-a)"
  cluster stop node-c >/dev/null 2>&1
  expect "a node ends by itself" 0 docker inspect -f '{{.State.ExitCode}}' "$(cluster ps -a -q node-c)"
  expect "without it every key is there" "$KEYS" read_keys 6389
  say "stopped in $((SECONDS - began)) s"
}

install_programs
trap clean_up EXIT
[ "$engine" = no ] || start_engine
[ "$local_bases" = no ] || make_bases
make_context
[ -z "$programs" ] || take_programs
printf 'RINGMASTER_SECRET=%s\n' "$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')" >"$context/docker/.env"
say "building the images"
cluster build node-a
cluster build proxy-a
check_images
say "compose: $(compose version --short), engine: $(docker version -f '{{.Server.Version}}')"
cluster --profile observability config >/dev/null
cluster up -d --no-build
for member in node-a node-b node-c proxy-a proxy-b; do until_true "$member is healthy" is_healthy "$member"; done
check_cluster
check_the_command_line
check_a_killed_node
check_an_edit
check_the_end
say "containers passed"
