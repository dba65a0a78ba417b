// A file in which several things are wrong.

#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/config/unset_variable.h"
#include "coordinator/config_file/load_config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

absl::StatusOr<Config> Parse(absl::string_view text) {
  const ConfigSource source = {
      .path = "/c.json",
      .env = [](absl::string_view) -> absl::optional<std::string> { return absl::nullopt; },
      .home = "/home/me"};
  return ParseConfig(text, source, /*readable_by_others=*/true);
}

// A configuration with one team, "t", that has `keys` besides a path.
absl::StatusOr<Config> ParseTeam(absl::string_view keys) {
  return Parse(absl::StrCat(R"({"teams": {"t": {"path": "/p", )", keys, "}}}"));
}

// What a person would be shown.
std::string RefusalOf(const absl::StatusOr<Config>& config) {
  EXPECT_EQ(KindOf(config.status()), v1::FAILURE_BAD_REQUEST);
  return Describe(ToProto(config.status()));
}

TEST(ConfigErrorsTest, AllThatIsWrongIsSaidAtOnceInTheOrderOfTheFile) {
  const std::string refusal = RefusalOf(Parse(R"({"teams": {
  "zoo": {"pth": "/z"},
  "app": {"path": 7, "idleTimeout": 0,
          "remote": "ssh -t gpu1"},
  "-x": {"path": "/x"},
  "num": 5},
"settings": {"idleTimeOut": 5}})"));
  EXPECT_THAT(refusal, StartsWith("bad_request: /c.json:2: teams.zoo"));
  size_t at = 0;
  for (const char* line :
       {"/c.json:2: teams.zoo.pth: unknown key (Did you mean path?", "/c.json:3: teams.app.path: ",
        "/c.json:4: teams.app.remote: -t: asks for a terminal", "/c.json:5: teams.-x: ",
        "/c.json:6: teams.num: has the wrong type (number) (Write an object: {…}.)",
        "/c.json:7: settings.idleTimeOut: unknown key (Did you mean idleTimeout?"}) {
    const size_t found = refusal.find(line, at);
    EXPECT_NE(found, std::string::npos) << line << " in\n" << refusal;
    if (found != std::string::npos) at = found;
  }
  EXPECT_THAT(refusal, AllOf(HasSubstr("/c.json:3: teams.app.idleTimeout: 0 is out of range"),
                             HasSubstr("/c.json:2: teams.zoo: has no path"),
                             HasSubstr("\nfix: Correct all 8 of them.")));
}

TEST(ConfigErrorsTest, WhatFollowsFromAnErrorIsNoErrorOfItsOwn) {
  // The path is there, `remote` is, and what it is compared with is not known.
  EXPECT_THAT(RefusalOf(Parse(R"({"teams": {"t": {"path": 7}}})")), Not(HasSubstr("has no path")));
  EXPECT_THAT(RefusalOf(ParseTeam(R"("remote": 7, "remoteOptions": {"port": 22})")),
              Not(HasSubstr("has no `remote`")));
  EXPECT_THAT(RefusalOf(ParseTeam(R"("remote": "ssh -p 22 h", "remoteOptions": {"port": 70000})")),
              Not(HasSubstr("says otherwise")));
  EXPECT_THAT(RefusalOf(Parse(R"({"settings": {"allowedRemoteCommands": 7},
                                  "teams": {"t": {"path": "/p", "remote": "myssh h"}}})")),
              Not(HasSubstr("is not allowed")));
}

TEST(ConfigErrorsTest, EachVariableThatIsWrongIsSaid) {
  const std::string refusal =
      RefusalOf(ParseTeam("\"env\": {\"A\": 1,\n\"B\": \"${NOT_SET}\",\n\"C\": \"x\"}"));
  EXPECT_THAT(refusal,
              AllOf(HasSubstr("/c.json:1: teams.t.env.A: has the wrong type (number)"),
                    HasSubstr("/c.json:2: teams.t.env.B: the environment variable "),
                    Not(HasSubstr("teams.t.env.C")), HasSubstr("\nfix: Correct all 2 of them.")));
}

TEST(ConfigErrorsTest, WhereNothingIsWrongButVariablesThatAreNotSetTheErrorSaysSo) {
  EXPECT_TRUE(IsUnsetVariable(ParseTeam(R"("claudePath": "${A}")").status()));
  EXPECT_TRUE(IsUnsetVariable(
      ParseTeam(R"("claudePath": "${A}", "remote": "ssh ${B}", "env": {"C": "${D}"})").status()));
  EXPECT_FALSE(IsUnsetVariable(ParseTeam(R"("claudePath": "${A}", "color": "red")").status()));
  EXPECT_FALSE(IsUnsetVariable(ParseTeam(R"("color": "red")").status()));
  EXPECT_FALSE(IsUnsetVariable(ParseTeam(R"("claudePath": "${A:-/claude}")").status()));
}

TEST(ConfigErrorsTest, OfManyErrorsTheFirstAreShownAndTheRestCounted) {
  json root;
  for (int i = 0; i < 2000; ++i) root["settings"][absl::StrCat("x", i)] = 1;
  const std::string refusal = RefusalOf(Parse(root.dump()));
  EXPECT_THAT(refusal, HasSubstr("\nfix: Correct all 2000 of them."));
  EXPECT_LT(refusal.size(), 12'000u);
}

}  // namespace
}  // namespace iris
