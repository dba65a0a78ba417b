#include "coordinator/config/load_config.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/config/not_built.h"
#include "coordinator/config/schema.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

EnvLookup Env(std::map<std::string, std::string> variables) {
  return [variables](absl::string_view name) -> absl::optional<std::string> {
    const auto found = variables.find(std::string(name));
    if (found == variables.end()) return absl::nullopt;
    return found->second;
  };
}

ConfigSource Source() {
  return {.path = "/c.json",
          .env = Env({{"SSH_USER", "ml"}, {"QUOTE", "\", \"color\": \"#000000"}}),
          .home = "/home/me"};
}

absl::StatusOr<Config> Parse(absl::string_view text) {
  return ParseConfig(text, Source(), /*readable_by_others=*/true);
}

// A configuration with one team, "t", that has `keys` besides a path.
absl::StatusOr<Config> ParseTeam(absl::string_view keys) {
  return Parse(absl::StrCat(R"({"teams": {"t": {"path": "/p", )", keys, "}}}"));
}

// What a person would be shown.
std::string RefusalOf(const absl::StatusOr<Config>& config) {
  EXPECT_EQ(KindOf(config.status()), v1::FAILURE_BAD_REQUEST);
  EXPECT_NE(ToProto(config.status()).fix(), "");
  return Describe(ToProto(config.status()));
}

TEST(ParseConfigTest, ATeamNeedsOnlyAPath) {
  const auto config = Parse(R"({"teams": {"b": {"path": "/b"}, "a": {"path": "~/a"}}})");
  ASSERT_TRUE(config.ok()) << config.status();

  EXPECT_EQ(config->file, "/c.json");
  ASSERT_EQ(config->teams.size(), 2u);
  EXPECT_EQ(config->teams[0].name, "a");  // Sorted.
  EXPECT_FALSE(config->teams[0].remote.has_value());
  EXPECT_EQ(config->teams[0].idle_timeout, absl::Hours(1));
  EXPECT_EQ(config->teams[0].session_init_timeout, absl::Seconds(30));
  EXPECT_FALSE(config->teams[0].skip_permissions);
  ASSERT_NE(config->FindTeam("b"), nullptr);
  EXPECT_EQ(config->FindTeam("b")->path, "/b");
  EXPECT_EQ(config->FindTeam("c"), nullptr);
  EXPECT_THAT(RefusalOf(Parse("{\"teams\": {\n\"t\": {}}}")),
              HasSubstr("/c.json:2: teams.t: has no path"));
}

TEST(ParseConfigTest, TheDefaultsOfARemoteTeamAreTheProposals) {
  const auto config = ParseTeam(R"("remote": "ssh gpu1")");
  ASSERT_TRUE(config.ok()) << config.status();
  const RemoteOptions& options = config->teams[0].remote_options;
  EXPECT_EQ(options.connect_timeout, absl::Seconds(10));
  EXPECT_EQ(options.server_alive_interval, absl::Seconds(30));
  EXPECT_EQ(options.server_alive_count_max, 3);
  EXPECT_EQ(options.port, 0);
}

TEST(ParseConfigTest, ATeamsTimesGoBeforeTheSettings) {
  const auto config = Parse(
      R"({"teams": {"t": {"path": "/p", "idleTimeout": 1}}, "settings": {"idleTimeout": 2}})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->teams[0].idle_timeout, absl::Milliseconds(1));
}

TEST(ParseConfigTest, AnAllowedProgramTakesSshsPlace) {
  const auto config = Parse(R"({"settings": {"allowedRemoteCommands": ["myssh"]},
                               "teams": {"t": {"path": "/p", "remote": "myssh -4 gpu1"}}})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->teams[0].remote->program, "myssh");
  EXPECT_THAT(RefusalOf(ParseTeam(R"("remote": "myssh -4 gpu1")")),
              HasSubstr("teams.t.remote: the program \"myssh\" is not allowed"));
}

TEST(ParseConfigTest, VariablesExpandInValuesAndAreNeverReadAsJson) {
  const auto config =
      ParseTeam(R"("remote": "ssh ${SSH_USER}@${SSH_HOST:-gpu1}", "description": "${QUOTE}")");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->teams[0].remote->destination, "ml@gpu1");
  EXPECT_EQ(config->teams[0].description, "\", \"color\": \"#000000");
  EXPECT_EQ(config->teams[0].color, "");
  EXPECT_THAT(RefusalOf(ParseTeam(R"("remote": "ssh ${SSH_HOST}")")),
              HasSubstr("teams.t.remote: the environment variable SSH_HOST is not set\nfix: Set "
                        "SSH_HOST"));
}

