#!/usr/bin/env bash
# Brings up a cluster in containers: three nodes with two copies of each key, and two proxies on ports 6379 and 6389.
#
# usage: scripts/setup-cluster.sh [--no-build] [--observability] [--down [--volumes]]
#
#   --no-build        take the images as they are
#   --observability   Prometheus, Grafana and Jaeger, too (ports 9090, 3000, 16686)
#   --down            end the cluster; with --volumes what its nodes keep goes, too
#   --help            this text
#
# Needs Docker with compose: `docker compose`, or docker-compose from 1.29 on. The secret between proxies and nodes is made
# once and kept in docker/.env, which only you can read; RINGMASTER_SECRET in the environment goes before it.
# RINGMASTER_NODE_MEMORY (512mb) bounds each node.
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$ROOT/scripts/lib/common.sh"
cd "$ROOT"

# How long the members may take to be healthy.
PATIENCE_SECONDS=180

build=yes down=no volumes=no profile=()
while [ $# -gt 0 ]; do
  case "$1" in
    --no-build) build=no ;;
    --observability) profile=(--profile observability) ;;
    --down) down=yes ;;
    --volumes) volumes=yes ;;
    --help | -h) print_help "$0"; exit 0 ;;
    *) die "unknown option $1; see scripts/setup-cluster.sh --help" ;;
  esac
  shift
done

# The command line of compose, one word an element.
if have docker && docker compose version >/dev/null 2>&1; then
  compose=(docker compose)
elif have docker-compose; then
  compose=(docker-compose)
else
  die "docker compose is missing. Install it (Debian: sudo apt-get install docker.io docker-compose), then start again."
fi
compose+=(--file docker/docker-compose.yml --env-file docker/.env)
docker info >/dev/null 2>&1 || die "the Docker engine does not answer. Start it, or add yourself to the group docker, then start again."

if [ ! -f docker/.env ]; then
  (umask 077 && printf 'RINGMASTER_SECRET=%s\n' "$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')" >docker/.env)
  say "made a secret for proxies and nodes: docker/.env"
fi

if [ "$down" = yes ]; then
  [ "$volumes" = yes ] && exec "${compose[@]}" --profile observability down --volumes
  exec "${compose[@]}" --profile observability down
fi

# docker-compose 1.29 builds by the old builder unless it is told.
export DOCKER_BUILDKIT=1 COMPOSE_DOCKER_CLI_BUILD=1
# One after the other: both compile, and what the first has compiled the second has.
[ "$build" = no ] || "${compose[@]}" build node-a || die "the node's image could not be built"
[ "$build" = no ] || "${compose[@]}" build proxy-a || die "the proxy's image could not be built"
"${compose[@]}" "${profile[@]}" up -d --no-build

healthy() {
  local id
  id="$("${compose[@]}" ps -q "$1")" && [ -n "$id" ] && [ "$(docker inspect -f '{{.State.Health.Status}}' "$id")" = healthy ]
}

until_seconds=$((SECONDS + PATIENCE_SECONDS))
for member in node-a node-b node-c proxy-a proxy-b; do
  until healthy "$member"; do
    [ "$SECONDS" -lt "$until_seconds" ] || die "$member is not healthy after $PATIENCE_SECONDS s: ${compose[*]} logs $member"
    sleep 1
  done
done
say "the cluster serves: redis-cli -p 6379 (or 6389); its admin ports are 9379 and 9389"
say "edit docker/cluster/cluster.yaml while it runs; end it with scripts/setup-cluster.sh --down"
