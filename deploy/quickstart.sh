#!/usr/bin/env bash
# From nothing to an answer from another host, on a fresh Debian 12 or 13. Usage: deploy/quickstart.sh
#
# Installs what is needed (asks for nothing; needs root or sudo for that alone), builds, starts a throwaway
# sshd on loopback as the "remote host", lets Iris put its agent there, sends a message and prints the
# answer: from the real `claude` where it is installed and logged in, else from a stub, and says which.
# Leaves the packages and the build; everything else is gone at the end. Can be run again at any time.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
steps=6 step=0 began=$SECONDS

say() { step=$((step + 1)); printf '\n[%d/%d, %d s] %s\n' "$step" "$steps" "$((SECONDS - began))" "$*"; }
note() { printf '      %s\n' "$*"; }
die() { printf '\nquickstart: %s\n' "$*" >&2; exit 1; }

# shellcheck source=tests/packages.sh
. tests/packages.sh

check_system() {
  [ -r /etc/os-release ] || die "this is not Debian (no /etc/os-release). Fix: run it on Debian 12 or 13."
  . /etc/os-release
  case "${ID:-}:${VERSION_ID:-}" in
    debian:12 | debian:13) ;;
    ubuntu:*) note "This is ${PRETTY_NAME:-Ubuntu}, not Debian 12 or 13: trying with its packages." ;;
    *) die "this is ${PRETTY_NAME:-an unknown system}, and only Debian 12 and 13 are supported (Ubuntu is tried). Fix: use one of them." ;;
  esac
  [ "$(uname -m)" = x86_64 ] || die "this machine is $(uname -m), and only x86_64 is supported. Fix: use an x86_64 machine."
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

