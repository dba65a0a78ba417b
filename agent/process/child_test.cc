#include "agent/process/child.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "agent/process/child_fixture.h"
#include "agent/process/descendants.h"
#include "agent/process/life_lock.h"
#include "agent/process/running_child.h"
#include "agent/testing/processes.h"
#include "common/failure/exhausted.h"
#include "common/loop/event_loop.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Contents(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();  // Below /proc reading may fail: the iterator of a stream would throw then.
  return text.str();
}

// Prints the pid of a sleeper that no mark leads to: another session, reparented, no environment.
constexpr char kLeaveDetachedSleeper[] =
    "(env -i setsid sleep 600 </dev/null >/dev/null 2>&1 & echo $!)\n";

class ChildTest : public ChildFixture {};

TEST_F(ChildTest, AllOutputArrivesBeforeTheExit) {
  RunningChild child(Script("printf trouble >&2; head -c 1000000 /dev/zero; exit 3"));

  ASSERT_TRUE(child.listener.WaitForGone());
  EXPECT_EQ(child.listener.heard(), "started, exited after 1000000+7 bytes, gone, ");
  EXPECT_EQ(child.listener.end(), "code 3");
}

TEST_F(ChildTest, ArgumentsEnvironmentAndDirectoryAreTheSpecs) {
  ChildSpec spec = Script("printf '%s|%s|%s|' \"$0\" \"$WORD\" \"$PWD\"; env | wc -l");
  spec.args.push_back("a 'b'\n");
  spec.env.push_back("WORD=c d");
  spec.cwd = "/usr";
  RunningChild child(spec);

  ASSERT_TRUE(child.listener.WaitForGone());
  EXPECT_EQ(child.listener.out(), "a 'b'\n|c d|/usr|3\n");  // PATH, WORD, and the shell's PWD.
}

TEST_F(ChildTest, ASignalReachesTheProgramAloneAndIsReported) {
  RunningChild child(Script("sh -c 'trap \"\" TERM; echo tool; exec sleep 600' & wait"));
  ASSERT_TRUE(child.listener.WaitForOut("tool"));

  child.Signal(SIGTERM);

  ASSERT_TRUE(child.listener.WaitForGone());
  EXPECT_EQ(child.listener.end(), "signal 15");
}

TEST_F(ChildTest, OnlyAProgramThatTheSystemRefusesToRunIsAFailedPrecondition) {
  const ScratchDir scratch;
  const auto end_of = [](const ChildSpec& spec) {
    RunningChild child(spec);
    EXPECT_TRUE(child.listener.WaitForGone());
    return child.listener.end_code();
  };
  const auto file = [&](const std::string& text, mode_t mode) {
    std::ofstream(scratch.File("claude")) << text;
    chmod(scratch.File("claude").c_str(), mode);
    return Program(scratch.File("claude"), {});
  };
  constexpr absl::StatusCode kRefused = absl::StatusCode::kFailedPrecondition;
  EXPECT_EQ(end_of(Program("/nonexistent/claude", {})), kRefused);
  EXPECT_EQ(end_of(file("\x7f"
                        "ELF, and then nothing of one",
                        0700)),
            kRefused);
  EXPECT_EQ(end_of(file("#!/nonexistent/node\n", 0700)), kRefused);
  EXPECT_EQ(end_of(file("#!/bin/sh\n", 0600)), kRefused);

  ChildSpec homeless = file("#!/bin/sh\n", 0700);
  EXPECT_EQ(end_of(homeless), absl::StatusCode::kOk);
  homeless.cwd = "/nonexistent";
  EXPECT_EQ(end_of(homeless), absl::StatusCode::kUnknown) << "nothing is wrong with the program";
  std::filesystem::create_symlink("loop", scratch.File("loop"));
  EXPECT_EQ(end_of(Program(scratch.File("loop"), {})), absl::StatusCode::kUnknown);
}

TEST_F(ChildTest, WhatCannotBeStartedSaysWhy) {
  RunningChild missing(Program("/nonexistent/claude", {}));
  ASSERT_TRUE(missing.listener.WaitForGone());
  EXPECT_EQ(missing.listener.heard(), "exited after 0+0 bytes, gone, ");
  EXPECT_THAT(missing.listener.end(),
              AllOf(HasSubstr("/nonexistent/claude"), HasSubstr("No such")));

  ChildSpec homeless = Program("/bin/true", {});
  homeless.cwd = "/nonexistent";
  RunningChild child(homeless);
  ASSERT_TRUE(child.listener.WaitForGone());
  EXPECT_THAT(child.listener.end(), HasSubstr("chdir"));
}

