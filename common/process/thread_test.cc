#include "common/process/thread.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>

#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(StartThreadTest, RunsTheWork) {
  bool ran = false;
  absl::StatusOr<std::thread> thread = StartThread("tests", [&ran] { ran = true; });

  ASSERT_TRUE(thread.ok()) << thread.status();
  thread->join();
  EXPECT_TRUE(ran);
}

// In a process of its own: limits hold for good, and not for root.
[[noreturn]] void StartAtTheLimit() {
  if (geteuid() == 0 && setuid(65'534) != 0) _exit(2);
  const struct rlimit none = {0, 0};
  if (setrlimit(RLIMIT_NPROC, &none) != 0) _exit(3);
  const Failure failure = ToProto(StartThread("tests", [] { _exit(4); }).status());
  fprintf(stderr, "%s\n", Describe(failure).c_str());
  _exit(failure.kind() == v1::FAILURE_BUSY_LIMIT ? 0 : 1);
}

TEST(StartThreadTest, AProcessLimitIsAFailureAndNotTheEnd) {
  EXPECT_EXIT(
      StartAtTheLimit(), testing::ExitedWithCode(0),
      testing::AllOf(testing::HasSubstr("busy_limit: no thread can be started that tests: "),
                     testing::HasSubstr("ulimit -u")));
}

}  // namespace
}  // namespace iris
