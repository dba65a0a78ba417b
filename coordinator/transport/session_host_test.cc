#include "coordinator/transport/session_host.h"

#include <string>

#include "absl/status/status.h"
#include "common/failure/failure.h"
#include "coordinator/transport/read_point.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

v1::Hello HelloOf(const std::string& id, const std::string& hostname, const std::string& folder) {
  v1::Hello hello;
  hello.set_host_id(id);
  hello.set_user("me");
  hello.set_hostname(hostname);
  hello.set_data_dir(folder);
  return hello;
}

// What is said where the link leads to the second one after the first one had a message.
std::string FromTo(const v1::Hello& first, const v1::Hello& second) {
  SessionHost host{HostMark()};
  EXPECT_TRUE(host.OnLinkUp(first).ok());
  const absl::Status why = host.OnLinkUp(second);
  if (why.ok()) return "";
  EXPECT_EQ(KindOf(why), v1::FAILURE_WRONG_HOST);
  return ToProto(why).detail();
}

TEST(SessionHostTest, TheSameAgentIsNoOther) {
  EXPECT_EQ(FromTo(HelloOf("1", "gpu", "/a"), HelloOf("1", "gpu", "/a")), "");
}

TEST(SessionHostTest, AnotherHostIsToldApartFromTheFirst) {
  EXPECT_THAT(FromTo(HelloOf("1", "gpu", "/a"), HelloOf("2", "big", "/a")),
              HasSubstr("given to me@gpu, and ssh leads to me@big now"));
  EXPECT_THAT(FromTo(HelloOf("1", "gpu", "/a"), HelloOf("2", "gpu", "/a")),
              HasSubstr("given to me@gpu, and ssh leads to another host of that name now"));
}

TEST(SessionHostTest, AnotherAgentOfThatHostIsToldApartByItsFolder) {
  EXPECT_THAT(FromTo(HelloOf("1", "gpu", "/a"), HelloOf("2", "gpu", "/b")),
              HasSubstr("given to the agent in /a on me@gpu, and the team has the one in /b now"));
}

}  // namespace
}  // namespace iris