// One alone, where the other was killed, holds it too.
TEST_F(ChildTest, TheKeeperAndTheProgramHoldItsLifeFile) {
  const ScratchDir scratch;
  ChildSpec spec = Script("[ -e /proc/self/fd/4 ] && echo held; exec sleep 600");
  spec.life_file = scratch.File("running");
  RunningChild child(spec);
  ASSERT_TRUE(child.listener.WaitForOut("held"));
  EXPECT_TRUE(std::ifstream(absl::StrCat("/proc/", child.keeper(), "/fd/4")).good());
  EXPECT_FALSE(IsLifeOver(spec.life_file));

  child.KillAll();
  ASSERT_TRUE(child.listener.WaitForGone());
  EXPECT_TRUE(IsLifeOver(spec.life_file));
}

TEST_F(ChildTest, WithoutAKeeperNothingStarts) {
  ChildSpec spec = Program("/bin/true", {});
  spec.keeper_program = "/nonexistent/keeper";
  RunningChild child(spec);

  EXPECT_THAT(std::string(child.status.message()), HasSubstr("/nonexistent/keeper"));
  EXPECT_EQ(child.listener.heard(), "");
}

TEST_F(ChildTest, StdinEndsAfterWhatWasWritten) {
  RunningChild child(Program("/bin/cat", {}));
  child.Write("first ");
  child.Write("second");
  child.CloseStdin();
  child.Write("too late");

  ASSERT_TRUE(child.listener.WaitForGone());
  EXPECT_EQ(child.listener.out(), "first second");
  EXPECT_EQ(child.listener.end(), "code 0");
}

TEST_F(ChildTest, WhatIsQueuedForItsStdinIsCounted) {
  RunningChild child(Program("/bin/sleep", {"600"}));
  const size_t bytes = 3 << 20;
  for (int i = 0; i < 3; ++i) child.Write(std::string(1 << 20, 'x'));
  EXPECT_GT(child.queued_bytes(), size_t{2} << 20);
  EXPECT_LT(child.queued_bytes(), bytes);  // The pipe takes some.
  child.KillAll();
  ASSERT_TRUE(child.listener.WaitForGone());

  RunningChild reader(Script("cat | wc -c"));
  for (int i = 0; i < 3; ++i) reader.Write(std::string(1 << 20, 'x'));
  EXPECT_TRUE(Eventually([&] { return reader.queued_bytes() == 0; }));
  reader.CloseStdin();
  ASSERT_TRUE(reader.listener.WaitForGone());
  EXPECT_EQ(reader.listener.out(), absl::StrCat(bytes, "\n"));
}

TEST_F(ChildTest, WritingToAProgramThatReadsNoMoreHarmsNobody) {
  RunningChild child(Script("exec 0<&-; echo closed; sleep 0.05; exit 4"));
  ASSERT_TRUE(child.listener.WaitForOut("closed"));

  child.Write("nobody reads this");

  ASSERT_TRUE(child.listener.WaitForGone());
  EXPECT_EQ(child.listener.end(), "code 4");
}

TEST_F(ChildTest, ASlowReaderOfStdinGets16MiBByteForByte) {
  std::string text(16 << 20, '\0');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 2654435761u >> 24);
  RunningChild child(Script("exec dd bs=1000 2>/dev/null"));

  child.Write(text);
  child.CloseStdin();

  ASSERT_TRUE(child.listener.WaitForGone());
  EXPECT_TRUE(child.listener.out() == text) << child.listener.out().size() << " bytes";
}

