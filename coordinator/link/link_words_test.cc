#include "coordinator/link/link_words.h"

#include <set>

#include "coordinator/link/link_machine.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(LinkWordsTest, EveryStateHasWordsOfItsOwn) {
  std::set<absl::string_view> seen;
  for (int state = 0; state < kLinkStates; ++state) {
    const absl::string_view name = LinkStateName(static_cast<LinkState>(state));
    // 0 is none in the protocol.
    const absl::string_view words = LinkStateWords(static_cast<v1::LinkStatus::State>(state + 1));
    EXPECT_TRUE(seen.insert(words).second) << words;
    if (name != "connecting") {
      EXPECT_NE(words, name) << "the protocol's name is no word for people";
    }
  }
  EXPECT_EQ(LinkStateWords(static_cast<v1::LinkStatus::State>(99)), "unknown");
}

}  // namespace
}  // namespace iris
