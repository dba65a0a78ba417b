#include "coordinator/orchestrator/live_config.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
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
  absl::StatusOr<Config> Load() {
    ++loads_;
    std::ifstream file(path_);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    if (text == "broken") return MakeFailure(v1::FAILURE_BAD_REQUEST, refusal_);
    return Config{.teams = {{.name = text}}};
  }

  ScratchDir dir_;
  const std::string path_ = dir_.File("config.json");
  int loads_ = 0;
  std::string refusal_ = "it is bad";
  LiveConfig config_{path_, [this](const std::string&) { return Load(); }};
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

TEST_F(LiveConfigTest, WhileAFileIsBrokenTheLastGoodOneIsInForceAndTheProblemIsKnown) {
  Write("gpu");
  const auto before = config_.Current();
  EXPECT_TRUE(config_.problem().ok());
  Write("broken");
  EXPECT_EQ(Team(), "gpu");
  EXPECT_EQ(config_.problem().message(), "it is bad");
  refusal_ = "and its folder is everybody's";
  EXPECT_EQ(Team(), "gpu");
  EXPECT_EQ(config_.problem().message(), "and its folder is everybody's")
      << "which the file's own times do not show";
  EXPECT_EQ((*before)->teams.at(0).name, "gpu");  // What was handed out stays as it was.

  Write("mended now");
  EXPECT_EQ(Team(), "mended now");
  EXPECT_TRUE(config_.problem().ok());
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
