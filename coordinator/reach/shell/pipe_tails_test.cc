#include "coordinator/reach/shell/pipe_tails.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

struct TestPipe {
  TestPipe() {
    int fds[2];
    EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
    read_end.Reset(fds[0]);
    write_end.Reset(fds[1]);
  }
  void Say(const std::string& text) const {
    ASSERT_EQ(write(write_end.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  ScopedFd read_end;
  ScopedFd write_end;
};

absl::StatusOr<std::unique_ptr<PipeTails>> TryStart(TestPipe& first, TestPipe& second) {
  std::vector<ScopedFd> read_ends;
  read_ends.push_back(std::move(first.read_end));
  read_ends.push_back(std::move(second.read_end));
  return PipeTails::Start(std::move(read_ends), "Mark ");
}

std::unique_ptr<PipeTails> Start(TestPipe& first, TestPipe& second) {
  return *TryStart(first, second);
}

absl::Time Soon() { return absl::Now() + absl::Seconds(20); }

TEST(PipeTailsTest, KeepsTheEndAndNeverLetsTheProgramWait) {
  TestPipe pipe, other;
  const std::unique_ptr<PipeTails> tails = Start(pipe, other);
  for (int i = 0; i < 100; ++i) pipe.Say(std::string(4096, 'x'));
  pipe.Say("last words");
  pipe.write_end.Reset();
  other.write_end.Reset();

  ASSERT_TRUE(tails->AwaitEnd(Soon()));
  EXPECT_EQ(tails->Text(0).size(), PipeTails::kBytesKept);
  EXPECT_EQ(tails->Text(0).substr(PipeTails::kBytesKept - 10), "last words");
}

TEST(PipeTailsTest, KeepsTheTwoApartAndReadsOnWhereOneHasEnded) {
  TestPipe own, host;
  const std::unique_ptr<PipeTails> tails = Start(own, host);
  own.Say("own");
  own.write_end.Reset();
  EXPECT_FALSE(tails->AwaitWords(0, "host", Soon()));
  host.Say("host");

  EXPECT_TRUE(tails->AwaitWords(1, "host", Soon()));
  EXPECT_EQ(tails->Text(0), "own");
  EXPECT_FALSE(tails->AwaitEnd(absl::Now()));
}

TEST(PipeTailsTest, NeverForgetsThatALineCame) {
  TestPipe own, host;
  const std::unique_ptr<PipeTails> tails = Start(own, host);
  own.Say("Ma");
  ASSERT_FALSE(tails->AwaitWords(0, "Mark", absl::Now() + absl::Milliseconds(50)));
  own.Say("rk me\r\n");
  host.Say("debug1: Mark me\r\n");
  for (int i = 0; i < 100; ++i) {
    for (const TestPipe* pipe : {&own, &host}) pipe->Say(std::string(1000, 'x') + "Mark x");
  }
  own.write_end.Reset();
  host.write_end.Reset();

  ASSERT_TRUE(tails->AwaitEnd(Soon()));
  EXPECT_EQ(tails->Text(0).find("Mark me"), std::string::npos);
  EXPECT_TRUE(tails->Noted(0));
  EXPECT_FALSE(tails->Noted(1)) << "in the middle of a line";
}

TEST(PipeTailsTest, WaitsForWordsThatAreStillToCome) {
  TestPipe pipe, other;
  const std::unique_ptr<PipeTails> tails = Start(other, pipe);
  std::thread program([&pipe] {
    pipe.Say("channel 2: open ");
    pipe.Say("failed");
  });

  EXPECT_TRUE(tails->AwaitWords(1, "open failed", Soon()));
  program.join();
  EXPECT_FALSE(tails->AwaitWords(1, "never said", absl::Now()));
  pipe.write_end.Reset();
  EXPECT_FALSE(tails->AwaitWords(1, "never said", Soon())) << "the end comes before the deadline";
}

TEST(PipeTailsTest, EndsThoughAHelperHoldsThePipe) {
  TestPipe pipe, other;
  { const std::unique_ptr<PipeTails> tails = Start(pipe, other); }
  EXPECT_TRUE(pipe.write_end.valid());
}

TEST(PipeTailsTest, WhereThereAreNoMoreDescriptorsItSaysSo) {
  TestPipe pipe, other;
  struct rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const struct rlimit low = {static_cast<rlim_t>(other.write_end.get()), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  const Failure failure = ToProto(TryStart(pipe, other).status());
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);

  EXPECT_EQ(failure.kind(), v1::FAILURE_BUSY_LIMIT) << failure.detail();
  EXPECT_THAT(failure.fix(), testing::HasSubstr("ulimit -n"));
}

}  // namespace
}  // namespace iris
