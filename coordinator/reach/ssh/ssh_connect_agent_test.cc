#include <fstream>
#include <string>

#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "common/testing/private_mounts.h"
#include "coordinator/reach/ssh/ssh_connect.h"
#include "coordinator/reach/ssh/testing/ssh_connect_fixture.h"
#include "coordinator/reach/ssh/testing/ssh_host.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// A bridge or an agent that does not do what it should, behind a real ssh and sshd.
namespace iris {
namespace {

using ::testing::HasSubstr;

const bool kPrivate = (EnterPrivateMounts(), true);

class MisbehavingAgent : public SshConnectTest {
 protected:
  absl::StatusOr<Connection> ConnectWhen(const std::string& misbehave) {
    SshTarget target = host_.Target();
    EXPECT_TRUE(Connect(target).ok());
    std::ofstream(host_.home() + "/.local/share/iris/misbehave") << misbehave;
    if (misbehave == "silent") target.options.connect_timeout = absl::Seconds(15);
    return Connect(target);
  }
  Failure FailureWhen(const std::string& misbehave) {
    return ToProto(ConnectWhen(misbehave).status());
  }

  const SshHost host_;
};

TEST_F(MisbehavingAgent, ABridgeThatFailsSaysWhyInItsOwnWords) {
  const Failure failure = FailureWhen("die");

  EXPECT_EQ(failure.kind(), v1::FAILURE_STORAGE);
  EXPECT_THAT(failure.detail(), HasSubstr("is full"));
}

TEST_F(MisbehavingAgent, ABridgeThatSaysNothingIsGivenUpAndNotUploadedAgain) {
  const int logins = host_.LogCount("Accepted publickey");
  EXPECT_EQ(FailureWhen("silent").kind(), v1::FAILURE_TIMEOUT);
  EXPECT_EQ(host_.LogCount("Accepted publickey") - logins, 3)
      << "to put it there, to meet it, to look closer";
  EXPECT_FALSE(HasUploaded());
}

// Nobody knows what kills it: it may be a person, or the kernel that needs memory.
TEST_F(MisbehavingAgent, ABridgeThatIsKilledBeforeItGreetsIsTriedAgain) {
  EXPECT_EQ(FailureWhen("killed").kind(), v1::FAILURE_UNREACHABLE);
}

TEST_F(MisbehavingAgent, AnotherProtocolIsAVersionFailure) {
  const Failure failure = FailureWhen("old");

  EXPECT_EQ(failure.kind(), v1::FAILURE_VERSION);
  EXPECT_THAT(failure.detail(), HasSubstr("98 to 99"));
}

TEST_F(MisbehavingAgent, AnotherAgentBehindTheForwardIsNotTalkedTo) {
  const absl::StatusOr<Connection> connection = ConnectWhen("impostor");

  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->mode, LinkMode::kStdio);
  EXPECT_THAT(connection->mode_reason, HasSubstr("another agent"));
}

TEST_F(MisbehavingAgent, ASocketPathNeverBecomesAnotherKindOfForward) {
  const absl::StatusOr<Connection> connection = ConnectWhen("colon");

  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->mode, LinkMode::kStdio);
  EXPECT_THAT(connection->mode_reason, HasSubstr("localhost:22"));
}

}  // namespace
}  // namespace iris
