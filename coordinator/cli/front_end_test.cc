#include "coordinator/cli/front_end.h"

#include <sys/file.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/hostname.h"
#include "common/endpoint/data_lock.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A lock on what a coordinator keeps is held, and nobody answers.
class SilentHolderTest : public ::testing::Test {
 protected:
  SilentHolderTest() {
    places_.data_dir = scratch_.path();
    places_.lock = scratch_.File("coordinator.lock");
    places_.endpoint = {.dir = scratch_.path(),
                        .socket = scratch_.File("coordinator.sock"),
                        .lock = scratch_.File("endpoint.lock")};
    absl::StatusOr<ScopedFd> lock = LockData(places_.lock);
    EXPECT_TRUE(lock.ok()) << lock.status();
    lock_ = *std::move(lock);
  }

  void Note(const std::string& note) { std::ofstream(places_.lock, std::ios::trunc) << note; }
  absl::Status Found() const { return FindRunning(places_, absl::Now()).status(); }
  // What a person is shown.
  std::string Shown() const { return Describe(ToProto(Found())); }

  const ScratchDir scratch_;
  Places places_;
  ScopedFd lock_;
};

TEST_F(SilentHolderTest, IsNamedWithTheCommandThatEndsIt) {
  EXPECT_EQ(KindOf(Found()), v1::FAILURE_TIMEOUT);
  EXPECT_THAT(Shown(), HasSubstr(absl::StrCat("end it: kill ", getpid(), ".")));
}

TEST_F(SilentHolderTest, NobodysPidIsGivenWhereItIsNotKnown) {
  for (const char* note : {"", "17\n23\n\n/tmp/s\n", "17\n"}) {
    Note(note);
    EXPECT_EQ(KindOf(Found()), v1::FAILURE_TIMEOUT) << note;
    EXPECT_THAT(Shown(), AllOf(Not(HasSubstr("kill")), Not(HasSubstr("pid")))) << note;
  }
}

TEST_F(SilentHolderTest, OneOnAnotherHostIsNotKilledHere) {
  Note("17\n23\nelsewhere\n/tmp/s\n");
  EXPECT_EQ(KindOf(Found()), v1::FAILURE_STORAGE);
  EXPECT_THAT(Shown(), AllOf(HasSubstr("host elsewhere, pid 17,"), Not(HasSubstr("kill"))));
}

// As in another container with the same home.
TEST_F(SilentHolderTest, OneOnAnotherHostOfTheSameNameIsNoSilentOne) {
  Note(absl::StrCat("17\n23\n", Hostname(), "\n/tmp/s\nanother-boot pid:[1]\n"));
  EXPECT_EQ(KindOf(Found()), v1::FAILURE_STORAGE);
  EXPECT_THAT(Shown(), AllOf(HasSubstr("another container, or another host, that is called "),
                             HasSubstr(", pid 17,"), Not(HasSubstr("kill"))));
}

TEST_F(SilentHolderTest, WhereNobodyHoldsItNoneRuns) {
  lock_.Reset();
  EXPECT_EQ(KindOf(Found()), v1::FAILURE_UNREACHABLE);
}

}  // namespace
}  // namespace iris
