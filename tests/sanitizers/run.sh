#!/usr/bin/env bash
# Tests libraries with a sanitizer. Usage: tests/sanitizers/run.sh tsan|asan [TARGET…]
# TSAN: those that are free of gRPC's threads; it sees absl's mutexes through absl_mutex_for_tsan.cc, which says what it cannot see.
# ASAN: those, the two services, with gRPC's threads, and the simulation.
# Neither sees into Debian's libraries: what gRPC does with memory that was freed shows only where malloc() is concerned, at what is
# freed twice or handed to functions that are ours or libc's. Its templates are compiled here, and are seen.
# From nothing: 6 minutes on two cores. tests/run.sh runs the two services by ASAN.
set -euo pipefail
cd "$(dirname "$0")/../.."

sanitizer=${1:?tsan or asan}
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(//common/base/... //common/budget/... //common/endpoint/... //common/log/... //common/loop/... //common/process/...
  //agent/claude/... //agent/journal/... //agent/process/... //agent/session/... //coordinator/config/... //coordinator/store/...
  //coordinator/link:heartbeat_test //coordinator/link:link_machine_test //coordinator/link:wake_watch_test)
# One thread, or gRPC's: nothing for TSAN.
[ "$sanitizer" = tsan ] || [ $# -gt 0 ] ||
  targets+=(//tests/simulation/... //common/rpc/... //agent/service/... //coordinator/desk/... //coordinator/service/...)
flags=(--config="$sanitizer" --noshow_progress --color=no -k --test_summary=terse --build_tests_only)

if [ "$sanitizer" = tsan ]; then
  preload=$(mktemp --suffix=.so)
  trap 'rm -f "$preload"' EXIT
  g++ -std=c++20 -O1 -g -fPIC -shared -o "$preload" tests/sanitizers/absl_mutex_for_tsan.cc -ldl
  # -R: TSAN's shadow memory wants addresses that newer kernels would give to others.
  flags+=(--test_env=LD_PRELOAD="$preload" --run_under="setarch -R"
    --test_env=TSAN_OPTIONS="suppressions=$PWD/tests/sanitizers/tsan_suppressions.txt die_after_fork=0")
fi
bazel test "${flags[@]}" "${targets[@]}"
