#!/usr/bin/env bash
# Builds the Debian packages of node, proxy and command line into <target>/debian.
#
# usage: scripts/build-deb.sh [--no-build]
#
#   --no-build   take the programs in <target>/release as they are
#   --help       this text
#
# cargo-deb is built by cargo when it is missing (a few minutes, once).
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$ROOT/scripts/lib/common.sh"
cd "$ROOT"

build=yes
while [ $# -gt 0 ]; do
  case "$1" in
    --no-build) build=no ;;
    --help | -h) print_help "$0"; exit 0 ;;
    *) die "unknown option $1; see scripts/build-deb.sh --help" ;;
  esac
  shift
done

have dpkg-deb || die "dpkg-deb is missing: packages are built on Debian or Ubuntu."
have cargo-deb || [ -x "$(target_dir)/tools/cargo/bin/cargo-deb" ] ||
  cargo install cargo-deb --locked --root "$(target_dir)/tools/cargo" || die "cargo-deb could not be built"
PATH="$PATH:$(target_dir)/tools/cargo/bin"

[ "$build" = no ] || cargo build --release --locked --bin ringmaster --bin ringmaster-node --bin ringmaster-proxy
mkdir -p "$(target_dir)/debian"
for package in ringmaster-node ringmaster-proxy ringmaster; do
  cargo-deb --no-build --package "$package" --output "$(target_dir)/debian/"
done
