// Where a configuration is found, and what may be read.

#include "coordinator/config_file/load_config.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/config_file/load_config_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class LoadConfigTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(mkdtemp(dir_.data()), nullptr); }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  // Writes a file with exactly `mode`.
  std::string Write(absl::string_view name, absl::string_view text, mode_t mode = 0600) {
    const std::string path = absl::StrCat(dir_, "/", name);
    std::ofstream(path, std::ios::binary) << text;
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }

  absl::StatusOr<Config> Load(const std::string& path) {
    ConfigSource source = Source();
    source.path = path;
    return LoadConfig(source);
  }

  std::string dir_ = ::testing::TempDir() + "/load_config_XXXXXX";
};

TEST_F(LoadConfigTest, AFileIsRead) {
  const auto config = Load(Write("a.json", R"({"teams": {"t": {"path": "/p"}}})", 0644));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->teams.size(), 1u);
}

TEST_F(LoadConfigTest, TheModeDecidesWhetherASecretMayStandThere) {
  EXPECT_THAT(RefusalOf(Load(Write("s.json", kWithToken, 0640))), HasSubstr("chmod 600"));
  EXPECT_THAT(RefusalOf(Load(Write("s.json", kWithToken, 0604))), HasSubstr("chmod 600"));
  EXPECT_THAT(RefusalOf(Load(Write("s.json", kWithToken, 0600))), HasSubstr("not needed here"));
}

TEST_F(LoadConfigTest, WhatIsNoFileOfOursIsRefused) {
  const std::string missing = dir_ + "/missing.json";
  EXPECT_THAT(RefusalOf(Load(missing)), HasSubstr(missing + ": there is no configuration"));
  EXPECT_THAT(RefusalOf(Load(dir_)), HasSubstr("is not a regular file"));
  const std::string fifo = dir_ + "/fifo.json";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_THAT(RefusalOf(Load(fifo)), HasSubstr("is not a regular file"));  // And does not hang.
  EXPECT_THAT(RefusalOf(Load("/missing.yaml")), HasSubstr("there is no configuration"));
}

TEST_F(LoadConfigTest, WhoComesFromIrisMcpHearsThatItsFileIsNotRead) {
  ConfigSource source = Source();
  source.home = dir_;
  source.path = dir_ + "/config.json";
  EXPECT_THAT(RefusalOf(LoadConfig(source)), ::testing::Not(HasSubstr("iris-mcp")));
  std::filesystem::create_directory(dir_ + "/.iris");
  const std::string original = Write(".iris/config.yaml", "settings:\n");
  EXPECT_THAT(RefusalOf(LoadConfig(source)),
              HasSubstr(original + " is iris-mcp's and is not read: copy it"));
}

TEST_F(LoadConfigTest, AFileIsBounded) {
  std::string text = "{}";
  text.resize(kConfigBytesMax, ' ');
  EXPECT_TRUE(Load(Write("big.json", text)).ok());
  EXPECT_THAT(RefusalOf(Load(Write("big.json", text + " "))), HasSubstr("is larger than 1048576"));
}

TEST_F(LoadConfigTest, TheNameSaysWhetherItIsYaml) {
  constexpr absl::string_view kYaml = "teams:\n  t:\n    path: /p\n    remote: ssh ${SSH_USER}@h\n";
  for (const char* name : {"a.yaml", "a.yml"}) {
    const auto config = Load(Write(name, kYaml));
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_EQ(config->FindTeam("t")->remote->destination, "ml@h");
  }
  EXPECT_THAT(RefusalOf(Load(Write("a.json", kYaml))), HasSubstr("not valid JSON"));
}

