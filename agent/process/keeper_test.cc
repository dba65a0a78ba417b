#include "agent/process/keeper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/testing/processes.h"
#include "agent/testing/programs.h"
#include "common/base/scoped_fd.h"
#include "common/process/spawn.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::MatchesRegex;
using ::testing::StartsWith;

// A keeper as the agent starts it, but for the pipes of its claude: it reads nothing, and what it
// writes is kept apart. Ends with this object.
class RunningKeeper {
 public:
  RunningKeeper(const std::string& program, const std::string& cwd,
                const std::vector<std::string>& args) {
    int report[2] = {-1, -1}, out[2] = {-1, -1};
    EXPECT_EQ(pipe2(report, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(out, O_CLOEXEC), 0);
    report_.Reset(report[0]);
    out_.Reset(out[0]);
    const ScopedFd their_report(report[1]), their_out(out[1]);
    SpawnSpec spec{.argv = {KeeperProgram(), "keeper", program, cwd},
                   .env = {"PATH=/usr/bin:/bin", "WORD=c d"},
                   .cwd = "/",
                   .fds = {{1, out[1]}, {kKeeperReportFd, report[1]}},
                   .new_session = true};
    spec.argv.insert(spec.argv.end(), args.begin(), args.end());
    const absl::StatusOr<pid_t> pid = Spawn(spec);
    EXPECT_TRUE(pid.ok()) << pid.status();
    pid_ = pid.value_or(0);
  }
  ~RunningKeeper() {
    if (pid_ == 0) return;
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
  }

  pid_t pid() const { return pid_; }
  // All that it reports, from now to its end.
  std::string Report() const { return ReadToEnd(report_.get()); }
  std::string ReadLine() const {
    std::string line;
    for (char c; read(report_.get(), &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }
  // What its claude wrote.
  std::string Out() const { return ReadToEnd(out_.get()); }
  int ExitCode() {
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  static std::string ReadToEnd(int fd) {
    std::string text;
    char buffer[512];
    for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;) {
      text.append(buffer, static_cast<size_t>(n));
    }
    return text;
  }

  ScopedFd report_, out_;
  pid_t pid_ = 0;
};

class KeeperTest : public ::testing::Test {
 protected:
  // What keepers leave comes to us.
  static void SetUpTestSuite() { BecomeLikeTheAgent(); }
  // A shell that runs this.
  static RunningKeeper Script(const std::string& text) {
    return RunningKeeper("/bin/sh", "/", {"-c", text});
  }
};

TEST_F(KeeperTest, SaysHowItsClaudeEndedAndThatNothingIsLeft) {
  RunningKeeper keeper = Script("exit 3");
  EXPECT_THAT(keeper.Report(), MatchesRegex("started [0-9]+\nexited code 3\ngone\n"));
  EXPECT_EQ(keeper.ExitCode(), 0);
  EXPECT_THAT(Script("kill -9 $$").Report(),
              MatchesRegex("started [0-9]+\nexited signal 9\ngone\n"));
}

TEST_F(KeeperTest, WhatCannotBeStartedIsAStepAndAnErrno) {
  RunningKeeper missing("/nonexistent/claude", "/", {});
  EXPECT_EQ(missing.Report(), absl::StrCat("failed exec ", ENOENT, "\n"));
  EXPECT_EQ(missing.ExitCode(), 1);
  EXPECT_EQ(RunningKeeper("/bin/true", "/nonexistent", {}).Report(),
            absl::StrCat("failed chdir ", ENOENT, "\n"));
  EXPECT_EQ(RunningKeeper("/", "/", {}).Report(), absl::StrCat("failed exec ", EACCES, "\n"));
  EXPECT_TRUE(Eventually(HaveNoChildren)) << "not even a zombie";
}

TEST_F(KeeperTest, AClaudeHasWhatItsSpecSaysAndNothingOfTheKeepers) {
  RunningKeeper keeper("/bin/sh", "/usr",
                       {"-c",
                        "echo \"$0|$1|$WORD|$PWD\"; grep -E '^Sig(Blk|Ign)' /proc/self/status; "
                        "ls /proc/self/fd; [ $(ps -o sid= -p $$) = $$ ] && echo leads a session",
                        "a 'b'", ""});
  // Where this test was started with the C library's own two signals ignored, that stays so.
  EXPECT_THAT(keeper.Out(), MatchesRegex("a 'b'\\|\\|c d\\|/usr\n"
                                         "SigBlk:\t0000000000000000\n"
                                         "SigIgn:\t0000000[01][08]0000000\n"
                                         "0\n1\n2\n3\n"  // 3 is what ls reads.
                                         "leads a session\n"));
  EXPECT_THAT(keeper.Report(), StartsWith("started "));
}

TEST_F(KeeperTest, WhatIgnoresSigtermIsKilledAndThenNothingIsLeft) {
  RunningKeeper keeper = Script(
      "trap 'exit 0' USR1; setsid sh -c 'trap \"\" TERM; kill -USR1 '$$'; "
      "while :; do sleep 600; done' & wait");
  EXPECT_THAT(keeper.Report(), MatchesRegex("started [0-9]+\nexited code 0\ngone\n"));
  EXPECT_EQ(keeper.ExitCode(), 0);
  EXPECT_TRUE(HaveNoChildren());
}

TEST_F(KeeperTest, WhereADaemonOfIrisStaysNobodySaysThatNothingIsLeft) {
  RunningKeeper keeper = Script(
      "(IRIS_DAEMON=1 setsid sleep 600 </dev/null >/dev/null 2>&1 & echo $!; "
      "until grep -qs IRIS_DAEMON=1 /proc/$!/environ; do :; done); setsid sleep 600 &");
  EXPECT_THAT(keeper.Report(), MatchesRegex("started [0-9]+\nexited code 0\n"));
  EXPECT_EQ(keeper.ExitCode(), 0);
  int daemon = 0;
  ASSERT_TRUE(absl::SimpleAtoi(keeper.Out(), &daemon));
  EXPECT_EQ(StateOf(daemon), 'S');
  kill(daemon, SIGKILL);
  EXPECT_EQ(waitpid(daemon, nullptr, 0), daemon) << "it is ours now";
}

TEST_F(KeeperTest, SigtermEndsAllAtOnceAndNothingElseEndsIt) {
  RunningKeeper keeper = Script("trap '' TERM; setsid sleep 600 & wait");
  ASSERT_THAT(keeper.ReadLine(), StartsWith("started "));
  for (const int harmless : {SIGHUP, SIGINT, SIGPIPE}) kill(keeper.pid(), harmless);
  kill(keeper.pid(), SIGTERM);
  EXPECT_EQ(keeper.Report(), "exited signal 9\ngone\n");
  EXPECT_EQ(keeper.ExitCode(), 0);
}

}  // namespace
}  // namespace iris
