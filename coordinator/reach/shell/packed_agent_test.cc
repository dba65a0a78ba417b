#include "coordinator/reach/shell/packed_agent.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/sha256.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

constexpr char kGzip[] = "as if it were a gzip";

std::string Packed(const std::string& agent, const std::string& gzip = kGzip) {
  return absl::StrCat(Sha256Hex(agent), " ", Sha256Hex(gzip), "\n", gzip);
}

TEST(PackedAgentTest, TheGzipIsWhatFollowsTheDigests) {
  EXPECT_EQ(GzipIn(Packed("agent"), Sha256Hex("agent")), kGzip);
}

TEST(PackedAgentTest, ThatOfAnotherAgentIsNone) {
  EXPECT_EQ(GzipIn(Packed("an earlier build"), Sha256Hex("agent")), absl::nullopt);
  EXPECT_EQ(GzipIn(Packed("agent"), ""), absl::nullopt);
}

TEST(PackedAgentTest, OneThatIsDamagedIsNone) {
  const std::string whole = Packed("agent");
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    EXPECT_EQ(GzipIn(whole.substr(0, bytes), Sha256Hex("agent")), absl::nullopt) << bytes;
    std::string changed = whole;
    changed[bytes] ^= 1;
    EXPECT_EQ(GzipIn(changed, Sha256Hex("agent")), absl::nullopt) << bytes;
  }
  EXPECT_EQ(GzipIn(absl::StrCat(whole, "\n"), Sha256Hex("agent")), absl::nullopt);
  EXPECT_EQ(GzipIn(Packed("agent", ""), Sha256Hex("agent")), absl::nullopt) << "an empty gzip";
}

TEST(PackedAgentTest, AFastOneIsAGzipToo) {
  const std::string agent(100'000, 'x');
  const std::string gzip = GzipFast(agent).value();
  EXPECT_EQ(gzip.substr(0, 3), "\x1f\x8b\x08");
  EXPECT_LT(gzip.size(), agent.size() / 50);
}

}  // namespace
}  // namespace iris
