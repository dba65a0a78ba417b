#include "coordinator/reach/ssh/remote_options.h"

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/config/config.h"
#include "coordinator/reach/ssh/remote_command.h"
#include "coordinator/reach/ssh/ssh_keys.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

constexpr absl::string_view kHome = "/home/me";

// What remoteOptions say in these tests, every key given.
RemoteOptions Given() {
  RemoteOptions options;
  options.connect_timeout = absl::Milliseconds(9500);
  options.own["identity"].text = "/home/me/.ssh/gpu";
  options.own["port"].number = 2222;
  options.own["strictHostKeyChecking"].flag = true;
  options.own["forwardAgent"].flag = true;
  options.own["serverAliveInterval"].number = 60000;
  options.own["serverAliveCountMax"].number = 5;
  return options;
}

absl::Status Reconcile(std::vector<SshSetting> settings) {
  RemoteOptions options = Given();
  return ReconcileRemoteOptions(settings,
                                {"identity", "port", "strictHostKeyChecking", "forwardAgent",
                                 "connectTimeout", "serverAliveInterval", "serverAliveCountMax"},
                                kHome, &options);
}

TEST(RemoteOptionsTest, TheSameValueMayBeGivenTwice) {
  EXPECT_TRUE(Reconcile({{"port", "2222"}}).ok());
  EXPECT_TRUE(Reconcile({{"identityfile", "~/.ssh/gpu"}}).ok());
  EXPECT_TRUE(Reconcile({{"stricthostkeychecking", "Yes"}}).ok());
  EXPECT_TRUE(Reconcile({{"forwardagent", "Yes"}}).ok());
  EXPECT_TRUE(Reconcile({{"connecttimeout", "10"}}).ok());  // ssh knows whole seconds only.
  EXPECT_TRUE(Reconcile({{"serveraliveinterval", "1m"}}).ok());
  EXPECT_TRUE(Reconcile({{"serveralivecountmax", "5"}}).ok());
  EXPECT_TRUE(Reconcile({{"compression", "yes"}}).ok());
}

TEST(RemoteOptionsTest, DifferentValuesAreRefusedForEveryOption) {
  const std::vector<std::pair<SshSetting, std::string>> conflicts = {
      {{"port", "22"}, "remoteOptions.port says otherwise"},
      {{"identityfile", "/other"}, "remoteOptions.identity says otherwise"},
      {{"stricthostkeychecking", "no"}, "remoteOptions.strictHostKeyChecking says otherwise"},
      {{"stricthostkeychecking", "accept-new"}, "remoteOptions.strictHostKeyChecking says"},
      {{"forwardagent", "no"}, "remoteOptions.forwardAgent says otherwise"},
      {{"forwardagent", "/run/agent"}, "remoteOptions.forwardAgent says otherwise"},
      {{"connecttimeout", "9"}, "remoteOptions.connectTimeout says otherwise"},
      {{"serveraliveinterval", "60m"}, "remoteOptions.serverAliveInterval says otherwise"},
      {{"serveralivecountmax", "many"}, "remoteOptions.serverAliveCountMax says otherwise"},
  };
  for (const auto& [setting, expected] : conflicts) {
    const absl::Status status = Reconcile({setting});
    EXPECT_EQ(KindOf(status), v1::FAILURE_BAD_REQUEST) << setting.keyword;
    EXPECT_THAT(std::string(status.message()), HasSubstr(expected));
  }
  EXPECT_FALSE(Reconcile({{"identityfile", "~/.ssh/gpu"}, {"identityfile", "/other"}}).ok());
}

// False is passed to ssh as accept-new, so plain "no" would not be honoured.
TEST(RemoteOptionsTest, LaxHostKeyCheckingIsAcceptNew) {
  RemoteOptions options;
  options.own["strictHostKeyChecking"].flag = false;
  const auto reconcile = [&options](const std::string& value) {
    return ReconcileRemoteOptions({{"stricthostkeychecking", value}}, {"strictHostKeyChecking"},
                                  kHome, &options);
  };
  EXPECT_TRUE(reconcile("accept-new").ok());
  EXPECT_FALSE(reconcile("no").ok());
}

TEST(RemoteOptionsTest, WhatOnlyRemoteSaysReplacesTheDefaults) {
  RemoteOptions options;
  const std::vector<SshSetting> settings = {{"connecttimeout", "5"},
                                            {"connecttimeout", "6"},  // ssh takes the first.
                                            {"serveraliveinterval", "1m30s"},
                                            {"serveralivecountmax", "9"},
                                            {"port", "2222"}};
  ASSERT_TRUE(ReconcileRemoteOptions(settings, {}, kHome, &options).ok());

  const SshOptions ssh = SshOptionsOf(options);
  EXPECT_EQ(ssh.connect_timeout, absl::Seconds(5));
  EXPECT_EQ(ssh.server_alive_interval, absl::Seconds(90));
  EXPECT_EQ(ssh.server_alive_count_max, 9);
  EXPECT_EQ(ssh.port, 0);  // ssh reads it from `remote`.
}

TEST(RemoteOptionsTest, WhatOnlyRemoteSaysMustBeInRange) {
  for (const SshSetting& setting : std::vector<SshSetting>{{"serveraliveinterval", "0"},
                                                           {"serveraliveinterval", "2h"},
                                                           {"connecttimeout", "none"},
                                                           {"connecttimeout", "0"},
                                                           {"connecttimeout", "5x"},
                                                           {"connecttimeout", "-1"},
                                                           {"serveralivecountmax", "101"}}) {
    RemoteOptions options;
    const absl::Status status = ReconcileRemoteOptions({setting}, {}, kHome, &options);
    EXPECT_THAT(std::string(status.message()), HasSubstr("not one that Iris can work with"))
        << setting.value;
  }
}

}  // namespace
}  // namespace iris
