#!/usr/bin/env bash
# Builds the fuzzers and runs all, two at a time. Usage: tests/fuzz/run.sh [SECONDS [REPORT [BAZEL_FLAG...]]]
# SECONDS each (60 if not given); REPORT: a JUnit file to write. Prints a line per fuzzer; of one that found something also
# what it says, and where the input is that shows it: run the program on that file to see it again.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:-60}
report=${2:-}
bazel_flags=(--config=asan --noshow_progress --color=no "${@:3}")
mapfile -t targets < <(bazel query --noshow_progress --color=no 'kind(cc_binary, //tests/fuzz/...)' | sort)
[ ${#targets[@]} -gt 0 ]
bazel build "${bazel_flags[@]}" "${targets[@]}"
programs=$(bazel info "${bazel_flags[@]}" bazel-bin 2>/dev/null)/tests/fuzz
work=$(mktemp -d)
finds=${TMPDIR:-/tmp}/iris-fuzz-finds
trap 'rm -rf "$work"; find "$finds" -type d -empty -delete' EXIT

run_one() {
  local name=$1
  mkdir "$work/$name"
  mkdir -p "$finds/$name"
  /usr/bin/python3 tests/fuzz/seeds.py "$name" "$work/$name"
  local status=0
  # A loaded machine may take long over one input, so only a hang is taken for one.
  ASAN_OPTIONS=abort_on_error=1:allow_user_poisoning=0 "$programs/$name" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=1024 \
    -print_final_stats=1 -artifact_prefix="$finds/$name/" "$work/$name" >"$work/$name.log" 2>&1 || status=$?
  echo "$status" >"$work/$name.status"
}

say_one() {
  local name=$1 status runs coverage added
  status=$(cat "$work/$name.status")
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$name.log")
  added=$(sed -n 's/^stat::new_units_added: *//p' "$work/$name.log")
  # None where a seed was enough.
  coverage=$(grep -oE 'cov: [0-9]+' "$work/$name.log" | tail -n 1) || true
  printf '%-20s %s  %s runs, %s, %s new units\n' "$name" "$([ "$status" -eq 0 ] && echo ok || echo FOUND)" \
    "${runs:-?}" "${coverage:-cov: ?}" "${added:-?}"
  [ "$status" -eq 0 ] && return
  grep -E 'does not hold:|SUMMARY:|runtime error:|Test unit written to' "$work/$name.log" || tail -n 20 "$work/$name.log"
}

names=("${targets[@]##*:}")
printf '%s\n' "${names[@]}" | (
  export -f run_one
  export programs work finds seconds
  xargs -P 2 -I{} bash -c 'set -euo pipefail; run_one {}'
)

failed=0
cases=
for name in "${names[@]}"; do
  say_one "$name"
  if [ "$(cat "$work/$name.status")" -eq 0 ]; then
    cases+="<testcase classname=\"fuzz\" name=\"$name\"/>"
  else
    failed=$((failed + 1))
    cases+="<testcase classname=\"fuzz\" name=\"$name\"><failure/></testcase>"
  fi
done
[ -z "$report" ] || printf '<testsuites><testsuite name="fuzz">%s</testsuite></testsuites>\n' "$cases" >"$report"
[ "$failed" -eq 0 ]
