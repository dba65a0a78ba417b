#include "coordinator/reach/ssh/key_file.h"

#include <fstream>
#include <string>

#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kRefused[] = "me@h: Permission denied (publickey).\r\n";

class KeyFileTest : public ::testing::Test {
 protected:
  // Of a login that ssh says was refused, after `log`.
  Failure Refused(const std::string& log = "") {
    return ToProto(WithKeyFile(MakeFailure(v1::FAILURE_AUTH, "the host refused the login", "Ask."),
                               target_, log + kRefused));
  }

  const ScratchDir scratch_;
  const std::string missing_ = scratch_.File("missing");
  SshTarget target_;
};

TEST_F(KeyFileTest, AMissingFileIsNamedWithTheKeyThatNamesIt) {
  target_.options.identity = missing_;
  EXPECT_EQ(Refused().kind(), v1::FAILURE_AUTH);
  EXPECT_EQ(Refused().detail(), "the key file " + missing_ +
                                    " does not exist on this machine; the host refused the login");
  EXPECT_THAT(Refused().fix(), StartsWith("Correct remoteOptions.identity"));

  target_.options.identity.clear();
  target_.remote.options = {"-p", "22", "-i", missing_};
  EXPECT_THAT(Refused().detail(), HasSubstr(missing_ + " does not exist"));
  EXPECT_THAT(Refused().fix(), StartsWith("Correct -i in the team's `remote`"));
  target_.remote.options = {"-ai" + missing_};
  EXPECT_THAT(Refused().detail(), HasSubstr(missing_ + " does not exist"));
  target_.remote.options = {"-i", "~/no such key of Iris's tests"};
  EXPECT_THAT(Refused().detail(), HasSubstr("/no such key of Iris's tests does not exist"));

  std::ofstream(scratch_.File("file")).flush();
  target_.remote.options = {"-i", scratch_.File("file/key")};
  EXPECT_THAT(Refused().detail(), HasSubstr("cannot be used on this machine: Not a directory"));
}

TEST_F(KeyFileTest, WhatSshSaysOfFilesThatItsConfigurationNamesCounts) {
  const Failure missing = Refused("no such identity: /k y: No such file or directory\r\n");
  EXPECT_THAT(missing.detail(), StartsWith("the key file /k y does not exist on this machine; "));
  EXPECT_THAT(missing.fix(), HasSubstr("IdentityFile"));
  const Failure garbage = Refused("Load key \"/k\": error in libcrypto\r\n");
  EXPECT_THAT(garbage.detail(), HasSubstr("(Load key \"/k\": error in libcrypto)"));
  EXPECT_THAT(garbage.fix(), HasSubstr("private key"));
}

// ssh complains of its mode, which is the mode of a directory.
TEST_F(KeyFileTest, ADirectoryIsSaidToBeOneWhateverSshSaysOfItsMode) {
  const std::string directory = scratch_.path();
  const std::string log = "Load key \"" + directory + "\": bad permissions\r\n";
  target_.options.identity = directory;
  EXPECT_EQ(Refused(log).detail(),
            "the host refused the login: " + directory + " is a directory, not a key file");
  EXPECT_EQ(Refused(log).fix(), "Name the private key's file in remoteOptions.identity.");

  target_.options.identity.clear();
  target_.remote.options = {"-i", directory};
  EXPECT_THAT(Refused(log).fix(), HasSubstr("-i in the team's `remote`"));

  target_.remote.options.clear();
  EXPECT_THAT(Refused(log).detail(), HasSubstr(directory + " is a directory"));
  EXPECT_THAT(Refused(log).fix(), HasSubstr("IdentityFile"));
  EXPECT_THAT(Refused("Load key \"" + directory + "\": Is a directory\r\n").detail(),
              HasSubstr("is a directory, not a key file"));
}

TEST_F(KeyFileTest, AFileThatIsThereIsNotTheReason) {
  std::ofstream(scratch_.File("key")) << "x";
  target_.options.identity = scratch_.File("key");
  EXPECT_EQ(Refused().detail(), "the host refused the login");
  EXPECT_EQ(Refused().fix(), "Ask.");
}

TEST_F(KeyFileTest, OtherFailuresAndThoseOfAJumpHostAreNotOfIt) {
  target_.options.identity = missing_;
  const absl::Status refused = MakeFailure(v1::FAILURE_AUTH, "the jump host refused the login");
  EXPECT_EQ(WithKeyFile(refused, target_, "Connection closed by UNKNOWN port 65535\r\n"), refused);
  const absl::Status away = MakeFailure(v1::FAILURE_UNREACHABLE, "x");
  EXPECT_EQ(WithKeyFile(away, target_, kRefused), away);
}

}  // namespace
}  // namespace iris
