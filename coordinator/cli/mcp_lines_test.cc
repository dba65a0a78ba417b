#include "coordinator/cli/mcp_lines.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LineSplitterTest : public ::testing::Test {
 protected:
  std::vector<std::string> lines_;
  std::string too_long_;
  LineSplitter splitter_{5, [this](std::string line) { lines_.push_back(std::move(line)); },
                         [this](absl::string_view piece) { absl::StrAppend(&too_long_, piece); },
                         [this] { lines_.push_back("TOO LONG " + std::exchange(too_long_, "")); }};
};

TEST_F(LineSplitterTest, LinesComeWholeHoweverTheBytesCome) {
  for (const char c : std::string("one\ntwo\r\n\n\r\nthree\n")) splitter_.Take({&c, 1});
  EXPECT_THAT(lines_, ElementsAre("one", "two", "three"));
  lines_.clear();
  splitter_.Take("a\nb\nc");
  EXPECT_THAT(lines_, ElementsAre("a", "b"));
  splitter_.End();
  EXPECT_THAT(lines_, ElementsAre("a", "b", "c"));
}

TEST_F(LineSplitterTest, ALineOfTheLargestSizePassesAndALongerOneComesInPieces) {
  splitter_.Take("12345\n12345\r\n123456\n1234");
  splitter_.Take("56789012345\nok\n");
  EXPECT_THAT(lines_,
              ElementsAre("12345", "12345", "TOO LONG 123456", "TOO LONG 123456789012345", "ok"));
}

TEST_F(LineSplitterTest, NothingIsNoLine) {
  splitter_.End();
  EXPECT_THAT(lines_, IsEmpty());
}

}  // namespace
}  // namespace iris
