#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "common/base/scoped_fd.h"
#include "common/endpoint/endpoint.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kPlenty = absl::Minutes(1);

ScopedFd BoundAt(const std::string& path) {
  ScopedFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  strcpy(address.sun_path, path.c_str());
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  return fd;
}

void Greet(int listening) {
  const ScopedFd accepted(accept(listening, nullptr, nullptr));
  const std::string hello = FrameHello("here");
  EXPECT_EQ(write(accepted.get(), hello.data(), hello.size()), static_cast<ssize_t>(hello.size()));
}

TEST(DialTest, OneTryFailsAtOnceWhereNobodyListens) {
  const ScratchDir scratch;
  const absl::Status missing = Dial(scratch.File("s"), absl::InfinitePast()).status();
  EXPECT_EQ(KindOf(missing), v1::FAILURE_UNREACHABLE);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("No such file"));
  const ScopedFd stale = BoundAt(scratch.File("s"));
  const absl::Status refused = Dial(scratch.File("s"), absl::InfinitePast()).status();
  EXPECT_EQ(KindOf(refused), v1::FAILURE_UNREACHABLE);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("refused"));
}

TEST(DialTest, OneTrySufficesWhereADaemonAnswers) {
  const ScratchDir scratch;
  const ScopedFd listening = BoundAt(scratch.File("s"));
  ASSERT_EQ(listen(listening.get(), 1), 0);
  std::thread daemon([&] { Greet(listening.get()); });
  absl::StatusOr<Dialed> dialed = Dial(scratch.File("s"), absl::InfinitePast());
  daemon.join();
  ASSERT_TRUE(dialed.ok()) << dialed.status();
  EXPECT_EQ(dialed->hello, "here");
  EXPECT_EQ(fcntl(dialed->fd.get(), F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  EXPECT_EQ(fcntl(dialed->fd.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

// First no file, then a file that refuses, then a daemon that leaves before its hello, then one
// that stays.
TEST(DialTest, ADaemonThatIsComingUpIsWaitedFor) {
  const ScratchDir scratch;
  absl::StatusOr<Dialed> dialed = absl::UnknownError("not yet");
  std::thread client([&] { dialed = Dial(scratch.File("s"), absl::Now() + kPlenty); });
  const ScopedFd listening = BoundAt(scratch.File("s"));
  ASSERT_EQ(listen(listening.get(), 1), 0);
  ScopedFd(accept(listening.get(), nullptr, nullptr)).Reset();
  Greet(listening.get());
  client.join();
  ASSERT_TRUE(dialed.ok()) << dialed.status();
  EXPECT_EQ(dialed->hello, "here");
}

TEST(DialTest, TheDeadlineHoldsWhereNobodyComes) {
  const ScratchDir scratch;
  const absl::Time deadline = absl::Now() + absl::Milliseconds(30);
  EXPECT_EQ(KindOf(Dial(scratch.File("s"), deadline).status()), v1::FAILURE_UNREACHABLE);
  EXPECT_GE(absl::Now(), deadline);
}

TEST(DialTest, ADaemonThatIsStoppedIsGivenUp) {
  const ScratchDir scratch;
  const ScopedFd listening = BoundAt(scratch.File("s"));
  ASSERT_EQ(listen(listening.get(), 1), 0);  // The kernel accepts; nobody says hello.
  const absl::Status status = Dial(scratch.File("s"), absl::InfinitePast()).status();
  EXPECT_EQ(KindOf(status), v1::FAILURE_UNREACHABLE);
  EXPECT_THAT(std::string(status.message()), HasSubstr("waiting for the hello"));
}

TEST(DialTest, APathTooLongIsABadRequest) {
  EXPECT_EQ(KindOf(Dial("/" + std::string(200, 'x'), absl::Now() + kPlenty).status()),
            v1::FAILURE_BAD_REQUEST);
}

TEST(DialTest, ASocketOfAnotherUserIsNotTrusted) {
  const ScratchDir scratch;
  const std::string path = scratch.File("s");
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const ScopedFd listening = BoundAt(path);
  const pid_t pid = fork();
  if (pid == 0) {
    // The kernel notes who calls listen().
    const bool ok = setuid(65534) == 0 && listen(listening.get(), 1) == 0;
    if (!ok || write(ready[1], "y", 1) != 1) _exit(1);
    pause();
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  const absl::Status status = Dial(path, absl::Now() + kPlenty).status();
  EXPECT_EQ(KindOf(status), v1::FAILURE_PERMISSION_DENIED) << status;
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
}

}  // namespace
}  // namespace iris
