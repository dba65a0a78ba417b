#!/usr/bin/env bash
# How long things take, what they cost, and how far from their floors that is: README.md.
# Usage: tests/bench/run.sh [--only ROW] [--json FILE] …; --help says the rest.
# As root, on a quiet machine, after `bazel build //...`. IRIS_BIN_DIR names another build than the last one here.
#   tests/bench/run.sh --record   writes anew what tests/bench/guard holds the counts to
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ "${1:-}" = --record ]; then
  IRIS_RECORD_COUNTS=1 exec /usr/bin/python3 -m pytest -q -s tests/bench/guard
fi
PYTHONPATH=tests exec /usr/bin/python3 -m bench.run "$@"
