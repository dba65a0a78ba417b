#include "coordinator/cli/arguments.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;

// What is left of `words` in the memory of a process that took them.
std::vector<std::string> Left(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  const std::vector<std::string> before = words;
  EXPECT_EQ(TakeArguments(static_cast<int>(argv.size()), argv.data()), before);
  std::vector<std::string> left;
  for (const char* word : argv) left.emplace_back(word);
  return left;
}

TEST(ArgumentsTest, NothingIsLeftOfAMessage) {
  EXPECT_THAT(Left({"iris", "tell", "gpu", "the code is 4711", "--from", "web"}),
              ElementsAre("iris", "tell", "", "", "", ""));
  EXPECT_THAT(Left({"iris", "answer", "r1", "deny", "--message=no", "--input", "{}"}),
              ElementsAre("iris", "answer", "", "", "", "", ""));
}

TEST(ArgumentsTest, OtherCommandsStayAsTheyAre) {
  EXPECT_THAT(Left({"iris", "tells", "ID", "--wait"}),
              ElementsAre("iris", "tells", "ID", "--wait"));
  EXPECT_THAT(Left({"iris", "mcp"}), ElementsAre("iris", "mcp"));
  EXPECT_THAT(Left({"iris"}), ElementsAre("iris"));
}

}  // namespace
}  // namespace iris
