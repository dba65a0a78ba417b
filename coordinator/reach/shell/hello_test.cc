#include "coordinator/reach/shell/hello.h"

#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <string>
#include <thread>

#include "absl/time/clock.h"
#include "common/base/scoped_fd.h"
#include "common/endpoint/endpoint.h"
#include "common/failure/failure.h"
#include "common/version/version.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

v1::Hello GoodHello() {
  v1::Hello hello;
  hello.mutable_protocol()->set_min(kProtocolMin);
  hello.mutable_protocol()->set_max(kProtocolMax + 5);
  hello.set_incarnation("11111111-2222-4333-8444-555555555555");
  hello.set_hostname("gpu1");
  hello.set_socket_path("/run/user/1/iris/agent.sock");
  return hello;
}

TEST(HelloTest, ANewerAgentThatStillSpeaksOursIsWelcome) {
  const absl::StatusOr<v1::Hello> hello = ParseAgentHello(GoodHello().SerializeAsString());

  ASSERT_TRUE(hello.ok()) << hello.status();
  EXPECT_EQ(hello->hostname(), "gpu1");
  EXPECT_EQ(hello->socket_path(), "/run/user/1/iris/agent.sock");
}

TEST(HelloTest, NoCommonProtocolNamesBothRanges) {
  v1::Hello hello = GoodHello();
  hello.mutable_protocol()->set_min(kProtocolMax + 1);
  const absl::Status status = ParseAgentHello(hello.SerializeAsString()).status();

  EXPECT_EQ(KindOf(status), v1::FAILURE_VERSION);
  EXPECT_THAT(std::string(status.message()), HasSubstr("protocol 2 to 6"));

  hello.mutable_protocol()->set_min(9);
  hello.mutable_protocol()->set_max(1);
  EXPECT_EQ(KindOf(ParseAgentHello(hello.SerializeAsString()).status()), v1::FAILURE_VERSION)
      << "an empty range";
}

TEST(HelloTest, NoCommonProtocolNamesTheSessionsThatHoldTheAgent) {
  v1::Hello hello = GoodHello();
  hello.mutable_protocol()->set_min(kProtocolMax + 1);
  hello.set_sessions_active(3);
  hello.add_active_teams("gpu");
  hello.add_active_teams("web\x1b[2J");
  EXPECT_THAT(std::string(ParseAgentHello(hello.SerializeAsString()).status().message()),
              HasSubstr("3 sessions are active in it (gpu, web[2J)"));
}

TEST(HelloTest, WhatIsNoHelloIsRefused) {
  EXPECT_EQ(KindOf(ParseAgentHello("GET / HTTP/1.1").status()), v1::FAILURE_INTERNAL);
  EXPECT_EQ(KindOf(ParseAgentHello("").status()), v1::FAILURE_INTERNAL);
  v1::Hello hello = GoodHello();
  hello.set_incarnation("../../etc");
  EXPECT_EQ(KindOf(ParseAgentHello(hello.SerializeAsString()).status()), v1::FAILURE_INTERNAL);
}

TEST(HelloTest, TextsAreCutAndCleaned) {
  v1::Hello hello = GoodHello();
  hello.set_hostname(std::string(10'000, 'x'));
  hello.set_user("root\x1b[2J\nadmin");
  const absl::StatusOr<v1::Hello> parsed = ParseAgentHello(hello.SerializeAsString());

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_LT(parsed->hostname().size(), 300u);
  EXPECT_EQ(parsed->user(), "root[2J admin");
}

// A host that has begun its hello holds nobody who wants to leave.
TEST(HelloTest, ReadingStopsSoonAfterBeingAskedAlsoInTheMiddle) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  const ScopedFd ours(ends[0]), host(ends[1]);
  const std::string framed = FrameHello(GoodHello().SerializeAsString());
  std::atomic<bool> cancelled = false;
  ASSERT_EQ(send(host.get(), framed.data(), 2, MSG_NOSIGNAL), 2);
  absl::Time asked;
  std::thread person([&] {
    poll(nullptr, 0, 300);
    asked = absl::Now();
    cancelled = true;
  });
  const absl::Status status =
      ReadAgentHello(ours.get(), absl::Now() + absl::Minutes(5), &cancelled).status();
  person.join();
  EXPECT_EQ(KindOf(status), v1::FAILURE_CANCELLED);
  EXPECT_LT(absl::Now() - asked, absl::Seconds(20));
}

}  // namespace
}  // namespace iris
