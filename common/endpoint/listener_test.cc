#include "common/endpoint/listener.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

constexpr uid_t kNobody = 65534;

// A listener on its own loop thread; every step runs there.
class ListenerTest : public ::testing::Test {
 protected:
  ~ListenerTest() override {
    OnLoop([this] {
      listener_.reset();
      handed_over_.clear();
    });
  }

  void OnLoop(absl::FunctionRef<void()> step) { thread_.Run(step); }
  void Start() {
    OnLoop([this] {
      absl::StatusOr<std::unique_ptr<Listener>> listener = Listener::Start(
          thread_.loop(), endpoint_, [] { return FrameHello("hi"); },
          [this](ScopedFd fd) { handed_over_.push_back(std::move(fd)); });
      ASSERT_TRUE(listener.ok()) << listener.status();
      listener_ = *std::move(listener);
    });
  }
  absl::StatusOr<Dialed> DialIt() { return Dial(endpoint_.socket, absl::Now() + absl::Minutes(1)); }
  size_t Waiting() {
    size_t waiting = 0;
    OnLoop([&] { waiting = listener_->waiting(); });
    return waiting;
  }
  size_t HandedOver() {
    size_t count = 0;
    OnLoop([&] { count = handed_over_.size(); });
    return count;
  }

  ScratchDir scratch_;
  Endpoint endpoint_ = {.dir = scratch_.path(),
                        .socket = scratch_.File("agent.sock"),
                        .lock = scratch_.File("agent.lock")};
  LoopThread thread_;
  std::unique_ptr<Listener> listener_;
  std::vector<ScopedFd> handed_over_;
};

// Waits for the other end to close, up to a minute.
bool IsClosedByPeer(int fd) {
  pollfd waited = {.fd = fd, .events = POLLIN, .revents = 0};
  char byte;
  return poll(&waited, 1, 60'000) == 1 && read(fd, &byte, 1) == 0;
}

// Until `condition`, up to a minute.
template <typename Condition>
bool Eventually(Condition condition) {
  const absl::Time deadline = absl::Now() + absl::Minutes(1);
  while (!condition()) {
    if (absl::Now() > deadline) return false;
  }
  return true;
}

TEST_F(ListenerTest, TheFirstByteHandsTheConnectionOverUnread) {
  Start();
  absl::StatusOr<Dialed> dialed = DialIt();
  ASSERT_TRUE(dialed.ok()) << dialed.status();
  EXPECT_EQ(dialed->hello, "hi");
  EXPECT_EQ(Waiting(), 1u);
  EXPECT_EQ(HandedOver(), 0u);

  ASSERT_EQ(write(dialed->fd.get(), "PRI", 3), 3);
  ASSERT_TRUE(Eventually([&] { return HandedOver() == 1; }));
  EXPECT_EQ(Waiting(), 0u);
  char bytes[8] = {};
  EXPECT_EQ(read(handed_over_[0].get(), bytes, sizeof(bytes)), 3);
  EXPECT_STREQ(bytes, "PRI");
  EXPECT_EQ(fcntl(handed_over_[0].get(), F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  EXPECT_EQ(fcntl(handed_over_[0].get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST_F(ListenerTest, WhoeverNeverSendsAByteWaitsUntilAcceptingStops) {
  Start();
  absl::StatusOr<Dialed> silent = DialIt();
  absl::StatusOr<Dialed> gone = DialIt();
  ASSERT_TRUE(silent.ok() && gone.ok());
  EXPECT_EQ(Waiting(), 2u);
  gone->fd.Reset();
  EXPECT_TRUE(Eventually([&] { return Waiting() == 1; }));

  OnLoop([this] { listener_->StopAccepting(); });

  EXPECT_EQ(Waiting(), 0u);
  EXPECT_TRUE(IsClosedByPeer(silent->fd.get()));
  EXPECT_NE(access(endpoint_.socket.c_str(), F_OK), 0);
  EXPECT_EQ(KindOf(Dial(endpoint_.socket, absl::InfinitePast()).status()), v1::FAILURE_UNREACHABLE);
  EXPECT_EQ(HandedOver(), 0u);
}

TEST_F(ListenerTest, AStaleSocketIsReplacedByOneForUsAlone) {
  const ScopedFd stale(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  strcpy(address.sun_path, endpoint_.socket.c_str());
  ASSERT_EQ(bind(stale.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  Start();
  EXPECT_TRUE(DialIt().ok());
  struct stat info = {};
  ASSERT_EQ(stat(endpoint_.socket.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
}

TEST_F(ListenerTest, AnotherUserGetsNoHello) {
  Start();
  // Past what keeps others out before the listener has a say.
  ASSERT_EQ(chmod(scratch_.path().c_str(), 0755), 0);
  ASSERT_EQ(chmod(endpoint_.socket.c_str(), 0666), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    if (setuid(kNobody) != 0) _exit(9);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
    strcpy(address.sun_path, endpoint_.socket.c_str());
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) _exit(8);
    _exit(IsClosedByPeer(fd) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(Waiting(), 0u);
}

TEST_F(ListenerTest, SocketAndDirectoryKeepAnotherUserOut) {
  Start();
  const pid_t pid = fork();
  if (pid == 0) {
    if (setuid(kNobody) != 0) _exit(9);
    const absl::Status status = Dial(endpoint_.socket, absl::InfinitePast()).status();
    _exit(KindOf(status) == v1::FAILURE_STORAGE ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

TEST_F(ListenerTest, MoreThanTheBoundAreRefused) {
  Start();
  std::vector<Dialed> connections;
  for (size_t i = 0; i < Listener::kWaitingMax; ++i) {
    absl::StatusOr<Dialed> dialed = DialIt();
    ASSERT_TRUE(dialed.ok()) << i << dialed.status();
    connections.push_back(*std::move(dialed));
  }
  EXPECT_EQ(KindOf(Dial(endpoint_.socket, absl::InfinitePast()).status()), v1::FAILURE_UNREACHABLE);
  connections.pop_back();
  EXPECT_TRUE(DialIt().ok());
}

TEST_F(ListenerTest, AnEndLeavesTheSocketOfASuccessorAlone) {
  Start();
  std::unique_ptr<Listener> first = std::move(listener_);
  Start();  // As after a logout that took the directory along.
  OnLoop([&] { first.reset(); });
  EXPECT_TRUE(DialIt().ok());
}

TEST_F(ListenerTest, WhomTheSystemLetsNobodyWatchIsNotGreetedAndComesAgain) {
  Start();
  OnLoop([this] { thread_.loop().set_watched_max(1); });
  EXPECT_FALSE(Dial(endpoint_.socket, absl::Now() + absl::Milliseconds(200)).ok());
  OnLoop([this] { thread_.loop().set_watched_max(100); });
  EXPECT_TRUE(DialIt().ok());
}

TEST_F(ListenerTest, WhereItCannotBeWatchedItSaysWhy) {
  OnLoop([this] {
    thread_.loop().set_watched_max(0);
    const absl::Status refused =
        Listener::Start(
            thread_.loop(), endpoint_, [] { return FrameHello("hi"); }, [](ScopedFd) {})
            .status();
    EXPECT_EQ(KindOf(refused), v1::FAILURE_BUSY_LIMIT);
    EXPECT_NE(ToProto(refused).fix().find("fs.epoll.max_user_watches"), std::string::npos);
    EXPECT_NE(access(endpoint_.socket.c_str(), F_OK), 0);
  });
}

}  // namespace
}  // namespace iris
