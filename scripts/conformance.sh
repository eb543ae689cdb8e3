#!/usr/bin/env bash
# Runs test suites that others wrote for Redis against a proxy, and compares what fails with what is known to fail.
#
# usage: scripts/conformance.sh [--suite NAME]... [--port PORT] [--replicas N] [--protocol N] [--redis-source DIR]
#          [--unit NAME]... [--write]
#
#   --suite NAME        redis-py, fakeredis, or redis (Redis's own suites, in Tcl); all three if none is named
#   --port PORT         of a server that runs; it is emptied. Else a cluster of three nodes is built and started
#   --replicas N        copies of each key in that cluster (default 1)
#   --protocol N        what redis-py speaks, 2 (the default) or 3
#   --redis-source DIR  Redis's source, for its suites; else Debian's, by apt-get source
#   --unit NAME         of Redis's suites only this one, as type/zset
#   --write             writes the failures into the lists; new ones stand at their end, without a reason
#   --help              this text
#
# The lists are tests/conformance/*.txt: the failing tests, each group below the reason. The exit code is 1 if a test
# fails that is not there. What each suite printed is under <target>/conformance. Takes some ten minutes.
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$ROOT/scripts/lib/common.sh"
cd "$ROOT"

REDIS_PY=8.1.0
FAKEREDIS=2.40.0
# Where the suite of fakeredis looks for its server.
FAKEREDIS_PORT=6390
TOOLS=(pytest pytest-asyncio pytest-timeout pytest-mock "redis==$REDIS_PY" "fakeredis==$FAKEREDIS" valkey hypothesis lupa
  redis-entraid numpy pybreaker xxhash)
# What needs another kind of server: a cluster of its own, modules, TLS, a replica.
NOT_REDIS_PY='not onlycluster and not redismod and not ssl and not replica and not cp_integration'
REDIS_PY_FILES=(tests/test_commands.py tests/test_pipeline.py tests/test_pubsub.py tests/test_lock.py
  tests/test_scripting.py tests/test_function.py tests/test_monitor.py tests/test_connection_pool.py
  tests/test_connection.py tests/test_encoding.py tests/test_multiprocessing.py tests/test_keyspace_notifications.py
  tests/test_cache.py tests/test_client.py tests/test_asyncio/test_commands.py tests/test_asyncio/test_pipeline.py
  tests/test_asyncio/test_pubsub.py tests/test_asyncio/test_lock.py tests/test_asyncio/test_scripting.py
  tests/test_asyncio/test_monitor.py tests/test_asyncio/test_connection.py tests/test_asyncio/test_encoding.py)
REDIS_UNITS=(type/string type/incr type/hash type/list type/list-2 type/list-3 type/set type/zset type/stream
  type/stream-cgroups keyspace expire scan sort bitops bitfield geo hyperloglog quit auth protocol info-command multi
  scripting functions pubsub pubsubshard introspection introspection-2 pause tracking other dump slowlog
  latency-monitor lazyfree acl acl-v2 querybuf limits networking violations)
# Longest a test may be silent, and a unit may take.
REDIS_TEST_SECONDS=300
REDIS_UNIT_SECONDS=600
REDIS_TAGS='-needs:debug -needs:repl -needs:save -needs:config-maxmemory -large-memory'

suites=() units=() port='' replicas=1 protocol=2 source='' write=no
while [ $# -gt 0 ]; do
  case "$1" in
    --suite) suites+=("${2:?}"); shift ;;
    --port) port="${2:?}"; shift ;;
    --replicas) replicas="${2:?}"; shift ;;
    --protocol) protocol="${2:?}"; shift ;;
    --redis-source) source="$(cd "${2:?}" && pwd)"; shift ;;
    --unit) units+=("${2:?}"); shift ;;
    --write) write=yes ;;
    --help | -h) print_help "$0"; exit 0 ;;
    *) die "unknown option $1; see scripts/conformance.sh --help" ;;
  esac
  shift