TEST(ParseConfigTest, SyntaxErrorsNameLineAndColumn) {
  EXPECT_THAT(RefusalOf(Parse("{\n  \"teams\": {,\n}")), HasSubstr("/c.json:2:13: not valid JSON"));
  EXPECT_THAT(RefusalOf(Parse("")), HasSubstr("/c.json:1:1: not valid JSON"));
  EXPECT_THAT(RefusalOf(Parse("{\"teams\": {}} x")), HasSubstr("/c.json:1:15: not valid JSON"));
  EXPECT_THAT(RefusalOf(Parse("{} // why not")), HasSubstr("comments"));
  EXPECT_THAT(RefusalOf(Parse("{\"a\": \"\xff\"}")), HasSubstr("UTF-8"));
  EXPECT_THAT(RefusalOf(Parse("{\"a\": 1e999}")), HasSubstr("number overflow"));
}

TEST(ParseConfigTest, ASyntaxErrorDoesNotQuoteTheFile) {
  EXPECT_THAT(RefusalOf(Parse("{\"token\": \"hunter2\n\"}")), ::testing::Not(HasSubstr("hunter2")));
}

TEST(ParseConfigTest, AKeyGivenTwiceIsRefusedWithItsLine) {
  EXPECT_THAT(RefusalOf(Parse("{\"teams\": {\"t\": {\"path\": \"/a\",\n\"path\": \"/b\"}}}")),
              HasSubstr("/c.json:2: teams.t.path: given twice"));
  EXPECT_THAT(RefusalOf(Parse(R"({"teams": {"t": {"path": "/a"}, "t": {"path": "/b"}}})")),
              HasSubstr("teams.t: given twice"));
}

TEST(ParseConfigTest, NestingIsBounded) {
  const std::string deep = absl::StrCat(std::string(100000, '['), std::string(100000, ']'));
  EXPECT_THAT(RefusalOf(Parse(deep)), HasSubstr("nested deeper than 16 levels"));
}

TEST(ParseConfigTest, OnlyObjectsHoldKeys) {
  EXPECT_THAT(RefusalOf(Parse("[]")), HasSubstr("/c.json: has the wrong type (array)"));
  EXPECT_THAT(RefusalOf(Parse(R"({"teams": []})")), HasSubstr("teams: has the wrong type"));
  EXPECT_THAT(RefusalOf(Parse(R"({"teams": {"t": "/p"}})")), HasSubstr("teams.t: has the wrong"));
}

