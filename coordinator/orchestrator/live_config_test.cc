#include "coordinator/orchestrator/live_config.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/config/unset_variable.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

// A configuration whose only team is named by the file's text. Texts differ in length: two writes
// within one tick of the file system's clock differ in nothing else.
class LiveConfigTest : public ::testing::Test {
 protected:
  void Write(const std::string& text) { std::ofstream(path_) << text; }
  std::string Team() {
    const auto config = config_.Current();
    return config.ok() ? (*config)->teams.at(0).name : std::string(config.status().message());
  }
  absl::StatusOr<Config> Load(const EnvLookup& env) {
    ++loads_;
    std::ifstream file(path_);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    if (text == "broken") return MakeFailure(v1::FAILURE_BAD_REQUEST, refusal_);
    if (text != "of the asker") return Config{.teams = {{.name = text}}};
    const absl::optional<std::string> name = env("TEAM");
    if (!name.has_value()) {
      return MarkUnsetVariable(MakeFailure(v1::FAILURE_BAD_REQUEST, "TEAM is not set"));
    }
    if (name->empty()) return MakeFailure(v1::FAILURE_BAD_REQUEST, "TEAM is empty");
    return Config{.teams = {{.name = *name}}};
  }
  std::string TeamOf(Environment asker) {
    const auto config = config_.Current(std::make_shared<const Environment>(std::move(asker)));
    return config.ok() ? (*config)->teams.at(0).name : std::string(config.status().message());
  }

  ScratchDir dir_;
  const std::string path_ = dir_.File("config.json");
  int loads_ = 0;
  std::string refusal_ = "it is bad";
  absl::Time now_ = absl::UnixEpoch();
  LiveConfig config_{path_, [this](const EnvLookup& env) { return Load(env); },
                     [this] { return now_; }};
};

TEST_F(LiveConfigTest, AnUntouchedFileIsReadOnce) {
  Write("gpu");
  EXPECT_EQ(Team(), "gpu");
  EXPECT_EQ(Team(), "gpu");
  EXPECT_EQ(loads_, 1);
}

TEST_F(LiveConfigTest, ChangedReplacedAndRemovedFilesAreNoticed) {
  Write("gpu");
  ASSERT_EQ(Team(), "gpu");
  Write("backend");
  EXPECT_EQ(Team(), "backend");

  // An editor's rename, with the old size and time.
  const auto time = std::filesystem::last_write_time(path_);
  std::ofstream(dir_.File("new")) << "fronted";
  std::filesystem::last_write_time(dir_.File("new"), time);
  std::filesystem::rename(dir_.File("new"), path_);
  EXPECT_EQ(Team(), "fronted");

  std::filesystem::remove(path_);
  EXPECT_EQ(Team(), "");
}

TEST_F(LiveConfigTest, VariablesAreThoseOfWhoeverAsks) {
  Write("of the asker");
  ASSERT_EQ(setenv("TEAM", "ours", 1), 0);
  EXPECT_EQ(TeamOf({{"TEAM", "gpu"}}), "gpu");
  EXPECT_EQ(TeamOf({{"TEAM", "web"}}), "web");
  EXPECT_EQ(Team(), "ours");
  EXPECT_EQ(TeamOf({}), "TEAM is not set") << "ours is nobody else's";
  const int loads = loads_;
  EXPECT_EQ(TeamOf({{"TEAM", "gpu"}, {"PWD", "/elsewhere"}}), "gpu");
  EXPECT_EQ(TeamOf({{"TEAM", "web"}}), "web");
  EXPECT_EQ(loads_, loads) << "what the file does not name makes no difference";
  ASSERT_EQ(unsetenv("TEAM"), 0);
  EXPECT_EQ(Team(), "TEAM is not set");
}

TEST_F(LiveConfigTest, OnlySoManyAskersAreRemembered) {
  Write("of the asker");
  for (size_t i = 0; i <= LiveConfig::kRememberedMax; ++i) TeamOf({{"TEAM", std::to_string(i)}});
  const int loads = loads_;
  EXPECT_EQ(TeamOf({{"TEAM", "1"}}), "1");
  EXPECT_EQ(loads_, loads);
  EXPECT_EQ(TeamOf({{"TEAM", "0"}}), "0");
  EXPECT_EQ(loads_, loads + 1);
}

