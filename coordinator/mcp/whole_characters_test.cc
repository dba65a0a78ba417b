#include "coordinator/mcp/whole_characters.h"

#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(WholeCharactersTest, HalfAPairIsReplacedWhereverItStands) {
  EXPECT_EQ(WithWholeCharacters(R"("cut emoji \ud83d end")"), R"("cut emoji \ufffd end")");
  EXPECT_EQ(WithWholeCharacters(R"("\uDE80")"), R"("\ufffd")");
  EXPECT_EQ(WithWholeCharacters(R"("\ud83d\ud83d\ude80")"), R"("\ufffd\ud83d\ude80")");
  EXPECT_EQ(WithWholeCharacters(R"("\ud83d\n")"), R"("\ufffd\n")");
}

TEST(WholeCharactersTest, WhatIsACharacterStays) {
  for (const char* text : {R"("\ud83d\ude80")", R"("\\ud83d")", R"("A\u0041\ud7ff\ue000")", "",
                           "\\", R"("\u")", R"("\ud83)", R"("\uzzzz")", R"("żółć 🚀")"}) {
    EXPECT_EQ(WithWholeCharacters(text), text);
  }
}

TEST(WholeCharactersTest, BytesThatAreNoTextAreReplaced) {
  EXPECT_EQ(WithWholeCharacters("\"a\xFFz\""), "\"a\xEF\xBF\xBDz\"");
}

}  // namespace
}  // namespace iris
