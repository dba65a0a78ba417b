#include "coordinator/config/config_doc.h"

#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "coordinator/config/refused_keys.h"
#include "coordinator/config/schema.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(ConfigDocTest, CheckedInDocumentIsTheGeneratedOne) {
  std::ifstream file("docs/CONFIG.md", std::ios::binary);
  ASSERT_TRUE(file.is_open());
  const std::string checked_in{std::istreambuf_iterator<char>(file), {}};

  EXPECT_TRUE(checked_in == ConfigDoc()) << "docs/CONFIG.md is out of date: bazel run "
                                            "//coordinator/config:config_doc > docs/CONFIG.md";
}

TEST(ConfigDocTest, EveryKeyIsInIt) {
  for (const Key& key : Schema()) {
    const absl::string_view name = key.path.substr(key.path.rfind('.') + 1);
    EXPECT_THAT(ConfigDoc(), ::testing::HasSubstr(absl::StrCat("| `", name, "` | ")));
    EXPECT_THAT(ConfigDoc(), ::testing::HasSubstr(std::string(key.description)));
  }
}

TEST(ConfigDocTest, NoKeyIsBothServedAndRefused) {
  for (const Key& key : Schema()) EXPECT_EQ(FindRefusedKey(key.path), nullptr) << key.path;
}

}  // namespace
}  // namespace iris
