// One row for every key of the schema and of the kinds of hosts: what it changes in the
// configuration, and a value that is refused, in JSON and in YAML. A key that loses its effect
// fails here.

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/failure/failure.h"
#include "coordinator/config/key.h"
#include "coordinator/config/schema.h"
#include "coordinator/config_file/load_config.h"
#include "coordinator/reach/remote_kinds.h"
#include "coordinator/reach/ssh/ssh_keys.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

struct KeyRow {
  std::string path;  // As in the schema.
  json value;
  std::string (*effect)(const Config& config);  // What the key decides, as text.
  std::string expected;                         // With `value`; differs from the default's.
  json refused;
};

std::string Text(absl::Duration duration) { return absl::FormatDuration(duration); }
const Team& T(const Config& config) { return config.teams.front(); }
SshOptions O(const Config& config) { return SshOptionsOf(T(config).remote_options); }

// Every team's keys, and those of the kinds of hosts.
std::vector<Key> AllKeys() {
  std::vector<Key> keys(Schema().begin(), Schema().end());
  for (const RemoteKind& kind : RemoteKinds()) {
    keys.insert(keys.end(), kind.reader->keys().begin(), kind.reader->keys().end());
  }
  return keys;
}

Key KeyAt(absl::string_view path) {
  const std::vector<Key> keys = AllKeys();
  return *std::find_if(keys.begin(), keys.end(),
                       [path](const Key& key) { return key.path == path; });
}

std::string Variables(const std::vector<EnvSetting>& env) {
  std::string text;
  for (const EnvSetting& one : env) absl::StrAppend(&text, one.name, "=", one.value, " ");
  return text;
}

std::string LinkModeName(SshOptions::LinkMode mode) {
  switch (mode) {
    case SshOptions::LinkMode::kAuto:
      return "auto";
    case SshOptions::LinkMode::kForward:
      return "forward";
    case SshOptions::LinkMode::kStdio:
      return "stdio";
  }
  return "?";
}

const std::vector<KeyRow>& Rows() {
  static const auto& rows = *new std::vector<KeyRow>{
      {"settings.idleTimeout", 5000,
       [](const Config& c) { return Text(c.settings.idle_timeout) + Text(T(c).idle_timeout); },
       "5s5s", 0},
      {"settings.sessionInitTimeout", 2000,
       [](const Config& c) {
         return Text(c.settings.session_init_timeout) + Text(T(c).session_init_timeout);
       },
       "2s2s", 999},
      {"settings.maxProcesses", 3,
       [](const Config& c) { return absl::StrCat(c.settings.max_processes); }, "3", 1001},
      {"settings.agentBundle", "~/agents", [](const Config& c) { return c.settings.agent_bundle; },
       "/home/me/agents", "agents"},
      {"settings.allowedRemoteCommands",
       {"myssh", "/opt/ssh"},
       [](const Config& c) { return absl::StrJoin(c.settings.allowed_remote_commands, " "); },
       "myssh /opt/ssh",
       {"bin/myssh"}},
      {"settings.env",
       {{"A", "b"}, {"B", "c"}},
       [](const Config& c) { return Variables(c.settings.env) + Variables(T(c).env); },
       "A=b B=c A=b B=c ",
       "A=b"},
      {"settings.passEnv",
       {"GH_TOKEN"},
       [](const Config& c) {
         return absl::StrCat(absl::StrJoin(c.settings.pass_env, " "), "|",
                             absl::StrJoin(T(c).pass_env, " "));
       },
       "GH_TOKEN|GH_TOKEN",
       {"GH TOKEN"}},
      {"teams.*.path", "~/other", [](const Config& c) { return T(c).path; }, "~/other",
       "relative/path"},
      {"teams.*.description", "two\nlines", [](const Config& c) { return T(c).description; },
       "two\nlines", "bell \a"},
      {"teams.*.remote", "ssh -4 me@gpu2",
       [](const Config& c) {
         const RemoteCommand& remote = *T(c).remote;
         return absl::StrCat(remote.program, "|", absl::StrJoin(remote.options, " "), "|",
                             remote.destination);
       },
       "ssh|-4|me@gpu2", "rsh gpu2"},
      {"teams.*.idleTimeout", 7000, [](const Config& c) { return Text(T(c).idle_timeout); }, "7s",
       2592000001},
      {"teams.*.sessionInitTimeout", 8000,
       [](const Config& c) { return Text(T(c).session_init_timeout); }, "8s", 600001},
      {"teams.*.skipPermissions", true,
       [](const Config& c) -> std::string { return T(c).skip_permissions ? "skip" : "ask"; },
       "skip", "yes"},
      {"teams.*.grantPermission", "ask",
       [](const Config& c) -> std::string { return T(c).ask_permissions ? "asks" : "denies"; },
       "asks", "yes"},
      {"teams.*.claudePath", "/opt/claude", [](const Config& c) { return T(c).claude_path; },
       "/opt/claude", "claude"},
      {"teams.*.env",
       {{"A", "b"}},
       [](const Config& c) { return Variables(T(c).env); },
       "A=b ",
       "A=b"},
      {"teams.*.passEnv",
       {"B", "A"},
       [](const Config& c) { return absl::StrJoin(T(c).pass_env, " "); },
       "A B",
       {"CLAUDECODE"}},
      {"teams.*.color", "#00FF7f", [](const Config& c) { return T(c).color; }, "#00FF7f", "green"},
      {"teams.*.remoteOptions.identity", "~/.ssh/gpu",
       [](const Config& c) { return O(c).identity; }, "/home/me/.ssh/gpu", "gpu.pem"},
      {"teams.*.remoteOptions.port", 2222, [](const Config& c) { return absl::StrCat(O(c).port); },
       "2222", 65536},
      {"teams.*.remoteOptions.strictHostKeyChecking", false,
       [](const Config& c) -> std::string {
         if (!O(c).strict_host_key_checking.has_value()) return "unset";
         return *O(c).strict_host_key_checking ? "strict" : "lax";
       },
       "lax", "no"},
      {"teams.*.remoteOptions.forwardAgent", true,
       [](const Config& c) -> std::string {
         if (!O(c).forward_agent.has_value()) return "unset";
         return *O(c).forward_agent ? "lends" : "keeps";
       },
       "lends", "yes"},
      {"teams.*.remoteOptions.connectTimeout", 2500,
       [](const Config& c) { return Text(O(c).connect_timeout); }, "2.5s", 99},
      {"teams.*.remoteOptions.serverAliveInterval", 1001,
       [](const Config& c) { return Text(O(c).server_alive_interval); }, "2s", 1.5},
      {"teams.*.remoteOptions.serverAliveCountMax", 5,
       [](const Config& c) { return absl::StrCat(O(c).server_alive_count_max); }, "5", 0},
      {"teams.*.remoteOptions.linkMode", "forward",
       [](const Config& c) { return LinkModeName(O(c).link_mode); }, "forward", "Forward"},
      {"teams.*.remoteOptions.agentDir", "/scratch/iris",
       [](const Config& c) { return O(c).agent_dir; }, "/scratch/iris", "/scratch/$(id)"},
  };
  return rows;
}

