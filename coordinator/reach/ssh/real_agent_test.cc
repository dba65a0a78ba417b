#include <signal.h>

#include <string>

#include "common/testing/private_mounts.h"
#include "coordinator/reach/ssh/ssh_connect.h"
#include "coordinator/reach/ssh/testing/ssh_connect_fixture.h"
#include "coordinator/reach/ssh/testing/ssh_host.h"
#include "gtest/gtest.h"

// The same with the agent itself.
namespace iris {
namespace {

const bool kPrivate = (EnterPrivateMounts(), true);

class RealAgentTest : public SshConnectTest {
 protected:
  RealAgentTest() : SshConnectTest("agent") {}
  ~RealAgentTest() override {
    if (agent_ > 0) kill(agent_, SIGKILL);
  }

  pid_t agent_ = 0;
};

TEST_F(RealAgentTest, IsInstalledStartedAndFoundAgain) {
  const SshHost host;
  SshTarget target = host.Target();
  target.options.agent_dir = "~/iris";
  const absl::StatusOr<Connection> cold = Connect(target);
  ASSERT_TRUE(cold.ok()) << cold.status();
  agent_ = static_cast<pid_t>(cold->hello.pid());
  EXPECT_TRUE(HasUploaded());
  EXPECT_EQ(cold->mode, LinkMode::kForward) << cold->mode_reason;
  EXPECT_EQ(cold->hello.data_dir(), host.home() + "/iris");

  link_mode_ = SshOptions::LinkMode::kStdio;
  const absl::StatusOr<Connection> warm = Connect(target);
  ASSERT_TRUE(warm.ok()) << warm.status();
  EXPECT_FALSE(HasUploaded());
  EXPECT_EQ(warm->mode, LinkMode::kStdio);
  EXPECT_EQ(warm->hello.incarnation(), cold->hello.incarnation()) << "one daemon for both";
}

TEST_F(RealAgentTest, OutlivesTheConnection) {
  const SshHost host;
  SshTarget target = host.Target();
  target.options.agent_dir = "~/iris";
  std::string incarnation;
  {
    const absl::StatusOr<Connection> first = Connect(target);
    ASSERT_TRUE(first.ok()) << first.status();
    agent_ = static_cast<pid_t>(first->hello.pid());
    incarnation = first->hello.incarnation();
  }

  const absl::StatusOr<Connection> second = Connect(target);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->hello.incarnation(), incarnation);
}

}  // namespace
}  // namespace iris