TEST_F(ChildTest, APausedChildWaitsAndThenLosesNothing) {
  RunningChild child(Script("read go; exec seq 1 2000000"));
  ASSERT_TRUE(child.listener.WaitForStart());
  child.Pause(true);
  child.Write("go\n");

  // seq never sleeps but for a full pipe.
  const pid_t writer = child.listener.pid();
  ASSERT_TRUE(Eventually([&] {
    return Contents(absl::StrCat("/proc/", writer, "/comm")) == "seq\n" && StateOf(writer) == 'S';
  }));
  EXPECT_EQ(child.listener.out(), "");

  child.Pause(false);
  ASSERT_TRUE(child.listener.WaitForGone());
  std::string expected;
  for (int i = 1; i <= 2'000'000; ++i) absl::StrAppend(&expected, i, "\n");
  EXPECT_TRUE(child.listener.out() == expected) << child.listener.out().size() << " bytes";
}

int64_t CpuMillis() {
  timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return used.tv_sec * 1000 + used.tv_nsec / 1'000'000;
}

TEST_F(ChildTest, APausedChildThatHasExitedCostsNothingAndReportsWhenThereIsRoom) {
  RunningChild child(Script("read go; echo last words; exit 5"));
  ASSERT_TRUE(child.listener.WaitForStart());
  child.Pause(true);
  child.Write("go\n");
  ASSERT_TRUE(Eventually(HaveNoChildren));  // The keeper has gone too.

  const int64_t before = CpuMillis();
  absl::Notification passed;
  child.Do([&] { child.loop().After(absl::Milliseconds(200), [&] { passed.Notify(); }); });
  ASSERT_TRUE(passed.WaitForNotificationWithTimeout(kChildDeadline));
  EXPECT_LT(CpuMillis() - before, 100);
  EXPECT_EQ(child.listener.heard(), "started, ");

  child.Pause(false);
  ASSERT_TRUE(child.listener.WaitForGone());
  EXPECT_EQ(child.listener.heard(), "started, exited after 11+0 bytes, gone, ");
  EXPECT_EQ(child.listener.end(), "code 5");
}

TEST_F(ChildTest, WhatAToolGoesOnWritingDoesNotHoldUpTheExit) {
  RunningChild child(Script("trap '' TERM; for i in 1 2 3 4 5 6 7 8; do yes & done; exit 7"));

  ASSERT_TRUE(child.listener.WaitForGone());
  EXPECT_EQ(child.listener.end(), "code 7");
  EXPECT_LT(child.listener.out().size(), size_t{64} << 20);
}

TEST_F(ChildTest, ADetachedDescendantIsGoneWithTheChild) {
  RunningChild child(Script(absl::StrCat(kLeaveDetachedSleeper, "read go")));
  ASSERT_TRUE(child.listener.WaitForOut("\n"));
  int sleeper = 0;
  ASSERT_TRUE(absl::SimpleAtoi(child.listener.out(), &sleeper));
  ASSERT_TRUE(Exists(sleeper));

  child.CloseStdin();

  ASSERT_TRUE(child.listener.WaitForGone());
  EXPECT_FALSE(Exists(sleeper));
}

TEST_F(ChildTest, KillAllEndsATreeThatIgnoresSigterm) {
  RunningChild child(Script(
      "trap '' TERM; sh -c 'echo $$; setsid sleep 600 & wait; sleep 600' & wait; sleep 600"));
  ASSERT_TRUE(child.listener.WaitForOut("\n"));
  child.Signal(SIGTERM);

  child.KillAll();

  ASSERT_TRUE(child.listener.WaitForGone());
  EXPECT_EQ(child.listener.end(), "signal 9");
}

TEST_F(ChildTest, AKilledKeeperTakesTheWholeTreeWithIt) {
  RunningChild child(Script(absl::StrCat(kLeaveDetachedSleeper, "setsid sleep 600 & wait")));
  ASSERT_TRUE(child.listener.WaitForOut("\n"));
  int sleeper = 0;
  ASSERT_TRUE(absl::SimpleAtoi(child.listener.out(), &sleeper));

  kill(child.keeper(), SIGKILL);

  ASSERT_TRUE(child.listener.WaitForGone());
  EXPECT_EQ(child.listener.end(), "signal 9");
  EXPECT_FALSE(Exists(sleeper));
  EXPECT_TRUE(HaveNoChildren());  // At OnGone already.
}

