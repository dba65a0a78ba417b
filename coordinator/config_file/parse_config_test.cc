// What a configuration's text means.

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/config/refused_keys.h"
#include "coordinator/config/schema.h"
#include "coordinator/config_file/load_config.h"
#include "coordinator/config_file/load_config_fixture.h"
#include "coordinator/reach/ssh/ssh_keys.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

absl::StatusOr<Config> Parse(absl::string_view text) {
  return ParseConfig(text, Source(), /*readable_by_others=*/true);
}

// A configuration with one team, "t", that has `keys` besides a path.
absl::StatusOr<Config> ParseTeam(absl::string_view keys) {
  return Parse(absl::StrCat(R"({"teams": {"t": {"path": "/p", )", keys, "}}}"));
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
  const SshOptions options = SshOptionsOf(config->teams[0].remote_options);
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

// "maxProcesses": `value` with IRIS_MAX=7 and IRIS_BAD=seven.
absl::StatusOr<Config> ParseProcesses(absl::string_view value) {
  ConfigSource source = Source();
  source.env = Env({{"IRIS_MAX", "7"}, {"IRIS_BAD", "seven"}, {"IRIS_SKIP", "true"}});
  return ParseConfig(absl::StrCat(R"({"settings": {"maxProcesses": ")", value, R"("},
      "teams": {"t": {"path": "/p", "skipPermissions": "${IRIS_SKIP:-false}"}}})"),
                     source, true);
}

TEST(ParseConfigTest, NumbersAndFlagsMayComeFromVariables) {
  const auto config = ParseProcesses("${IRIS_MAX}");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->settings.max_processes, 7);
  EXPECT_TRUE(config->teams[0].skip_permissions);
  EXPECT_EQ(ParseProcesses("${NOT_SET:-10}")->settings.max_processes, 10);
  EXPECT_EQ(ParseProcesses("${IRIS_MAX}${IRIS_MAX}")->settings.max_processes, 77);
  EXPECT_THAT(RefusalOf(ParseProcesses("${NOT_SET:-5000}")), HasSubstr("5000 is out of range"));
  EXPECT_THAT(RefusalOf(ParseProcesses("${NOT_SET}")), HasSubstr("NOT_SET is not set"));
  const std::string refusal = RefusalOf(ParseProcesses("${IRIS_BAD}"));
  EXPECT_THAT(refusal, AllOf(HasSubstr("does not fit with what its variables hold"),
                             HasSubstr("Have them hold a whole number, 1–1000.")));
  EXPECT_THAT(refusal, ::testing::Not(HasSubstr("seven")));
}

TEST(ParseConfigTest, ATimeInOtherUnitsIsAnsweredWithTheNumberToWrite) {
  const auto fix = [](absl::string_view keys) { return RefusalOf(ParseTeam(keys)); };
  EXPECT_THAT(fix(R"("idleTimeout": "30m")"),
              HasSubstr("teams.t.idleTimeout: has the wrong type (string)\n"
                        "fix: Write 1800000: times are milliseconds."));
  EXPECT_THAT(fix(R"("idleTimeout": "1h30m")"), HasSubstr("Write 5400000: "));
  EXPECT_THAT(fix(R"("idleTimeout": "5000")"), HasSubstr("Write 5000, without quotes."));
  EXPECT_THAT(fix(R"("idleTimeout": "soon")"), HasSubstr("Write a whole number of milliseconds"));
  EXPECT_THAT(fix(R"("idleTimeout": "10000h")"), HasSubstr("Write a whole number of milliseconds"));
  EXPECT_THAT(fix(R"("skipPermissions": "true")"), HasSubstr("Write true, without quotes."));
  EXPECT_THAT(fix(R"("skipPermissions": "yes")"), HasSubstr("Write true or false."));
  EXPECT_THAT(
      fix(R"("remote": "ssh h", "remoteOptions": {"serverAliveInterval": 30})"),
      HasSubstr("30 is out of range\nfix: iris-mcp counts seconds here, Iris milliseconds: for 30 "
                "seconds write 30000."));
  EXPECT_THAT(fix(R"("sessionInitTimeout": 60)"),
              HasSubstr("Times are milliseconds: for 60 seconds write 60000."));
  EXPECT_THAT(fix(R"("sessionInitTimeout": 0)"), HasSubstr("Write a whole number of milliseconds"));
}

TEST(ParseConfigTest, AVariableOfAShellInAPathIsAnsweredWithWhatToWrite) {
  const auto fix = [](absl::string_view path) {
    return RefusalOf(ParseTeam(absl::StrCat(R"("claudePath": ")", path, "\"")));
  };
  EXPECT_THAT(fix("$HOME/bin/claude"),
              HasSubstr("is not an absolute path\nfix: Write ~/bin/claude: $HOME is not expanded, "
                        "${HOME} is."));
  EXPECT_THAT(fix("$TOOLS/claude"), HasSubstr("fix: Write ${TOOLS}/claude: $TOOLS is not"));
  EXPECT_THAT(fix("bin/claude"), HasSubstr("fix: Begin it with / or ~/."));
  EXPECT_THAT(fix("$/claude"), HasSubstr("fix: Begin it with / or ~/."));
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

TEST(ParseConfigTest, KeysOfIrisMcpAreRefusedWithTheReason) {
  for (const RefusedKey& key : RefusedKeys()) {
    json root = {{"teams", {{"*", {{"path", "/p"}}}}}};
    std::string pointer = absl::StrCat("/", key.path);
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    root[json::json_pointer(pointer)] = "${X}";  // No secret, whatever the key is called.
    root["teams"]["t"] = root["teams"]["*"];
    root["teams"].erase("*");
    const std::string refusal = RefusalOf(Parse(root.dump()));
    EXPECT_THAT(refusal, HasSubstr(absl::StrCat(": ", key.why))) << key.path;
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

TEST(ParseConfigTest, ASecretInAReadableFileIsRefusedBeforeItsKeyIs) {
  const std::string refusal = RefusalOf(ParseConfig(kWithToken, Source(), true));
  EXPECT_THAT(refusal, HasSubstr("teams.t.authentication.token: holds a secret"));
  EXPECT_THAT(refusal, HasSubstr("fix: chmod 600 /c.json"));
  EXPECT_THAT(refusal, ::testing::Not(HasSubstr("hunter2")));

  EXPECT_THAT(RefusalOf(ParseConfig(kWithToken, Source(), false)), HasSubstr("not needed here"));
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

TEST(ParseConfigTest, HowPathsAreWrittenIsKept) {
  const auto config = Parse(
      R"({"teams": {"t": {"path": "/of/${SSH_USER}", "claudePath": "~/${SSH_USER}/claude"}}})");
  ASSERT_TRUE(config.ok()) << config.status();
  const Team& team = config->teams.at(0);
  EXPECT_EQ(team.path, "/of/ml");
  EXPECT_EQ(team.written_path, "/of/${SSH_USER}");
  EXPECT_EQ(team.claude_path, "~/ml/claude");
  EXPECT_EQ(team.written_claude_path, "~/${SSH_USER}/claude");
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

}  // namespace
}  // namespace iris