enum class Format { kJson, kYaml };

ConfigSource Source(Format format) {
  return {.path = format == Format::kJson ? "/etc/iris.json" : "/etc/iris.yaml",
          .env = [](absl::string_view) -> absl::optional<std::string> { return absl::nullopt; },
          .home = "/home/me"};
}

// One remote team, "t", with nothing but what it must have.
json Smallest() { return {{"teams", {{"t", {{"path", "/p"}, {"remote", "ssh gpu1"}}}}}}; }

json WithKey(const std::string& path, const json& value) {
  json root = Smallest();
  root[json::json_pointer(absl::StrCat("/", absl::StrReplaceAll(path, {{".", "/"}, {"*", "t"}})))] =
      value;
  return root;
}

// As a person writes it: in blocks, and text without quotes where that is possible.
std::string Yaml(const json& value, const std::string& indent = "") {
  std::string text;
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, child] : value.items()) {
      absl::StrAppend(&text, "\n", indent, key, ": ", Yaml(child, indent + "  "));
    }
  } else if (value.is_array() && !value.empty()) {
    for (const json& child : value) absl::StrAppend(&text, "\n", indent, "- ", child.dump());
  } else if (value.is_string() && value.dump().find_first_of("\\:#") == std::string::npos) {
    text = value.get<std::string>();
  } else {
    text = value.dump();
  }
  return text;
}

absl::StatusOr<Config> Parse(const json& root, Format format) {
  return ParseConfig(format == Format::kJson ? root.dump(2) : Yaml(root), Source(format),
                     /*readable_by_others=*/true);
}

class ConfigKeyTest : public ::testing::TestWithParam<std::tuple<KeyRow, Format>> {
 protected:
  const KeyRow& row() const { return std::get<0>(GetParam()); }
  absl::StatusOr<Config> Parse(const json& root) const {
    return iris::Parse(root, std::get<1>(GetParam()));
  }
};

TEST_P(ConfigKeyTest, HasItsEffect) {
  const auto without = Parse(Smallest());
  ASSERT_TRUE(without.ok()) << without.status();
  const auto with = Parse(WithKey(row().path, row().value));
  ASSERT_TRUE(with.ok()) << with.status();

  EXPECT_EQ(row().effect(*with), row().expected);
  EXPECT_NE(row().effect(*without), row().expected)
      << "the row shows nothing: choose another value";
}