TEST(ParseConfigTest, UnknownKeysAreRefusedWithTheNearestOne) {
  EXPECT_THAT(
      RefusalOf(ParseTeam("\n\"idleTimeOut\": 5")),
      HasSubstr("/c.json:2: teams.t.idleTimeOut: unknown key\nfix: Did you mean idleTimeout?"));
  EXPECT_THAT(RefusalOf(ParseTeam(R"("colour": "#000000")")), HasSubstr("Did you mean color?"));
  EXPECT_THAT(RefusalOf(ParseTeam(R"("port": 22)")),
              HasSubstr("It belongs to teams.*.remoteOptions.port."));
  EXPECT_THAT(RefusalOf(ParseTeam(R"("zzzzzzzz": 5)")), HasSubstr("Known here: path, description"));
  EXPECT_THAT(RefusalOf(Parse(R"({"gpu": {"path": "/p"}})")), HasSubstr("Move it into \"teams\""));
  EXPECT_THAT(RefusalOf(Parse(absl::StrCat("{\"", std::string(10000, 'x'), "\": 1}"))),
              HasSubstr("unknown key"));
}

TEST(ParseConfigTest, ADottedNameIsNotAPath) {
  EXPECT_THAT(RefusalOf(Parse(R"({"settings.idleTimeout": 5})")), HasSubstr("unknown key"));
  EXPECT_THAT(RefusalOf(Parse(R"({"teams.*": {"path": "/p"}})")), HasSubstr("unknown key"));
}

TEST(ParseConfigTest, KeysOfFeaturesToComeAreRefusedAsSuch) {
  for (const NotBuiltKey& key : NotBuiltKeys()) {
    json root = {{"teams", {{"*", {{"path", "/p"}}}}}};
    std::string pointer = absl::StrCat("/", key.path);
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    root[json::json_pointer(pointer)] = "x";
    root["teams"]["t"] = root["teams"]["*"];
    root["teams"].erase("*");
    const std::string refusal = RefusalOf(Parse(root.dump()));
    EXPECT_THAT(refusal, HasSubstr("this feature is not built yet")) << key.path;
    EXPECT_THAT(refusal, HasSubstr(std::string(key.fix)));
  }
}

TEST(ParseConfigTest, TeamNamesAreChecked) {
  const auto with_name = [](absl::string_view name) {
    return Parse(absl::StrCat(R"({"teams": {")", name, R"(": {"path": "/p"}}})"));
  };
  EXPECT_TRUE(with_name("Team_1.gpu-a").ok());
  EXPECT_TRUE(with_name(std::string(64, 'x')).ok());
  for (const std::string& name :
       {std::string(65, 'x'), std::string(), std::string("-x"), std::string(".x"),
        std::string("a b"), std::string("a/b"), std::string("é"), std::string("a\\u0000")}) {
    EXPECT_THAT(RefusalOf(with_name(name)), HasSubstr("is not a team's name")) << name;
  }
  EXPECT_THAT(RefusalOf(with_name("cli")), HasSubstr("teams.cli: this name is taken"));
}

TEST(ParseConfigTest, TeamsAreBounded) {
  json root;
  for (size_t i = 0; i < kTeamsMax; ++i) root["teams"][absl::StrCat("t", i)]["path"] = "/p";
  EXPECT_EQ(Parse(root.dump()).value().teams.size(), kTeamsMax);
  root["teams"]["one-more"]["path"] = "/p";
  EXPECT_THAT(RefusalOf(Parse(root.dump())), HasSubstr("more than 1000 teams"));
}

TEST(ParseConfigTest, RemoteOptionsWithoutRemoteAreRefused) {
  EXPECT_THAT(RefusalOf(ParseTeam(R"("remoteOptions": {"port": 22})")),
              HasSubstr("teams.t.remoteOptions: the team has no `remote`"));
}

TEST(ParseConfigTest, ATerminalInRemoteIsRefusedWithTheFix) {
  EXPECT_THAT(RefusalOf(ParseTeam(R"("remote": "ssh -t gpu1")")),
              HasSubstr("teams.t.remote: -t: asks for a terminal"));
}

TEST(ParseConfigTest, ControlCharactersAreRefused) {
  EXPECT_THAT(RefusalOf(ParseTeam(R"("claudePath": "/a\u0000b")")),
              HasSubstr("teams.t.claudePath: holds a control character"));
}

TEST(ParseConfigTest, APrivateKeyIsRefusedBeforeAnythingElse) {
  for (const char* keys :
       {R"("remoteOptions": {"identity": "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n"})",
        R"("remoteOptions": {"privateKey": "x"})", R"("x": ["PuTTY-User-Key-File-3: ssh-rsa"])"}) {
    const std::string refusal = RefusalOf(ParseTeam(keys));
    EXPECT_THAT(refusal, HasSubstr("a private key does not belong"));
    EXPECT_THAT(refusal, HasSubstr("remoteOptions.identity"));
  }
}

constexpr absl::string_view kWithToken =
    R"({"teams": {"t": {"path": "/p", "authentication": {"token": "hunter2"}}}})";

TEST(ParseConfigTest, ASecretInAReadableFileIsRefusedBeforeItsKeyIs) {
  const std::string refusal = RefusalOf(ParseConfig(kWithToken, Source(), true));
  EXPECT_THAT(refusal, HasSubstr("teams.t.authentication.token: holds a secret"));
  EXPECT_THAT(refusal, HasSubstr("fix: chmod 600 /c.json"));
  EXPECT_THAT(refusal, ::testing::Not(HasSubstr("hunter2")));

  EXPECT_THAT(RefusalOf(ParseConfig(kWithToken, Source(), false)), HasSubstr("not built yet"));
}

TEST(ParseConfigTest, SecretsAreKnownByKeyOrByLooks) {
  for (const char* keys : {R"("api_key": "x")", R"("bearerToken": "x")", R"("PASSWORD": "x")",
                           R"("clientSecrets": {"secret": ["x"]})", R"("token": "${A:-x}")",
                           R"("description": "use sk-ant-api03-x")"}) {
    EXPECT_THAT(RefusalOf(ParseTeam(keys)), HasSubstr("holds a secret")) << keys;
  }
  for (const char* keys : {R"("token": "${TOKEN}")", R"("token": "")", R"("tokenizer": "x")"}) {
    EXPECT_THAT(RefusalOf(ParseTeam(keys)), HasSubstr("unknown key")) << keys;
  }
}

TEST(ParseConfigTest, ATeamsVariablesAreBeforeTheSettings) {
  const auto config = Parse(R"({
    "settings": {"env": {"A": "s", "B": "${SSH_USER}"}, "passEnv": ["X", "Y"]},
    "teams": {"t": {"path": "/p", "env": {"A": "t", "C": "lines\nand\ttabs"}, "passEnv": ["Y", "W"]},
              "u": {"path": "/p"}}})");
  ASSERT_TRUE(config.ok()) << config.status();
  std::string shown;
  for (const Team& team : config->teams) {
    for (const EnvSetting& one : team.env) absl::StrAppend(&shown, one.name, "=", one.value, ";");
    for (const std::string& name : team.pass_env) absl::StrAppend(&shown, name, ",");
    absl::StrAppend(&shown, " ");
  }
  EXPECT_EQ(shown, "A=t;B=ml;C=lines\nand\ttabs;W,X,Y, A=s;B=ml;X,Y, ");
}

TEST(ParseConfigTest, AVariablesValueMakesNoOtherTeamAndWhatIsWrittenDoes) {
  const auto team = [](absl::string_view written, const std::string& user) {
    ConfigSource source = Source();
    source.env = Env({{"SSH_USER", user}});
    return ParseConfig(absl::StrCat(R"({"teams": {"t": {"path": "/p", "env": {"A": ")", written,
                                    R"("}}}})"),
                       source, true)
        ->teams.at(0);
  };
  EXPECT_TRUE(team("${SSH_USER}", "ann") == team("${SSH_USER}", "bob"));
  EXPECT_FALSE(team("${SSH_USER}", "ann") == team("ann", "ann"));
}