TEST_F(LoadConfigTest, YamlIsHeldToTheSameRules) {
  const auto refusal = [this](absl::string_view yaml, mode_t mode = 0600) {
    return RefusalOf(Load(Write("c.yaml", yaml, mode)));
  };
  EXPECT_THAT(refusal("teams:\n  t:\n    path: /p\n    skipPermissions: yes\n"),
              HasSubstr("c.yaml:4: teams.t.skipPermissions: has the wrong type (string)\n"
                        "fix: Write true or false."));
  EXPECT_THAT(refusal("teams:\n  t:\n    path: /p\n    idleTimeOut: 1\n"),
              HasSubstr("c.yaml:4: teams.t.idleTimeOut: unknown key\nfix: Did you mean"));
  EXPECT_THAT(refusal("teams:\n  t:\n    description: x\n"),
              HasSubstr("c.yaml:2: teams.t: has no path"));
  EXPECT_THAT(refusal("teams:\n  t:\n    path: ${NOT_SET}\n"),
              HasSubstr("c.yaml:3: teams.t.path: the environment variable NOT_SET is not set"));
  EXPECT_THAT(refusal("teams:\n  t:\n    path: /p\n    token: hunter2\n", 0644),
              HasSubstr("c.yaml:4: teams.t.token: holds a secret"));
  EXPECT_THAT(refusal("key: |\n  -----BEGIN OPENSSH PRIVATE KEY-----\n  b3Bl\n"),
              HasSubstr("c.yaml:1: key: a private key does not belong"));
  EXPECT_THAT(refusal(""),
              HasSubstr("c.yaml: holds nothing\nfix: Write a team at least: {\"teams\""));
}

TEST_F(LoadConfigTest, ASectionWithNothingInItIsAnEmptyOne) {
  const auto empty = Load(Write("a.yaml", "settings:\nteams:\n"));
  ASSERT_TRUE(empty.ok()) << empty.status();
  EXPECT_TRUE(empty->teams.empty());
  EXPECT_TRUE(Load(Write("a.yaml", "teams:\n  t:\n    path: /p\n    env:\n")).ok());
  EXPECT_THAT(RefusalOf(Load(Write("a.yaml", "teams:\n  t:\n"))),
              HasSubstr("a.yaml:2: teams.t: has no path"));
  EXPECT_THAT(RefusalOf(Load(Write("a.yaml", "teams:\n  t:\n    path: ~\n"))),
              HasSubstr("teams.t.path: has no value\nfix: Write a string: absolute path or `~/…`, "
                        "or remove the key; the home directory is ~/."));
}

TEST(ConfigPathTest, TheNearestPlaceWins) {
  std::map<std::string, std::string> env = {
      {"IRIS_CONFIG", "/a.json"}, {"IRIS_HOME", "/b"}, {"XDG_CONFIG_HOME", "/c"}};
  EXPECT_EQ(*ConfigPath(Env(env), "/home/me"), "/a.json");
  env.erase("IRIS_CONFIG");
  EXPECT_EQ(*ConfigPath(Env(env), "/home/me"), "/b/config.json");
  env["IRIS_HOME"] = "";
  EXPECT_EQ(*ConfigPath(Env(env), "/home/me"), "/c/iris/config.json");
  env["XDG_CONFIG_HOME"] = "relative";
  EXPECT_EQ(*ConfigPath(Env(env), "/home/me"), "/home/me/.config/iris/config.json");
  EXPECT_FALSE(ConfigPath(Env(env), "").ok());
}

TEST_F(LoadConfigTest, AnyOfTheThreeNamesIsFoundAndTwoAreRefused) {
  for (const char* name : {"config.json", "config.yaml", "config.yml"}) {
    const std::string path = Write(name, "{}");
    EXPECT_EQ(*ConfigPath(Env({{"IRIS_HOME", dir_}}), "/home/me"), path);
    std::filesystem::remove(path);
  }
  Write("config.yaml", "{}");
  Write("config.yml", "{}");
  const auto both = ConfigPath(Env({{"IRIS_HOME", dir_}}), "/home/me");
  EXPECT_EQ(KindOf(both.status()), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(std::string(both.status().message()),
              AllOf(HasSubstr(dir_ + "/config.yaml"), HasSubstr(dir_ + "/config.yml")));
  // One that is named by itself counts, whatever lies beside it.
  EXPECT_TRUE(ConfigPath(Env({{"IRIS_CONFIG", dir_ + "/config.yml"}}), "/home/me").ok());
}

TEST(ConfigPathTest, RelativePlacesAreRefused) {
  EXPECT_FALSE(ConfigPath(Env({{"IRIS_CONFIG", "c.json"}}), "/home/me").ok());
  EXPECT_FALSE(ConfigPath(Env({{"IRIS_HOME", "iris"}}), "/home/me").ok());
}

}  // namespace
}  // namespace iris
