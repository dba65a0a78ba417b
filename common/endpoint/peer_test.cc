#include "common/endpoint/peer.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "common/base/scoped_fd.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

constexpr uid_t kNobody = 65534;

TEST(PeerTest, WeAreBothClientAndServer) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const ScopedFd a(ends[0]), b(ends[1]);
  EXPECT_TRUE(CheckClient(a.get()).ok());
  EXPECT_TRUE(CheckServer(b.get()).ok());
}

// A pair made by root, judged by another user: root may listen for us, and not call us.
TEST(PeerTest, RootIsNoClientOfAnotherUserAndMayBeItsServer) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const ScopedFd a(ends[0]), b(ends[1]);
  const pid_t pid = fork();
  if (pid == 0) {
    if (setuid(kNobody) != 0) _exit(9);
    const absl::Status client = CheckClient(a.get());
    const bool refused = KindOf(client) == v1::FAILURE_PERMISSION_DENIED &&
                         client.message().find("uid 0") != absl::string_view::npos;
    _exit(refused && CheckServer(a.get()).ok() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

TEST(PeerTest, WhatIsNoSocketIsRefused) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  const ScopedFd a(fds[0]), b(fds[1]);
  EXPECT_EQ(KindOf(CheckClient(a.get())), v1::FAILURE_PERMISSION_DENIED);
}

}  // namespace
}  // namespace iris