TEST(ParseConfigTest, WhatIsNoVariableIsRefusedAtItsPlace) {
  for (const char* env : {R"({"1A": "x"})", R"({"A-B": "x"})", R"({"": "x"})", R"({"A": 1})",
                          R"({"A": ["x"]})", R"({"A": "${NOT_SET}"})", R"({"A": "bell \u0007"})",
                          R"({"CLAUDECODE": "1"})", R"({"IRIS_SESSION": "x"})"}) {
    EXPECT_THAT(RefusalOf(ParseTeam(absl::StrCat(R"("env": )", env))),
                HasSubstr("/c.json:1: teams.t.env."))
        << env;
  }
}

TEST(ParseConfigTest, SecretsOfAnEnvironmentAreKnownByTheirNames) {
  for (const char* name : {"GH_TOKEN", "AWS_SECRET_ACCESS_KEY", "my_api_key", "DB_PASSWORD",
                           "CLIENT_SECRET", "GOOGLE_CREDENTIALS"}) {
    const std::string refusal =
        RefusalOf(ParseTeam(absl::StrCat(R"("env": {")", name, R"(": "hunter2"})")));
    EXPECT_THAT(refusal, HasSubstr(absl::StrCat("teams.t.env.", name, ": holds a secret")));
    EXPECT_THAT(refusal, ::testing::Not(HasSubstr("hunter2")));
    EXPECT_TRUE(ParseTeam(absl::StrCat(R"("env": {")", name, R"(": "${SSH_USER}"})")).ok());
  }
  EXPECT_TRUE(ParseTeam(R"("env": {"AWS_REGION": "eu-west-1"})").ok());
}

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
  EXPECT_THAT(RefusalOf(Load(Write("s.json", kWithToken, 0600))), HasSubstr("not built yet"));
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
  EXPECT_THAT(refusal(""), HasSubstr("c.yaml: has the wrong type (null)"));
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