install_packages() {
  local wanted missing=()
  # What building needs, the part of the list before "To test", and an ssh at both ends.
  mapfile -t wanted < <(sed '/^# To test/,$d' tests/packages.txt | grep -vE '^(#|$)')
  wanted+=(openssh-client openssh-server)
  for package in "${wanted[@]}"; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || { note "Nothing is missing."; return; }
  [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
    die "${#missing[@]} packages are missing and there is no sudo. Fix: as root, apt-get install ${missing[*]}"
  note "${#missing[@]} packages, some minutes: ${missing[*]}"
  as_root apt-get update -qq >"$scratch/apt.log" 2>&1 || { tail -n 15 "$scratch/apt.log" >&2; die "apt-get update failed."; }
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" \
    >>"$scratch/apt.log" 2>&1 || { tail -n 15 "$scratch/apt.log" >&2; die "installing packages failed."; }
  # An earlier build that failed has noted which headers the system had then.
  bazel sync --configure --noshow_progress >"$scratch/sync.log" 2>&1 ||
    { tail -n 15 "$scratch/sync.log" >&2; die "bazel does not see what was installed."; }
}

build() {
  local flags=(--color=no --curses=no --show_progress_rate_limit=15)
  bazel build "${flags[@]}" //coordinator:iris //agent:iris-agent{,.packed} //tests/programs:claude_stub 2>&1 |
    sed -un -E '/^(ERROR|INFO: (Elapsed|Build)|\[[0-9,]+ \/ [0-9,]+\])/ s/^(.{0,90}).*/      \1/p' ||
    die "the build failed; 'bazel build //coordinator:iris' shows why."
  bin=$(bazel info --noshow_progress bazel-bin 2>/dev/null)
  bazel shutdown
}

# An sshd of our own, for our own account alone: it needs no root and touches no system file.
start_sshd() {
  ssh-keygen -q -t ed25519 -N '' -f "$scratch/host_key"
  ssh-keygen -q -t ed25519 -N '' -f "$scratch/user_key"
  [ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
  local attempt
  for attempt in 1 2 3 4 5; do
    [ "$attempt" -eq 1 ] || note "Port $port is taken; another one."
    port=$((20000 + RANDOM % 20000))
    cat >"$scratch/sshd_config" <<CONFIG
ListenAddress 127.0.0.1
Port $port
HostKey $scratch/host_key
PidFile $scratch/sshd.pid
AuthorizedKeysFile $scratch/user_key.pub
AllowUsers $(id -un)
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
SetEnv XDG_RUNTIME_DIR=$scratch/run
CONFIG
    if /usr/sbin/sshd -f "$scratch/sshd_config" -E "$scratch/sshd.log" && wait_for_sshd; then
      printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 "$scratch/host_key.pub")" >"$scratch/known_hosts"
      return
    fi
  done
  cat "$scratch/sshd.log" >&2
  die "sshd did not start."
}

wait_for_sshd() {
  local until=$((SECONDS + 5))
  until grep -qs 'Server listening' "$scratch/sshd.log" && [ -s "$scratch/sshd.pid" ]; do
    [ "$SECONDS" -lt "$until" ] || return 1
    sleep 0.1
  done
}

write_config() { # $1: a further member of the team, or nothing
  cat >"$scratch/config.json" <<JSON
{ "teams": { "demo": {
    "remote": "ssh -F $scratch/ssh_config -p $port $(id -un)@127.0.0.1",
    "path": "$scratch/project",
    "description": "a project on another host"$1,
    "remoteOptions": {"identity": "$scratch/user_key", "agentDir": "$scratch/remote"} } } }
JSON
  chmod 600 "$scratch/config.json"
}

iris() {
  env IRIS_HOME="$scratch/iris" IRIS_CONFIG="$scratch/config.json" XDG_RUNTIME_DIR="$scratch/run" \
    "$bin/coordinator/iris" "$@"
}

ask() {
  local question='In one sentence: which directory are you in, and what is in it?' real
  printf 'UserKnownHostsFile %s\nGlobalKnownHostsFile /dev/null\nIdentitiesOnly yes\n' "$scratch/known_hosts" >"$scratch/ssh_config"
  mkdir -p "$scratch/project" "$scratch/remote" "$scratch/iris"
  mkdir -m 700 "$scratch/run"  # Sockets of both ends.
  echo "Hello from the other side." >"$scratch/project/hello.txt"
  real=$(command -v claude || { [ ! -x "$HOME/.local/bin/claude" ] || echo "$HOME/.local/bin/claude"; })
  note "iris tell demo \"$question\""
  if [ -n "$real" ]; then
    write_config ", \"claudePath\": \"$real\""
    if iris tell demo "$question" >"$scratch/answer" 2>"$scratch/error"; then
      note "The real claude ($real) answers:"
      sed 's/^/      > /' "$scratch/answer"
      return
    fi
    note "The real claude ($real) did not answer:"
    sed 's/^/      /' "$scratch/error"
  else
    note "claude is not installed here."
  fi
  note "So a stub in its place answers; it only repeats what it hears:"
  write_config ", \"claudePath\": \"$bin/tests/programs/claude_stub\""
  iris tell demo "$question" 2>"$scratch/error" | sed 's/^/      > /' || { cat "$scratch/error" >&2; return 1; }
}

# Also after an error or ^C: what was started here ends here.
clean_up() {
  local status=$?
  trap - EXIT INT TERM
  if [ -n "${bin:-}" ] && [ -e "$scratch/config.json" ]; then iris stop --agents >/dev/null 2>&1 || true; fi
  if [ -s "$scratch/sshd.pid" ]; then kill "$(cat "$scratch/sshd.pid")" 2>/dev/null || true; fi
  rm -rf "$scratch"
  exit "$status"
}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/iris-qs-XXXXXX")
trap clean_up EXIT INT TERM

say "Looking at this system"
check_system
say "Installing what is missing"
install_packages
say "Building (the first time takes some minutes)"
build
say "Starting a throwaway sshd on loopback: the \"remote host\""
start_sshd
note "ssh -p $port $(id -un)@127.0.0.1"
say "Asking the team there; Iris puts its agent on the host first"
ask
note "$(iris status | sed -n '/^TEAM/,/^$/p' | sed -n 2p)"
say "Cleaning up"
note "Done. To add Iris to Claude Code, write ~/.config/iris/config.json (docs/CONFIG.md) and run:"
printf '\n  claude mcp add -s user iris -- %s mcp\n\n' "$root/bazel-bin/coordinator/iris"
