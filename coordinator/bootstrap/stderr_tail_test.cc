#include "coordinator/bootstrap/stderr_tail.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "absl/time/clock.h"
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

absl::Time Soon() { return absl::Now() + absl::Seconds(20); }

TEST(StderrTailTest, KeepsTheEndAndNeverLetsTheProgramWait) {
  TestPipe pipe;
  const StderrTail tail(std::move(pipe.read_end));
  for (int i = 0; i < 100; ++i) pipe.Say(std::string(4096, 'x'));
  pipe.Say("last words");
  pipe.write_end.Reset();

  ASSERT_TRUE(tail.AwaitEnd(Soon()));
  EXPECT_EQ(tail.Text().size(), StderrTail::kBytesKept);
  EXPECT_EQ(tail.Text().substr(StderrTail::kBytesKept - 10), "last words");
}

TEST(StderrTailTest, WaitsForWordsThatAreStillToCome) {
  TestPipe pipe;
  const StderrTail tail(std::move(pipe.read_end));
  std::thread program([&pipe] {
    pipe.Say("channel 2: open ");
    pipe.Say("failed");
  });

  EXPECT_TRUE(tail.AwaitWords("open failed", Soon()));
  program.join();
  EXPECT_FALSE(tail.AwaitWords("never said", absl::Now()));
  pipe.write_end.Reset();
  EXPECT_FALSE(tail.AwaitWords("never said", Soon())) << "the end comes before the deadline";
}

TEST(StderrTailTest, EndsThoughAHelperHoldsThePipe) {
  TestPipe pipe;
  { const StderrTail tail(std::move(pipe.read_end)); }
  EXPECT_TRUE(pipe.write_end.valid());
}

}  // namespace
}  // namespace iris
