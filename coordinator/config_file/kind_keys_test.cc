// Keys of remoteOptions that one kind of host has alone.

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "coordinator/config/config.h"
#include "coordinator/config/key.h"
#include "coordinator/config/refuse.h"
#include "coordinator/config_file/load_config.h"
#include "coordinator/config_file/load_config_fixture.h"
#include "coordinator/reach/remote_kinds.h"
#include "coordinator/reach/testing/one_word_reader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

absl::Status CheckSail(KeyValue& value, absl::string_view home) {
  if (value.text == "torn") return Refuse("is no sail", "Mend it.");
  value.text = absl::StrCat(home, "/", value.text);
  return absl::OkStatus();
}

// Hosts are reached by boat or by ssh.
class KindKeysTest : public ::testing::Test {
 protected:
  absl::StatusOr<Config> Load(absl::string_view remote, absl::string_view options) {
    return ParseConfig(absl::StrCat("{\"teams\": {\"t\": {\"path\": \"/p\", ", remote,
                                    "\n\"remoteOptions\": {", options, "}}}}"),
                       Source(), /*readable_by_others=*/true, kinds_);
  }
  absl::StatusOr<Config> ByBoat(absl::string_view options) {
    return Load("\"remote\": \"boat away\",", options);
  }

  const OneWordReader boat_{
      "boat",
      {{.path = "teams.*.remoteOptions.sail",
        .type = KeyType::kText,
        .min = 1,
        .max = 20,
        .check = CheckSail,
        .names_host = true},
       {.path = "teams.*.remoteOptions.masts", .type = KeyType::kNumber, .min = 1, .max = 3}},
      {{"teams.*.remoteOptions.engine", "it has none", "Row."}}};
  const RemoteKind kinds_[2] = {{.name = "boat", .reader = &boat_}, RemoteKinds().back()};
};

TEST_F(KindKeysTest, AValueReachesItsKindByTheKey) {
  const auto config =
      ByBoat(R"("sail": "${SSH_USER}s", "masts": 2, "connectTimeout": 100, "agentDir": "/a")");
  ASSERT_TRUE(config.ok()) << config.status();
  const RemoteOptions& options = config->teams[0].remote_options;
  ASSERT_NE(options.Own("sail"), nullptr);
  EXPECT_EQ(*options.Own("sail"),
            (OptionValue{.text = "/home/me/mls", .written = "${SSH_USER}s", .names_host = true}));
  ASSERT_NE(options.Own("masts"), nullptr);
  EXPECT_EQ(options.Own("masts")->number, 2);
  EXPECT_EQ(options.agent_dir, "/a") << "every kind has it";
  EXPECT_EQ(options.Own("port"), nullptr);
}

TEST_F(KindKeysTest, ItsTypeBoundsAndFormAreTheKinds) {
  EXPECT_THAT(RefusalOf(ByBoat(R"("masts": 4)")),
              HasSubstr("teams.t.remoteOptions.masts: 4 is out of range"));
  EXPECT_THAT(RefusalOf(ByBoat(R"("masts": "many")")), HasSubstr("has the wrong type (string)"));
  EXPECT_THAT(RefusalOf(ByBoat(R"("sail": "torn")")),
              AllOf(HasSubstr("teams.t.remoteOptions.sail: is no sail"), HasSubstr("Mend it.")));
  EXPECT_THAT(RefusalOf(ByBoat(R"("engine": 1)")), HasSubstr("engine: it has none"));
}

TEST_F(KindKeysTest, AKeyOfAnotherKindIsRefusedWithTheKindAndItsKeys) {
  EXPECT_THAT(RefusalOf(ByBoat(R"("strictHostKeyChecking": true)")),
              AllOf(HasSubstr("/c.json:2: teams.t.remoteOptions.strictHostKeyChecking: is not for "
                              "a host that is reached by boat"),
                    HasSubstr("Known here: connectTimeout, agentDir, sail, masts.")));
  EXPECT_THAT(RefusalOf(Load(R"("remote": "ssh gpu1",)", R"("masts": 1)")),
              AllOf(HasSubstr("masts: is not for a host that is reached by ssh"),
                    HasSubstr("Known here: connectTimeout, agentDir, identity, port")));
}

TEST_F(KindKeysTest, WhatNoKindKnowsIsAnUnknownKey) {
  EXPECT_THAT(RefusalOf(ByBoat(R"("sial": "red")")),
              AllOf(HasSubstr("sial: unknown key"), HasSubstr("Did you mean sail?")));
}

// What is wrong with `remote` is said, and nothing that would depend on it.
TEST_F(KindKeysTest, WhereTheKindIsNotKnownAKeyMayBeOfAny) {
  const std::string refusal = RefusalOf(Load(R"("remote": 7,)", R"("masts": 1, "port": 22)"));
  EXPECT_THAT(refusal, HasSubstr("teams.t.remote: has the wrong type"));
  EXPECT_THAT(refusal, ::testing::Not(HasSubstr("remoteOptions")));
  EXPECT_THAT(RefusalOf(Load("", R"("masts": 4)")), HasSubstr("masts: 4 is out of range"));
}

}  // namespace
}  // namespace iris