done
[ ${#units[@]} -eq 0 ] || suites=(redis)
[ ${#units[@]} -gt 0 ] || units=("${REDIS_UNITS[@]}")
[ ${#suites[@]} -gt 0 ] || suites=(redis-py fakeredis redis)
out="$(target_dir)/conformance"
mkdir -p "$out"

# Starts a cluster for the tests and waits until it serves.
start_cluster() {
  port=6479
  cargo build --quiet -p ringmaster
  rm -rf "$out/cluster"
  mkdir "$out/cluster"
  "$(target_dir)/debug/ringmaster" up --port "$port" --replicas "$replicas" --data-dir "$out/cluster" >"$out/cluster.log" 2>&1 &
  cluster=$!
  trap 'kill "$cluster" 2>/dev/null || true' EXIT
  for _ in $(seq 300); do
    if [ "$(redis-cli -p "$port" set begun 1 2>/dev/null)" = OK ]; then
      # Suites hold nodes up for seconds on purpose; nobody else is served here.
      printf 'timeouts: {request: 60s, drain: 60s}\n' >>"$out/cluster/cluster.yaml"
      await_reload
      return
    fi
    sleep 0.1
  done
  die "the cluster does not serve; see $out/cluster.log"
}

# Waits until the proxy has read its file anew.
await_reload() {
  for _ in $(seq 100); do
    [[ "$(redis-cli -p "$port" info 2>/dev/null)" != *config_reloads:[1-9]* ]] || return 0
    sleep 0.1
  done
  die "the cluster does not take $out/cluster/cluster.yaml; see $out/cluster.log"
}

# Prints the directory of the source distribution $1 of version $2, fetched once.
python_source() {
  local dir="$out/$1-$2"
  if [ ! -d "$dir" ]; then
    "$env/bin/pip" download -q --no-deps --no-binary :all: -d "$out" "$1==$2" >&2 || return 1
    tar -xzf "$out/$1-$2.tar.gz" -C "$out"
  fi
  printf '%s' "$dir"
}

# Prints the directory of Redis's source with what its suites look for in src/.
redis_source() {
  local tool dir="$source"
  if [ -z "$dir" ]; then
    (cd "$out" && apt-get source -qq redis >&2) || die "no source of redis: give --redis-source DIR, or add deb-src lines"
    dir="$(find "$out" -maxdepth 1 -type d -name 'redis-[67]*' | head -1)"
  fi
  mkdir -p "$dir/src"
  for tool in redis-server redis-cli redis-benchmark; do
    [ -e "$dir/src/$tool" ] || ln -s "$(command -v "$tool")" "$dir/src/$tool"
  done
  printf '%s' "$dir"
}

# Runs pytest in the directory $1 with the arguments behind it, and prints the tests that failed.
failed_of_pytest() {
  local dir="$1" log="$2"
  shift 2
  (cd "$dir" && COLUMNS=400 "$env/bin/python" -m pytest -q -p no:cacheprovider -o addopts= --timeout 120 --tb=line \
    --assert=plain -rfE "$@") >"$log" 2>&1 </dev/null || true
  tail -1 "$log" >&2
  grep -q ' passed' "$log" || die "the suite did not run; see $log"
  sed -nE 's/^(FAILED|ERROR) ([^ ]+).*/\2/p' "$log"
}

failed_of_redis_py() {
  local dir
  dir="$(python_source redis "$REDIS_PY")"
  failed_of_pytest "$dir" "$out/redis-py.log" --redis-url "redis://localhost:$port/0" --protocol "$protocol" \
    -m "$NOT_REDIS_PY" "${REDIS_PY_FILES[@]}"
}

failed_of_fakeredis() {
  local dir
  dir="$(python_source fakeredis "$FAKEREDIS")"
  grep -rl "$FAKEREDIS_PORT" "$dir/test" | xargs -r sed -i "s/$FAKEREDIS_PORT/$port/g"
  failed_of_pytest "$dir" "$out/fakeredis.log" -m real test/test_mixins test/test_async
}

# Runs the unit $2 of the suite in $1, for no longer than its bound; its clients end with it.
run_unit() {
  # What a test before left behind.
  timeout 10 redis-cli -p "$port" client unpause >/dev/null || true
  cd "$1"
  timeout --kill-after 10 "$REDIS_UNIT_SECONDS" ./runtest --host 127.0.0.1 --port "$port" --cluster-mode --singledb \
    --ignore-encoding --ignore-digest --no-latency --timeout "$REDIS_TEST_SECONDS" --tags "$REDIS_TAGS" \
    --skipfile "$out/redis.skip" --single "unit/$2" </dev/null 2>&1 || echo "[end]: $?"
}

# A unit that ends before its time, and a test that is not run, fail.
failed_of_redis() {
  local dir unit
  dir="$(redis_source)"
  grep -vE '^(#|$)' tests/conformance/redis-skipped.txt >"$out/redis.skip"
  for unit in "${units[@]}"; do
    (run_unit "$dir" "$unit") | sed 's/\x1b\[[0-9;]*m//g' >"$out/redis-unit.log"
    cat "$out/redis-unit.log" >>"$out/redis.log"
    sed -nE 's#^\[err\]: (.*) in tests/.*#\1#p; s#^\[skip\]: ##p; s#^\[(exception|TIMEOUT)\].*#(ends early)#p
      s#^\[end\]: (124|137)$#(ends early)#p' "$out/redis-unit.log" | sed "s#^#$unit: #"
  done
  say "redis: $(grep -c '^\[ok\]' "$out/redis.log") passed" >&2
}

# Of the lines of the list of suite $1 those whose unit was run.
only_run() {
  if [ "$1" = redis ]; then
    grep -F -f <(printf '%s: \n' "${units[@]}") || true
  else
    cat
  fi
}

# Compares the failures of suite $1, in $2, with its list. The word of the group of each is kept.
compare() {
  local list="tests/conformance/$1.txt" known new gone
  known="$(mktemp)"
  { grep -vE '^(#|$)' "$list" 2>/dev/null || true; } | only_run "$1" | LC_ALL=C sort -u >"$known"
  new="$(LC_ALL=C comm -13 "$known" "$2")"
  gone="$(LC_ALL=C comm -23 "$known" "$2")"
  rm -f "$known"
  [ -z "$gone" ] || say "$1: does not fail any more:"$'\n'"$gone"
  [ "$write" = no ] || write_list "$list" "$gone" "$new"
  [ -z "$new" ] && return
  say "$1: FAILS, and stands in no list:"$'\n'"$new"
  return 1
}

# Takes the lines $2 out of the list $1, and adds the lines $3.
write_list() {
  local rest
  rest="$(mktemp)"
  touch "$1"
  grep -vxF -f <(printf '%s\n' "${2:-#none#}") "$1" >"$rest" || true
  [ -z "$3" ] || printf '\n# not explained yet\n%s\n' "$3" >>"$rest"
  cat "$rest" >"$1"
  rm -f "$rest"
}

if [ "${suites[*]}" != redis ]; then
  env="$(python_tool_env conformance-python "${TOOLS[@]}")" || die "the tools could not be installed"
fi
have tclsh || die "tcl is missing: apt-get install tcl"
[ -n "$port" ] || start_cluster
result=0
for suite in "${suites[@]}"; do
  declare -F "failed_of_${suite//-/_}" >/dev/null || die "there is no suite $suite: redis-py, fakeredis or redis"
  say "=== $suite"
  rm -f "$out/$suite.log"
  "failed_of_${suite//-/_}" | LC_ALL=C sort -u >"$out/$suite.failed"
  say "$suite: $(wc -l <"$out/$suite.failed") failed"
  compare "$suite" "$out/$suite.failed" || result=1
done
exit "$result"
