#!/usr/bin/env bash
# Installs what the tests need, builds everything and runs every test. Usage: tests/run.sh
# Ends with the line "N passed, N failed"; exit 0 only if nothing failed.
# As root, because the "remote hosts" of the tests are throwaway users behind a throwaway sshd.
set -euo pipefail
cd "$(dirname "$0")/.."

bazel_flags=(--noshow_progress --color=no)
results=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$results"' EXIT

say() { printf '\n== %s\n' "$*"; }

install_packages() {
  local wanted missing=()
  mapfile -t wanted < <(grep -vE '^(#|$)' tests/packages.txt)
  for package in "${wanted[@]}"; do
    # A program of that name will do: node from elsewhere brings its npm along.
    command -v "$package" >/dev/null && continue
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" -ne 0 ]; then
    echo "tests/run.sh: these packages are missing, and only root can install them:" "${missing[@]}" >&2
    exit 1
  fi
  say "Installing ${missing[*]}"
  apt-get update -q >"$results/apt.log" 2>&1 &&
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" \
      >>"$results/apt.log" 2>&1 || { tail -n 20 "$results/apt.log"; exit 1; }
}

install_packages

say "Building"
bazel build "${bazel_flags[@]}" //...

say "Compiling what ships with clang: thread-safety analysis and layering check"
shipped=$(bazel query "${bazel_flags[@]}" 'kind("cc_(library|binary) rule", //...) except attr(testonly, 1, //...)' 2>/dev/null)
# shellcheck disable=SC2086  # One label a word.
bazel build "${bazel_flags[@]}" --config=clang --output_groups=compilation_outputs $shipped

failed=0
IRIS_BIN_DIR=$(bazel info "${bazel_flags[@]}" bazel-bin 2>/dev/null)
export IRIS_BIN_DIR

# tests_in NAME PATH|OPTION...: pytest, its words in NAME.log and its report in NAME.xml. What a shell starts in the
# background ignores SIGINT, and tests send it: hence env.
tests_in() {
  local name=$1
  shift
  env --default-signal=INT /usr/bin/python3 -m pytest -q -rf "$@" --junitxml="$results/$name.xml" >"$results/$name.log" 2>&1
}

say "Fuzzers; beside them what mostly waits: chaos, bad networks, the real claude"
waiting=(tests/chaos tests/integration/test_{network,slow_upload,slow_link}.py)
tests_in waiting "${waiting[@]}" &
lanes=($!)
tests_in claude tests/e2e tests/programs &
lanes+=($!)
tests/fuzz/run.sh 60 "$results/fuzz.xml" || failed=1
for lane in "${lanes[@]}"; do wait "$lane" || failed=1; done
cat "$results"/{waiting,claude}.log

say "Unit tests"
# -k: one failure does not hide the next. The counts come from the tests' own reports.
bazel test "${bazel_flags[@]}" -k --test_summary=terse //... || failed=1
testlogs=$(bazel info "${bazel_flags[@]}" bazel-testlogs 2>/dev/null)

say "Whole programs, in two lanes"
lives=(tests/integration/test_{survival,link,upgrade,builds,takeover,stalls,agent_killed}.py)
tests_in lives "${lives[@]}" &
lane=$!
others=("${waiting[@]}" "${lives[@]}")
tests_in others tests/integration tests/wire "${others[@]/#/--ignore=}" || failed=1
wait "$lane" || failed=1
cat "$results"/{lives,others}.log
bazel shutdown

/usr/bin/python3 tests/count_results.py "$testlogs" "$results"/{lives,others,claude,waiting,fuzz}.xml || failed=1
exit "$failed"
