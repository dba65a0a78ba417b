#!/usr/bin/env bash
# Names the C++ files that are not as clang-format writes them, or with --fix writes them so.
# Usage: tools/format.sh [--fix] [FOLDER|FILE...]; without any, the whole tree.
# Exit 1: some are not; 3: clang-format is missing, or another one than 14, which writes some lines otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."

version=14
fix=
[ "${1:-}" != --fix ] || { fix=1; shift; }
[ $# -gt 0 ] || set -- agent common coordinator tests

program=$(command -v "clang-format-$version" || command -v clang-format) ||
  { echo "tools/format.sh: clang-format is not installed (tests/packages.txt)" >&2; exit 3; }
if ! "$program" --version | grep -q "version $version\."; then
  echo "tools/format.sh: this is $("$program" --version), and the tree is written by $version" >&2
  exit 3
fi
export program fix

look() {
  if [ -n "$fix" ]; then
    "$program" -i "$1"
  else
    "$program" "$1" | cmp -s - "$1" || printf '%s\n' "$1"
  fi
}
export -f look

differ=$(find "$@" \( -name '*.cc' -o -name '*.h' \) -type f -print0 | xargs -0 -P "$(nproc)" -I{} bash -c 'look {}' | sort)
[ -z "$differ" ] || { printf '%s\n' "$differ"; exit 1; }
