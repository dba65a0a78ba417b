#include "coordinator/reach/remote_kinds.h"

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/types/span.h"
#include "coordinator/config/config.h"
#include "coordinator/config/key.h"
#include "coordinator/config/schema.h"
#include "coordinator/reach/reach.h"
#include "coordinator/reach/testing/one_word_reader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

constexpr absl::string_view kSail = "teams.*.remoteOptions.sail";
constexpr absl::string_view kPort = "teams.*.remoteOptions.port";

class RemoteKindsTest : public ::testing::Test {
 protected:
  absl::Status Read(const std::string& program) {
    RemoteText text;
    text.words = {program, "somewhere"};
    return ReadByKind(text, kinds_, way_);
  }
  absl::Span<const RemoteKind> Of(absl::string_view remote) const {
    return KindsOf(remote, "/home/me", kinds_);
  }

  const OneWordReader boat_{"boat",
                            {{.path = kSail, .type = KeyType::kText}},
                            {{"teams.*.remoteOptions.engine", "it has none", "Remove it."}}};
  const OneWordReader ssh_{"ssh", {{.path = kPort, .type = KeyType::kNumber}}};
  const RemoteKind kinds_[2] = {{.name = "boat", .reader = &boat_},
                                {.name = "ssh", .reader = &ssh_}};
  RemoteWay way_;
};

TEST_F(RemoteKindsTest, TheFirstWordSaysWhichKindReadsIt) {
  ASSERT_TRUE(Read("boat").ok());
  EXPECT_EQ(way_.remote.program, "boat");
  ASSERT_TRUE(Read("ssh").ok());
  EXPECT_EQ(way_.remote.program, "ssh");
}

TEST_F(RemoteKindsTest, TheLastKindReadsWhatNoOtherDoes) {
  EXPECT_EQ(KindFor("rsh", kinds_).name, "ssh");
  EXPECT_EQ(KindFor("", kinds_).name, "ssh");
}

TEST_F(RemoteKindsTest, AHostIsOfOneKindAndOfAnyWhereItsRemoteCannotBeRead) {
  ASSERT_EQ(Of("'boat' away").size(), 1u);
  EXPECT_EQ(Of("'boat' away").front().name, "boat");
  EXPECT_EQ(Of("rsh gpu1").front().name, "ssh");
  EXPECT_EQ(Of("").size(), 2u);
  EXPECT_EQ(Of("boat $(away)").size(), 2u);
}

TEST_F(RemoteKindsTest, AKeyIsOfItsKindAlone) {
  ASSERT_NE(FindKey(kSail, kinds_), nullptr);
  EXPECT_EQ(FindKey(kSail, kinds_)->type, KeyType::kText);
  EXPECT_EQ(FindKey(kSail, Of("ssh gpu1")), nullptr);
  EXPECT_NE(FindKey(kPort, Of("ssh gpu1")), nullptr);
  EXPECT_NE(FindRefusedKey("teams.*.remoteOptions.engine", Of("boat away")), nullptr);
  EXPECT_EQ(FindRefusedKey("teams.*.remoteOptions.engine", Of("ssh gpu1")), nullptr);
}

TEST_F(RemoteKindsTest, SshIsTheLastOfThoseThereAre) {
  EXPECT_EQ(RemoteKinds().back().name, "ssh");
  EXPECT_EQ(KindFor("ssh").name, "ssh");
}

// What RemoteOptions::own can hold; and a value that is stored is one whatever kind reads it.
TEST_F(RemoteKindsTest, TheKeysThereAreAreSimpleOfOneTypeAndOfNoTeam) {
  std::map<absl::string_view, KeyType> types;
  for (const RemoteKind& kind : RemoteKinds()) {
    for (const Key& key : kind.reader->keys()) {
      EXPECT_TRUE(absl::StartsWith(key.path, "teams.*.remoteOptions.")) << key.path;
      EXPECT_EQ(key.apply, nullptr) << key.path;
      EXPECT_FALSE(key.required) << key.path;
      EXPECT_NE(key.type, KeyType::kTextList) << key.path;
      EXPECT_NE(key.type, KeyType::kVariables) << key.path;
      EXPECT_EQ(types.emplace(key.path, key.type).first->second, key.type) << key.path;
      EXPECT_EQ(FindKey(key.path), nullptr) << key.path;
    }
  }
}

}  // namespace
}  // namespace iris