TEST_F(ChildTest, AKilledKeeperOfOneChildLeavesTheOthersAlone) {
  RunningChild other(Program("/bin/cat", {}));
  ASSERT_TRUE(other.listener.WaitForStart());
  const pid_t others_keeper = other.keeper();
  RunningChild child(Program("/bin/cat", {}));
  ASSERT_TRUE(child.listener.WaitForStart());
  for (const pid_t keeper : ChildrenOf(getpid())) {
    if (keeper != others_keeper) kill(keeper, SIGKILL);
  }
  ASSERT_TRUE(child.listener.WaitForGone());

  other.Write("still here");
  EXPECT_TRUE(other.listener.WaitForOut("still here"));
  other.CloseStdin();
  ASSERT_TRUE(other.listener.WaitForGone());
}

TEST_F(ChildTest, DestroyingARunningChildKillsAll) {
  RunningChild child(Script("trap '' TERM; setsid sleep 600 & echo up; wait"));
  ASSERT_TRUE(child.listener.WaitForOut("up"));
  const pid_t pid = child.listener.pid();
  const pid_t keeper = child.keeper();

  child.Destroy();

  EXPECT_EQ(waitpid(keeper, nullptr, 0), keeper);
  EXPECT_FALSE(Exists(pid));
  EXPECT_THAT(DescendantsOf(getpid()), IsEmpty());
}

// An agent of its own process that runs `script` until somebody kills it. Returns its pid.
pid_t ForkAgent(const std::string& script) {
  const pid_t agent = fork();
  if (agent != 0) return agent;
  BecomeLikeTheAgent();
  EventLoop loop;
  ChildListener listener;
  const absl::StatusOr<std::unique_ptr<Child>> child = Child::Start(loop, Script(script), listener);
  loop.After(kChildDeadline, [&] { loop.Stop(); });
  loop.Run();
  _exit(1);
}

TEST_F(ChildTest, WhenTheAgentIsKilledTheChildFinishesAndNothingStays) {
  const ScratchDir scratch;
  const std::string finished = scratch.File("finished");
  const std::string sleeper_file = scratch.File("sleeper");
  const pid_t agent = ForkAgent(absl::StrCat(kLeaveDetachedSleeper, "echo x >", sleeper_file,
                                             "; cat >/dev/null; echo done >", finished));
  ASSERT_GT(agent, 0);
  ASSERT_TRUE(Eventually([&] { return Contents(sleeper_file) == "x\n"; }));
  EXPECT_GE(DescendantsOf(agent).size(), 3u);  // The keeper, the shell, the sleeper, cat.

  kill(agent, SIGKILL);
  ASSERT_EQ(waitpid(agent, nullptr, 0), agent);

  // What the agent had is ours now.
  ASSERT_TRUE(Eventually([] { return waitpid(-1, nullptr, WNOHANG) < 0; }));
  EXPECT_EQ(Contents(finished), "done\n");
}

// Its report, its stdout and its stderr are three.
TEST_F(ChildTest, WhereNothingCanBeWatchedNothingIsStarted) {
  RunningChild child(Script("exit 0"), /*watched_max=*/0);
  EXPECT_TRUE(IsExhausted(child.status)) << child.status;
  EXPECT_TRUE(HaveNoChildren());
}

TEST_F(ChildTest, WhatCannotBeHeardIsEndedAndSaysWhy) {
  RunningChild child(Script("sleep 600"), /*watched_max=*/1);
  ASSERT_TRUE(child.listener.WaitForGone());
  EXPECT_THAT(child.listener.end(), HasSubstr("fs.epoll.max_user_watches"));
}

TEST_F(ChildTest, WhatItSaysIsHeardOnceItCanBeWatchedAgain) {
  RunningChild child(Script("echo heard; read line; exit 3"), /*watched_max=*/1);
  ASSERT_TRUE(child.listener.WaitForStart());
  child.Do([&] { child.loop().set_watched_max(3); });
  ASSERT_TRUE(child.listener.WaitForOut("heard"));
  child.CloseStdin();
  ASSERT_TRUE(child.listener.WaitForGone());
  EXPECT_EQ(child.listener.end(), "code 3");
}

TEST_F(ChildTest, WhatIsWrittenArrivesAlsoWhereItsStdinCannotBeWatched) {
  RunningChild child(Script("wc -c"), /*watched_max=*/3);
  child.Write(std::string(200'000, 'x'));
  child.CloseStdin();
  ASSERT_TRUE(child.listener.WaitForGone());
  EXPECT_EQ(child.listener.out(), "200000\n");
}

}  // namespace
}  // namespace iris
