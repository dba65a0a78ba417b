#include "coordinator/config_file/expand_way.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "common/failure/failure.h"
#include "coordinator/config/config.h"
#include "coordinator/config/config_source.h"
#include "coordinator/config_file/load_config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kHome[] = "/home/me";

// Everything that a way names is of this one's.
EnvLookup Of(const std::string& who) {
  return [who](absl::string_view name) -> absl::optional<std::string> {
    if (name == "WHO") return who;
    return absl::nullopt;
  };
}

Team TeamOf(const std::string& who) {
  const absl::StatusOr<Config> config =
      ParseConfig(R"({"settings": {"allowedRemoteCommands": ["myssh"]},
                      "teams": {"t": {"path": "/p", "remote": "myssh -l ${WHO} 'a b'@gpu",
                                      "remoteOptions": {"identity": "~/keys/${WHO}",
                                                        "agentDir": "~/${WHO}", "port": 7}}}})",
                  {.path = "/c.json", .env = Of(who), .home = kHome}, false);
  EXPECT_TRUE(config.ok()) << config.status();
  return config->teams.at(0);
}

TEST(ExpandWayTest, WhatIsWrittenIsForEverybodyWhatTheConfigurationWouldBe) {
  const Team ann = TeamOf("ann"), bob = TeamOf("bob");
  EXPECT_EQ(ann.remote->written, "myssh -l ${WHO} 'a b'@gpu");
  EXPECT_EQ(ann.remote_options.Own("identity")->written, "~/keys/${WHO}");
  EXPECT_EQ(ann.remote_options.written_agent_dir, "~/${WHO}");

  RemoteCommand remote = *ann.remote;
  RemoteOptions options = ann.remote_options;
  const std::vector<std::string> programs = {"myssh"};
  ASSERT_TRUE(ExpandWay(Of("bob"), kHome, programs, remote, options).ok());
  EXPECT_EQ(remote, *bob.remote);
  EXPECT_THAT(remote.options, ElementsAre("-l", "bob"));
  EXPECT_EQ(options, bob.remote_options);
  EXPECT_EQ(options.Own("identity")->text, "/home/me/keys/bob");
}

TEST(ExpandWayTest, NothingIsMadeOfWhatTheLoaderWouldRefuse) {
  const Team ann = TeamOf("ann");
  RemoteCommand remote = *ann.remote;
  RemoteOptions options = ann.remote_options;
  const auto refused = [&](const EnvLookup& env, const std::vector<std::string>& programs) {
    const absl::Status status = ExpandWay(env, kHome, programs, remote, options);
    EXPECT_EQ(KindOf(status), v1::FAILURE_BAD_REQUEST);
    EXPECT_EQ(remote, *ann.remote) << "it stays as it was";
    return ToProto(status).detail();
  };
  const std::vector<std::string> programs = {"myssh"};
  const EnvLookup nothing = [](absl::string_view) -> absl::optional<std::string> {
    return absl::nullopt;
  };
  EXPECT_THAT(refused(nothing, programs),
              HasSubstr("remote: the environment variable WHO is not set"));
  EXPECT_THAT(refused(Of("$x"), programs), HasSubstr("remoteOptions.agentDir: "));
  EXPECT_THAT(refused(Of("ann"), {}), HasSubstr("remote: the program \"myssh\" is not allowed"));
}

}  // namespace
}  // namespace iris
