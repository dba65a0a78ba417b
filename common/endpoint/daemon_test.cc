#include "common/endpoint/daemon.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/scoped_fd.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr absl::Duration kPlenty = absl::Minutes(1);

// This program again, as a daemon that does `what` (see RunAsDaemon) and writes its facts to
// `file`.
std::vector<std::string> Daemon(const std::string& what, const std::string& file = "") {
  char self[4096];
  const ssize_t n = readlink("/proc/self/exe", self, sizeof(self));
  return {std::string(self, n > 0 ? n : 0), "--as-daemon", what, file};
}

absl::Time Soon() { return absl::Now() + kPlenty; }

std::string Content(const std::string& file) {
  const ScopedFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  char text[8192];
  const ssize_t n = read(fd.get(), text, sizeof(text));
  return std::string(text, n > 0 ? n : 0);
}

TEST(DaemonTest, OneThatReportsReadyIsStarted) {
  const absl::Status status = StartDaemon(Daemon("ready"), {}, Soon());
  EXPECT_TRUE(status.ok()) << status;
}

TEST(DaemonTest, OneThatIsThereAlreadyIsAsGood) {
  const absl::Status status = StartDaemon(Daemon("already"), {}, Soon());
  EXPECT_TRUE(status.ok()) << status;
}

TEST(DaemonTest, TheFailureArrivesWithItsKindItsTextAndItsFix) {
  const absl::Status status = StartDaemon(Daemon("fail"), {}, Soon());
  EXPECT_EQ(KindOf(status), v1::FAILURE_NO_SPACE);
  EXPECT_THAT(ToProto(status).detail(), HasSubstr("the disk is full"));
  EXPECT_EQ(ToProto(status).fix(), "buy a disk");
}

TEST(DaemonTest, OneThatDiesWithoutAWordIsAFailure) {
  const absl::Status status = StartDaemon(Daemon("die"), {}, Soon());
  EXPECT_EQ(KindOf(status), v1::FAILURE_INTERNAL);
  EXPECT_THAT(std::string(status.message()), HasSubstr("before it was ready"));
}

TEST(DaemonTest, AMissingProgramIsNamed) {
  const absl::Status status = StartDaemon({"/nonexistent/daemon"}, {}, Soon());
  EXPECT_EQ(KindOf(status), v1::FAILURE_NOT_EXECUTABLE);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nonexistent/daemon"));
}

TEST(DaemonTest, SilenceEndsAtTheDeadlineAndTheReportThenKillsNobody) {
  const ScratchDir scratch;
  const std::string file = scratch.File("facts");
  ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
  const absl::Status status =
      StartDaemon(Daemon("late", file), {}, absl::Now() + absl::Milliseconds(50));
  EXPECT_EQ(KindOf(status), v1::FAILURE_TIMEOUT);
  // The daemon waits for a reader of the FIFO, reports to nobody, and writes that it lives.
  EXPECT_EQ(Content(file), "alive");
}

TEST(DaemonTest, ItIsNoChildHasASessionOfItsOwnAndNothingOfOurs) {
  const ScratchDir scratch;
  const std::string file = scratch.File("facts");
  ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
  const ScopedFd stray(fcntl(STDERR_FILENO, F_DUPFD, 50));  // Not close-on-exec on purpose.
  ASSERT_TRUE(stray.valid());
  ASSERT_TRUE(StartDaemon(Daemon("facts", file), {"LANG=C.UTF-8", "X=1"}, Soon()).ok());
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);  // We have no children.
  const std::vector<std::string> facts = absl::StrSplit(Content(file), '\n');
  EXPECT_THAT(facts, Contains("cwd=/"));
  EXPECT_THAT(facts, Contains("fds=0 1 2"));
  EXPECT_THAT(facts, Contains("stdio=/dev/null /dev/null /dev/null"));
  EXPECT_THAT(facts, Contains("env=IRIS_DAEMON=1 LANG=C.UTF-8 X=1"));
  EXPECT_THAT(facts, Not(Contains(absl::StrCat("session=", getsid(0)))));
  EXPECT_THAT(facts, Not(Contains(absl::StrCat("parent=", getpid()))));
}

