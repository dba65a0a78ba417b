#!/usr/bin/env bash
# clang-tidy with the checks of .clang-tidy. Usage: tools/tidy.sh [--within=SECONDS] [FILE.cc...]
# Without files: all of the tree, what was changed last first. --within: as many as that time allows; each commit looks at
# other ones of the rest. Needs what `bazel build //...` generates. Exit 1: something was found.
set -euo pipefail
cd "$(dirname "$0")/.."

within=
files=()
for argument in "$@"; do
  case "$argument" in
    --within=*) within=${argument#--within=} ;;
    -*) echo "usage: tools/tidy.sh [--within=SECONDS] [FILE.cc...]" >&2; exit 2 ;;
    *) files+=("$argument") ;;
  esac
done
command -v clang-tidy >/dev/null || { echo "tools/tidy.sh: clang-tidy is not installed (tests/packages.txt)" >&2; exit 3; }
generated=${IRIS_BIN_DIR:-$(bazel info --noshow_progress --color=no bazel-bin 2>/dev/null)}

commit=$(git rev-parse HEAD)
# Those of the last commits; then the others, in an order that the commit decides.
in_turn() {
  { git diff --name-only HEAD -- '*.cc'
    git log -20 --format= --name-only -- '*.cc'
    git ls-files -- '*.cc' | while read -r file; do
      printf '%s %s\n' "$(printf '%s' "$commit$file" | cksum)" "$file"
    done | sort -n | cut -d' ' -f3-
  } | awk '!seen[$0]++' | while read -r file; do [ ! -e "$file" ] || printf '%s\n' "$file"; done
}
[ ${#files[@]} -gt 0 ] || mapfile -t files < <(in_turn)

deadline=$(( within ? SECONDS + within : 0 ))
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
# look FILE NUMBER
look() {
  [ "$deadline" -eq 0 ] || [ "$SECONDS" -lt "$deadline" ] || return 0
  : >"$found/$2.looked"
  clang-tidy -quiet "$1" -- -std=c++20 -DNDEBUG -DGRPC_USE_PROTO_LITE -DSPDLOG_FMT_EXTERNAL -DFMT_HEADER_ONLY \
    -I. "-I$generated" >"$found/$2.said" 2>/dev/null || mv "$found/$2.said" "$found/$2.bad"
}

cores=$(nproc)
for ((lane = 0; lane < cores; ++lane)); do
  for ((i = lane; i < ${#files[@]}; i += cores)); do look "${files[i]}" "$i"; done &
done
wait

looked=$(find "$found" -name '*.looked' | wc -l)
bad=$(find "$found" -name '*.bad' | wc -l)
find "$found" -name '*.bad' -exec cat {} +
echo "tools/tidy.sh: $looked of ${#files[@]} files looked at, $bad with findings"
[ "$bad" -eq 0 ]
