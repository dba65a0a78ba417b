#include "coordinator/config_file/config_doc.h"

#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "coordinator/config/key.h"
#include "coordinator/config/refused_keys.h"
#include "coordinator/config/schema.h"
#include "coordinator/reach/remote_kinds.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::StartsWith;

std::string Page(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// What a page's tables say of each key: "| `KEY` | WORDS |".
std::map<std::string, std::string> KeyRowsOf(const std::string& page) {
  constexpr absl::string_view kBegin = "\n| `", kBetween = "` | ";
  std::map<std::string, std::string> rows;
  for (size_t at = page.find(kBegin.data()); at != page.npos;
       at = page.find(kBegin.data(), at + 1)) {
    const size_t key = at + kBegin.size(), between = page.find(kBetween.data(), key);
    if (between == page.npos) break;
    const std::string name = page.substr(key, between - key);
    const bool is_key = name == "dashboard" || name == "database" ||
                        absl::StartsWith(name, "settings.") || absl::StartsWith(name, "teams.");
    const size_t words = between + kBetween.size();
    if (is_key) rows[name] = page.substr(words, page.find('\n', words) - words);
  }
  return rows;
}

// Every team's keys, and those of the kinds of hosts.
std::vector<Key> AllKeys() {
  std::vector<Key> keys(Schema().begin(), Schema().end());
  for (const RemoteKind& kind : RemoteKinds()) {
    keys.insert(keys.end(), kind.reader->keys().begin(), kind.reader->keys().end());
  }
  return keys;
}

std::vector<RefusedKey> AllRefusedKeys() {
  std::vector<RefusedKey> keys(RefusedKeys().begin(), RefusedKeys().end());
  for (const RemoteKind& kind : RemoteKinds()) {
    const absl::Span<const RefusedKey> own = kind.reader->refused_keys();
    keys.insert(keys.end(), own.begin(), own.end());
  }
  return keys;
}

TEST(ConfigDocTest, CheckedInDocumentIsTheGeneratedOne) {
  EXPECT_TRUE(Page("docs/CONFIG.md") == ConfigDoc())
      << "docs/CONFIG.md is out of date: bazel run "
         "//coordinator/config_file:config_doc > docs/CONFIG.md";
}

TEST(ConfigDocTest, EveryKeyIsInIt) {
  for (const Key& key : AllKeys()) {
    const absl::string_view name = key.path.substr(key.path.rfind('.') + 1);
    EXPECT_THAT(ConfigDoc(), ::testing::HasSubstr(absl::StrCat("| `", name, "` | ")));
    EXPECT_THAT(ConfigDoc(), ::testing::HasSubstr(std::string(key.description)));
  }
}

// Every key that the program knows has a row on the page for those who come from iris-mcp, which
// says whether it works; and no row is of a key that the program does not know.
TEST(ConfigDocTest, ThePageForIrisMcpSaysWhatBecomesOfEachKey) {
  std::map<std::string, std::string> rows = KeyRowsOf(Page("docs/COMING_FROM_IRIS_MCP.md"));
  for (const Key& key : AllKeys()) {
    const auto row = rows.find(std::string(key.path));
    ASSERT_TRUE(row != rows.end()) << key.path;
    EXPECT_THAT(row->second, ::testing::AnyOf(StartsWith("works"), StartsWith("new: ")));
    rows.erase(row);
  }
  for (const RefusedKey& key : AllRefusedKeys()) {
    const auto row = rows.find(std::string(key.path));
    ASSERT_TRUE(row != rows.end()) << key.path;
    EXPECT_THAT(row->second, StartsWith("refused"));
    const bool is_to_come = absl::StartsWith(key.why, "not built yet");
    EXPECT_EQ(absl::StrContains(row->second, "not built yet"), is_to_come) << key.path;
    rows.erase(row);
  }
  for (const auto& [key, words] : rows) ADD_FAILURE() << "no key of ours: " << key << ", " << words;
}

TEST(ConfigDocTest, NoKeyIsBothServedAndRefused) {
  for (const Key& key : AllKeys()) EXPECT_EQ(FindRefusedKey(key.path), nullptr) << key.path;
  for (const RefusedKey& key : AllRefusedKeys()) {
    EXPECT_EQ(FindKey(key.path, RemoteKinds()), nullptr) << key.path;
  }
}

}  // namespace
}  // namespace iris