TEST(DaemonTest, TheMinimalEnvironmentHoldsWhatADaemonNeeds) {
  setenv("LC_TIME", "de_DE.UTF-8", 1);
  setenv("SSH_AUTH_SOCK", "/tmp/ssh-x/agent.1", 1);
  setenv("DISPLAY", ":0", 1);
  setenv("HOME", "/home/me", 1);
  EXPECT_THAT(MinimalEnv({"SSH_AUTH_SOCK"}), Contains("SSH_AUTH_SOCK=/tmp/ssh-x/agent.1"));
  EXPECT_THAT(MinimalEnv({}), Contains("LC_TIME=de_DE.UTF-8"));
  EXPECT_THAT(MinimalEnv({}), Contains("HOME=/home/me"));
  EXPECT_THAT(MinimalEnv({}), Contains(StartsWith("PATH=")));
  EXPECT_THAT(MinimalEnv({}), Not(Contains(StartsWith("SSH_AUTH_SOCK="))));
  EXPECT_THAT(MinimalEnv({}), Not(Contains(StartsWith("DISPLAY="))));
}

TEST(DaemonTest, NoMarkOfASessionReachesADaemon) {
  for (const char* mark : {"IRIS_SESSION", "IRIS_DAEMON", "IRIS_READY_FD"}) {
    setenv(mark, "1", 1);
    EXPECT_THAT(MinimalEnv({mark}), Not(Contains(StartsWith(absl::StrCat(mark, "=")))));
    unsetenv(mark);
  }
}

TEST(DaemonTest, StartedByHandTheReportGoesNowhere) {
  setenv("IRIS_READY_FD", "2", 1);  // Not one of ours: stderr stays open.
  ReportReady(absl::OkStatus());
  EXPECT_GE(fcntl(2, F_GETFD), 0);
  unsetenv("IRIS_READY_FD");
  ReportReady(absl::OkStatus());
}

std::string LinkTarget(const std::string& path) {
  char target[4096];
  const ssize_t n = readlink(path.c_str(), target, sizeof(target));
  return std::string(target, n > 0 ? n : 0);
}

std::string Facts() {
  std::string fds, stdio, env;
  for (int fd = 0; fd < 256; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) absl::StrAppend(&fds, fd == 0 ? "" : " ", fd);
  }
  for (int fd = 0; fd < 3; ++fd) {
    absl::StrAppend(&stdio, fd == 0 ? "" : " ", LinkTarget(absl::StrCat("/proc/self/fd/", fd)));
  }
  for (char** entry = environ; *entry != nullptr; ++entry) {
    absl::StrAppend(&env, env.empty() ? "" : " ", *entry);
  }
  return absl::StrCat("cwd=", LinkTarget("/proc/self/cwd"), "\nfds=", fds, "\nstdio=", stdio,
                      "\nenv=", env, "\nsession=", getsid(0), "\nparent=", getppid());
}

int RunAsDaemon(const std::string& what, const std::string& file) {
  if (what == "ready") ReportReady(absl::OkStatus());
  if (what == "already") ReportReady(absl::AlreadyExistsError("pid 1 holds it"));
  if (what == "fail") {
    ReportReady(MakeFailure(v1::FAILURE_NO_SPACE, "the disk is full", "buy a disk"));
  }
  if (what == "late") {
    const ScopedFd fifo(open(file.c_str(), O_WRONLY | O_CLOEXEC));
    ReportReady(absl::OkStatus());
    (void)!write(fifo.get(), "alive", 5);
  }
  if (what == "facts") {
    ReportReady(absl::OkStatus());
    const std::string facts = Facts();
    const ScopedFd fifo(open(file.c_str(), O_WRONLY | O_CLOEXEC));
    (void)!write(fifo.get(), facts.data(), facts.size());
  }
  return 0;
}

}  // namespace
}  // namespace iris

int main(int argc, char** argv) {
  if (argc == 4 && std::string(argv[1]) == "--as-daemon") {
    return iris::RunAsDaemon(argv[2], argv[3]);
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
