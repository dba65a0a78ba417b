#include "common/base/small_file.h"

#include <fstream>
#include <string>

#include "common/testing/scratch_dir.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(SmallFileTest, AllOfItIsReadUpToTheBound) {
  const ScratchDir scratch;
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i);
  std::ofstream(scratch.File("file")) << text;
  EXPECT_EQ(ReadSmallFile(scratch.File("file"), 1 << 20), text);
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{4096}, size_t{4097}, text.size()}) {
    EXPECT_EQ(ReadSmallFile(scratch.File("file"), bytes), text.substr(0, bytes));
  }
}

TEST(SmallFileTest, WhatCannotBeReadIsEmpty) {
  const ScratchDir scratch;
  EXPECT_EQ(ReadSmallFile(scratch.File("none"), 100), "");
  EXPECT_EQ(ReadSmallFile(scratch.path(), 100), "");
}

}  // namespace
}  // namespace iris