TEST_F(LiveConfigTest, TheLastGoodOneIsThatOfTheSameVariables) {
  Write("of the asker");
  EXPECT_EQ(TeamOf({{"TEAM", "gpu"}}), "gpu");
  EXPECT_EQ(TeamOf({{"TEAM", "web"}}), "web");
  Write("broken");
  for (const std::string team : {"gpu", "web", "gpu"}) {
    EXPECT_EQ(TeamOf({{"TEAM", team}}), team);
    EXPECT_EQ(config_.problem().message(), "it is bad");
  }
  EXPECT_EQ(TeamOf({{"TEAM", "new"}}), "it is bad");
  EXPECT_TRUE(config_.problem().ok()) << "nothing else is in force for that one";
  Write("all alike");
  EXPECT_EQ(TeamOf({{"TEAM", "gpu"}}), "all alike");
  EXPECT_TRUE(config_.problem().ok());
  Write("broken");
  EXPECT_EQ(TeamOf({{"TEAM", "gpu"}}), "all alike");
  EXPECT_EQ(TeamOf({}), "all alike");
}

TEST_F(LiveConfigTest, AVariableThatAnAskerLacksIsThatAskersErrorAlone) {
  Write("gpu");
  EXPECT_EQ(TeamOf({}), "gpu");
  EXPECT_EQ(TeamOf({{"TEAM", "web"}}), "gpu");
  Write("of the asker");
  EXPECT_EQ(TeamOf({}), "TEAM is not set") << "not what the file was before";
  EXPECT_TRUE(config_.problem().ok());
  EXPECT_EQ(TeamOf({{"TEAM", "web"}}), "web");
  EXPECT_TRUE(config_.problem().ok());
}

// A value of theirs, and no file that is broken.
TEST_F(LiveConfigTest, WhatIsRefusedToOneAskerAndGoodForOthersIsThatAskersError) {
  Write("gpu");
  EXPECT_EQ(TeamOf({{"TEAM", ""}}), "gpu");
  Write("of the asker");
  EXPECT_EQ(TeamOf({{"TEAM", "web"}}), "web");
  EXPECT_EQ(TeamOf({{"TEAM", ""}}), "TEAM is empty");
  EXPECT_TRUE(config_.problem().ok());
}

TEST_F(LiveConfigTest, WhileAFileIsBrokenTheLastGoodOneIsInForceAndTheProblemIsKnown) {
  Write("gpu");
  const auto before = config_.Current();
  EXPECT_TRUE(config_.problem().ok());
  Write("broken");
  EXPECT_EQ(Team(), "gpu");
  EXPECT_EQ(config_.problem().message(), "it is bad");
  refusal_ = "and its folder is everybody's";
  now_ += LiveConfig::kAskAgain;
  EXPECT_EQ(Team(), "gpu");
  EXPECT_EQ(config_.problem().message(), "and its folder is everybody's")
      << "which the file's own times do not show";
  EXPECT_EQ((*before)->teams.at(0).name, "gpu");  // What was handed out stays as it was.

  Write("mended now");
  EXPECT_EQ(Team(), "mended now");
  EXPECT_TRUE(config_.problem().ok());
}

TEST_F(LiveConfigTest, WhileAFileIsBrokenTheLoaderIsAskedOnceASecond) {
  Write("gpu");
  ASSERT_EQ(Team(), "gpu");
  Write("broken");
  loads_ = 0;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(Team(), "gpu");
    EXPECT_EQ(config_.problem().message(), "it is bad");
    EXPECT_EQ(TeamOf({{"PWD", std::to_string(i)}}), "gpu") << "it is broken for all alike";
    now_ += LiveConfig::kAskAgain / 200;
  }
  EXPECT_EQ(loads_, 1);
  now_ += LiveConfig::kAskAgain / 2;
  EXPECT_EQ(Team(), "gpu");
  EXPECT_EQ(loads_, 2);
  now_ -= absl::Hours(1);
  EXPECT_EQ(Team(), "gpu");
  EXPECT_EQ(loads_, 3) << "a clock that was set back holds nothing up";
  Write("mended now");
  EXPECT_EQ(Team(), "mended now") << "a change is seen at once";
}

TEST_F(LiveConfigTest, WhatFailsForOneAskerIsAskedAtOnceForAnother) {
  Write("of the asker");
  loads_ = 0;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(TeamOf({}), "TEAM is not set");
    EXPECT_EQ(TeamOf({{"TEAM", ""}}), "TEAM is empty");
  }
  EXPECT_EQ(loads_, 2);
  EXPECT_EQ(TeamOf({{"TEAM", "web"}}), "web");
}

TEST_F(LiveConfigTest, AFileThatNeverWasGoodIsAnErrorUntilItIsMended) {
  Write("broken");
  EXPECT_EQ(Team(), "it is bad");
  EXPECT_EQ(Team(), "it is bad");
  Write("mended now");
  EXPECT_EQ(Team(), "mended now");
}

}  // namespace
}  // namespace iris
