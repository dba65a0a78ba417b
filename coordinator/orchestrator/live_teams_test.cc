#include "coordinator/orchestrator/live_teams.h"

#include <fstream>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/caller/caller.h"
#include "coordinator/config/config.h"
#include "coordinator/orchestrator/live_config.h"
#include "coordinator/orchestrator/tell_asker.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

SharedEnvironment Of(const std::string& who) {
  return std::make_shared<const Environment>(Environment{{"WHO", who}});
}

// gpu's path is the asker's.
class LiveTeamsTest : public ::testing::Test {
 protected:
  LiveTeamsTest() { std::ofstream(dir_.File("config.json")) << "first "; }

  ScratchDir dir_;
  absl::Status status_;
  LiveConfig config_{dir_.File("config.json"),
                     [this](const EnvLookup& env) -> absl::StatusOr<Config> {
                       if (!status_.ok()) return status_;
                       const std::string who = env("WHO").value_or("nobody");
                       Config config{.file = "/etc/iris.json", .teams = {{.name = "gpu"}}};
                       config.teams[0].path = "/" + who;
                       config.teams[0].written_path = "/${WHO:-nobody}";
                       return config;
                     },
                     [now = absl::UnixEpoch()]() mutable { return now += LiveConfig::kAskAgain; }};
  LiveTeams teams_{config_};
};

TEST_F(LiveTeamsTest, ATeamIsAsItIsForWhoeverAsks) {
  const absl::optional<Team> team = teams_.Find("gpu", Of("ann"));
  ASSERT_TRUE(team.has_value());
  EXPECT_EQ(team->path, "/ann");
  EXPECT_TRUE(IsSame(team->asker.environment, Of("ann")));
  EXPECT_FALSE(teams_.Find("web", Of("ann")).has_value());
}

TEST_F(LiveTeamsTest, OthersAreLedAnotherWayThanTheSender) {
  const TellAsker asker(teams_.WayFor("gpu", Of("ann")));
  EXPECT_TRUE(teams_.LeadsItsWay(asker, "gpu", Of("ann")));
  EXPECT_FALSE(teams_.LeadsItsWay(asker, "gpu", Of("bob")));
  // Nobody can say.
  EXPECT_TRUE(teams_.LeadsItsWay(asker, "web", Of("bob")));
}

TEST_F(LiveTeamsTest, ATeamIsGoneOnlyWhereTheConfigurationSaysSo) {
  EXPECT_TRUE(teams_.CheckStillThere(Caller::CommandLine(), "gpu", Of("ann")).ok());
  const absl::Status gone = teams_.CheckStillThere(Caller::CommandLine(), "web", Of("ann"));
  EXPECT_EQ(KindOf(gone), v1::FAILURE_BAD_REQUEST);
}

TEST_F(LiveTeamsTest, WhereItDoesNotLoadNobodyCanSay) {
  status_ = MakeFailure(v1::FAILURE_BAD_REQUEST, "does not load");
  EXPECT_FALSE(teams_.Find("gpu", Of("ann")).has_value());
  EXPECT_EQ(teams_.WayFor("gpu", Of("ann")), "");
  EXPECT_TRUE(teams_.CheckStillThere(Caller::CommandLine(), "web", Of("ann")).ok());
}

}  // namespace
}  // namespace iris