TEST_P(ConfigKeyTest, RefusesABadValueNamingFileLineKeyAndFix) {
  const absl::Status status = Parse(WithKey(row().path, row().refused)).status();

  EXPECT_EQ(KindOf(status), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(std::string(status.message()), MatchesRegex("/etc/iris\\.(json|yaml):[0-9]+: .*"));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(absl::StrCat(": ", absl::StrReplaceAll(row().path, {{"*", "t"}}), ": ")));
  EXPECT_NE(ToProto(status).fix(), "");
}

TEST_P(ConfigKeyTest, RefusesAValueOfAnotherType) {
  const bool takes_objects = KeyAt(row().path).type == KeyType::kVariables;
  const json other = takes_objects ? json::array() : json::object();
  const absl::Status status = Parse(WithKey(row().path, other)).status();
  EXPECT_THAT(
      std::string(status.message()),
      HasSubstr(takes_objects ? "has the wrong type (array)" : "has the wrong type (object)"));
}

INSTANTIATE_TEST_SUITE_P(EveryKey, ConfigKeyTest,
                         ::testing::Combine(::testing::ValuesIn(Rows()),
                                            ::testing::Values(Format::kJson, Format::kYaml)),
                         [](const auto& info) {
                           return absl::StrCat(
                               std::get<1>(info.param) == Format::kJson ? "Json_" : "Yaml_",
                               absl::StrReplaceAll(std::get<0>(info.param).path,
                                                   {{".", "_"}, {"*", "NAME"}}));
                         });

// The table's other tests need one format only.
absl::StatusOr<Config> Parse(const json& root) { return Parse(root, Format::kJson); }

TEST(ConfigKeyTableTest, HasExactlyTheKeysOfTheSchema) {
  std::set<std::string> schema, table;
  for (const Key& key : AllKeys()) EXPECT_TRUE(schema.emplace(key.path).second) << key.path;
  for (const KeyRow& row : Rows()) EXPECT_TRUE(table.insert(row.path).second) << row.path;
  EXPECT_EQ(schema, table);
}

// Both ends of every number's range are in it; one beyond is not.
TEST(ConfigKeyTableTest, NumbersAreTakenUpToTheirBounds) {
  for (const Key& key : AllKeys()) {
    if (key.type != KeyType::kNumber && key.type != KeyType::kMilliseconds) continue;
    const std::string path(key.path);
    EXPECT_TRUE(Parse(WithKey(path, key.min)).ok()) << path;
    EXPECT_TRUE(Parse(WithKey(path, key.max)).ok()) << path;
    EXPECT_FALSE(Parse(WithKey(path, key.min - 1)).ok()) << path;
    EXPECT_FALSE(Parse(WithKey(path, key.max + 1)).ok()) << path;
    EXPECT_FALSE(Parse(WithKey(path, 18446744073709551615u)).ok()) << path;
  }
}

TEST(ConfigKeyTableTest, ListsAreTakenUpToTheirBound) {
  json list = json::array();
  for (int64_t i = 0; i < FindKey("settings.allowedRemoteCommands")->max; ++i) list.push_back("x");
  EXPECT_TRUE(Parse(WithKey("settings.allowedRemoteCommands", list)).ok());
  list.push_back("x");
  EXPECT_FALSE(Parse(WithKey("settings.allowedRemoteCommands", list)).ok());
}

TEST(ConfigKeyTableTest, VariablesAreTakenUpToTheirBounds) {
  json env = json::object();
  for (int64_t i = 0; i < FindKey("teams.*.env")->max; ++i) env[absl::StrCat("V", i)] = "x";
  EXPECT_TRUE(Parse(WithKey("teams.*.env", env)).ok());
  env["ONE_MORE"] = "x";
  EXPECT_FALSE(Parse(WithKey("teams.*.env", env)).ok());
  EXPECT_TRUE(Parse(WithKey("teams.*.env", {{"A", std::string(4096, 'x')}})).ok());
  EXPECT_FALSE(Parse(WithKey("teams.*.env", {{"A", std::string(4097, 'x')}})).ok());
  EXPECT_TRUE(Parse(WithKey("teams.*.env", {{std::string(128, 'A'), "x"}})).ok());
  EXPECT_FALSE(Parse(WithKey("teams.*.env", {{std::string(129, 'A'), "x"}})).ok());
}

TEST(ConfigKeyTableTest, TextIsTakenUpToItsBound) {
  for (const Key& key : AllKeys()) {
    if (key.type != KeyType::kText || key.max < 100) continue;
    const std::string path(key.path);
    std::string text = key.path == "teams.*.remote" ? "ssh " : "/";
    text.resize(key.max, 'x');
    EXPECT_TRUE(Parse(WithKey(path, text)).ok()) << path;
    EXPECT_FALSE(Parse(WithKey(path, text + "x")).ok()) << path;
  }
}

}  // namespace
}  // namespace iris
