#include "coordinator/cli/mcp_given.h"

#include <thread>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(GivenAnswersTest, WhatWasWrittenIsTakenOnce) {
  GivenAnswers given;
  for (const char* id : {"one", "", "two"}) {
    given.Begin();
    given.End(id);
  }
  EXPECT_THAT(given.Take(absl::ZeroDuration()), ElementsAre("one", "two"));
  EXPECT_THAT(given.Take(absl::ZeroDuration()), IsEmpty());
}

TEST(GivenAnswersTest, WhatIsBeingWrittenIsNotGivenYetAndIsWaitedFor) {
  GivenAnswers given;
  given.Begin();
  EXPECT_THAT(given.Take(absl::Milliseconds(1)), IsEmpty());
  std::thread writer([&] { given.End("one"); });
  EXPECT_THAT(given.Take(absl::Minutes(1)), ElementsAre("one"));
  writer.join();
}

}  // namespace
}  // namespace iris
