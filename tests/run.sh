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

# shellcheck source=tests/packages.sh
. tests/packages.sh

install_packages() {
  local wanted missing=()
  mapfile -t wanted < <(grep -vE '^(#|$)' tests/packages.txt)
  for package in "${wanted[@]}"; do
    # A program of that name will do: node from elsewhere brings its npm along.
    command -v "$package" >/dev/null && continue
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" -ne 0 ]; then
    echo "tests/run.sh: these packages are missing, and only root can install them:" "${missing[@]}" >&2
    exit 1
  fi
  say "Installing ${missing[*]}"
  apt-get update -q >"$results/apt.log" 2>&1 || { tail -n 20 "$results/apt.log"; exit 1; }
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" \
    >>"$results/apt.log" 2>&1 || { tail -n 20 "$results/apt.log"; exit 1; }
  # An earlier build, as of deploy/quickstart.sh, has noted which headers the system had then.
  bazel sync --configure "${bazel_flags[@]}" >"$results/sync.log" 2>&1 || { tail -n 20 "$results/sync.log"; exit 1; }
}

# precompiled CONFIG tests|libraries: in `flag`, what compiles those against precompiled headers.
precompiled() {
  local folder
  folder=$(bazel info "${bazel_flags[@]}" output_base 2>/dev/null)/precompiled
  mkdir -p "$folder"
  flag=$(/usr/bin/python3 tests/precompiled/flag.py "$folder/${1:-opt}-$2" "$2" "${bazel_flags[@]}" ${1:+--config="$1"})
}

install_packages

# What the tests of whole programs start; and then what computes, beside those that mostly wait.
say "Building the programs"
programs=$(bazel query "${bazel_flags[@]}" 'kind("(cc_binary|genrule) rule", //...) except //tests/fuzz/...' 2>/dev/null)
precompiled "" tests
build_flags=("${bazel_flags[@]}" "$flag")
# shellcheck disable=SC2086  # One label a word.
bazel build "${build_flags[@]}" $programs

failed=0
IRIS_BIN_DIR=$(bazel info "${bazel_flags[@]}" bazel-bin 2>/dev/null)
# What cannot be downloaded is tried once in a run.
IRIS_TESTS_RUN=$results
export IRIS_BIN_DIR IRIS_TESTS_RUN results

# test_file PATH: pytest, its words in RESULTS/PATH.log and its report in RESULTS/PATH.xml. What a shell starts in the
# background ignores SIGINT, and tests send it: hence env.
test_file() {
  mkdir -p "$results/${1%/*}"
  env --default-signal=INT /usr/bin/python3 -m pytest -q -rf "$1" --junitxml="$results/$1.xml" >"$results/$1.log" 2>&1
}
export -f test_file

say "Whole programs, four files at a time; beside them the rest of the build, unit tests and fuzzers"
# Those that take long first.
first=(tests/integration/test_{slow_upload,slow_link,network,right_host,survival}.py tests/chaos/test_chaos.py)
mapfile -t files < <(printf '%s\n' "${first[@]}"
  find tests -name 'test_*.py' -not -path 'tests/bench/guard/*' | sort | grep -vxFf <(printf '%s\n' "${first[@]}"))
printf '%s\n' "${files[@]}" | xargs -P 4 -I{} bash -c 'test_file {}' &
lanes=$!

# -k: one failure does not hide the next. The counts come from the tests' own reports.
bazel test "${build_flags[@]}" -k --test_summary=terse //... || failed=1
testlogs=$(bazel info "${bazel_flags[@]}" bazel-testlogs 2>/dev/null)

say "With ASAN and UBSAN: the fuzzers and the two services, which share what they are compiled from"
precompiled asan tests
asan=("$flag")
precompiled asan libraries
asan+=("$flag")
nice -n 19 tests/fuzz/run.sh 30 "$results/fuzz.xml" "${asan[@]}" || failed=1
asan+=(--config=asan)
bazel test "${bazel_flags[@]}" "${asan[@]}" -k --test_summary=terse //agent/service/... //coordinator/desk/... //coordinator/service/... || failed=1
asan_testlogs=$(bazel info "${bazel_flags[@]}" "${asan[@]}" bazel-testlogs 2>/dev/null)
bazel shutdown

wait "$lanes" || failed=1
say "What a message costs, counted with nothing beside it"
for file in tests/bench/guard/test_*.py; do
  test_file "$file" || failed=1
  files+=("$file")
done
reports=("${files[@]/#/$results/}")
cat "${reports[@]/%/.log}" || failed=1

# In CI: as many files as there is time for.
if [ -n "${IRIS_TIDY_WITHIN:-}" ]; then
  say "clang-tidy, within $IRIS_TIDY_WITHIN s"
  tools/tidy.sh --within="$IRIS_TIDY_WITHIN" || failed=1
fi

/usr/bin/python3 tests/count_results.py "$testlogs" "$asan_testlogs" "$results/fuzz.xml" "${reports[@]/%/.xml}" || failed=1
exit "$failed"
