#include "coordinator/transport/half_line.h"

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/types/optional.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::Property;

TEST(HalfLineTest, ALineIsKeptInOrderAndInPieces) {
  HalfLine line;
  std::string all;
  for (int i = 0; i < 100; ++i) {
    const std::string piece(32 << 10, static_cast<char>('a' + i % 26));
    line.Append(piece);
    all += piece;
  }
  const size_t size = HalfLine::kPieceBytes + 5;
  EXPECT_EQ(line.First(size), all.substr(0, size));
  EXPECT_EQ(line.First(all.size()), all);
  const std::vector<std::string> pieces = line.Take();
  EXPECT_EQ(pieces.size(), 4u);
  EXPECT_THAT(pieces, Each(Property(&std::string::capacity, HalfLine::kPieceBytes)));
  EXPECT_EQ(absl::StrJoin(pieces, ""), all);
}

TEST(HalfLineTest, AShortLineTakesLittle) {
  HalfLine line;
  line.Append("a");
  line.Append("");
  line.Append("b");
  EXPECT_EQ(line.First(1), "a");
  const std::vector<std::string> pieces = line.Take();
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0], "ab");
  EXPECT_LT(pieces[0].capacity(), 100u);
}

TEST(HalfLineTest, WhatWasTakenIsNotHereAnyMore) {
  HalfLine line;
  EXPECT_EQ(line.First(0), "");
  line.Append("x");
  line.Take();
  EXPECT_EQ(line.First(1), absl::nullopt);
  EXPECT_THAT(HalfLine().Take(), IsEmpty());
}

}  // namespace
}  // namespace iris
