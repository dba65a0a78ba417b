#include "tests/bench/json_member.h"

#include <string>

#include "gtest/gtest.h"

namespace iris::bench {
namespace {

TEST(JsonMemberTest, FindsMembersOfTheOutermostObjectAlone) {
  const std::string line =
      R"({"message": {"uuid":"inner","role":"user","content":"a }\" \\"},"list":[1,{"uuid":2}],)"
      R"("number":17,"uuid":"outer"})";
  EXPECT_EQ(JsonText(line, "uuid"), "outer");
  EXPECT_EQ(JsonMember(line, "number"), "17");
  EXPECT_EQ(JsonMember(line, "list"), R"([1,{"uuid":2}])");
  EXPECT_EQ(JsonText(JsonMember(line, "message"), "content"), R"(a }\" \\)");
  EXPECT_EQ(JsonMember(line, "role"), "") << "it is a member of the message";
}

TEST(JsonMemberTest, LooksNotBeyondTheEndOfWhatIsBroken) {
  const std::string whole = R"({"a":"b\"c","d":[{"e":1}],"f":2})";
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::string cut(whole, 0, size);
    EXPECT_EQ(JsonMember(cut, "nothing"), "") << cut;
    JsonMember(cut, "f");
  }
}

TEST(JsonMemberTest, WhatIsNoStringHasNoInside) {
  EXPECT_EQ(JsonInside("null"), "");
  EXPECT_EQ(JsonInside("\""), "");
  EXPECT_EQ(JsonInside("\"a\""), "a");
}

}  // namespace
}  // namespace iris::bench
