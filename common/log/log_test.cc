#include "common/log/log.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

std::string Content(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class LogTest : public ::testing::Test {
 protected:
  ~LogTest() override { StartLogging("", LogLevel::kError); }

  ScratchDir scratch_;
  std::string file_ = scratch_.File("test.log");
};

TEST_F(LogTest, ALineHasTimeLevelAndText) {
  StartLogging(file_, LogLevel::kInfo);
  LogInfo("link ", 7, " is up");
  LogWarn("careful");
  EXPECT_THAT(Content(file_),
              MatchesRegex("20..-..-..T..:..:..\\....Z INFO link 7 is up\n.*Z WARN careful\n"));
}

TEST_F(LogTest, WhatIsBelowTheLevelIsLeftOut) {
  StartLogging(file_, LogLevel::kWarn);
  LogInfo("no-info");
  LogError("yes");
  EXPECT_THAT(Content(file_), Not(HasSubstr("no-")));
  EXPECT_THAT(Content(file_), HasSubstr("ERROR yes"));
}

TEST_F(LogTest, ARemotesBytesMakeNoLineAndReachNoTerminal) {
  StartLogging(file_, LogLevel::kInfo);
  LogInfo("a\nb\r\t\x1b[31m\x7f\xc2\x9bä");
  EXPECT_THAT(Content(file_), HasSubstr("INFO a\\nb\\r\\t\\x1b[31m\\x7f\\xc2\\x9bä\n"));
}

TEST_F(LogTest, BracesAreText) {
  StartLogging(file_, LogLevel::kInfo);
  LogInfo("{} {0} {");
  EXPECT_THAT(Content(file_), HasSubstr("INFO {} {0} {\n"));
}

TEST_F(LogTest, ALongLineIsCut) {
  StartLogging(file_, LogLevel::kInfo);
  LogInfo(std::string(1 << 20, 'x'));
  EXPECT_LT(Content(file_).size(), (16u << 10) + 100);
}

TEST_F(LogTest, FilesArePrivateRotatedAndBounded) {
  const mode_t before = umask(0);
  StartLogging(file_, LogLevel::kInfo);
  const std::string text(15 << 10, 'x');
  for (int i = 0; i < 1000; ++i) LogInfo(text);  // 15 MB: three files full.
  umask(before);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(scratch_.path())) {
    struct stat info = {};
    ASSERT_EQ(stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600u) << entry.path();
    EXPECT_LE(info.st_size, 4 << 20) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 3);
}

TEST_F(LogTest, LinesOfManyThreadsStayWhole) {
  StartLogging(file_, LogLevel::kInfo);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int line = 0; line < 100; ++line) LogInfo("whole line");
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::ifstream stream(file_);
  int lines = 0;
  for (std::string line; std::getline(stream, line); ++lines) {
    EXPECT_THAT(line, MatchesRegex(".*Z INFO whole line"));
  }
  EXPECT_EQ(lines, 400);
}

TEST_F(LogTest, AFileThatCannotBeOpenedLeavesStderr) {
  testing::internal::CaptureStderr();
  StartLogging("/proc/nowhere/test.log", LogLevel::kInfo);
  LogInfo("still here");
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("WARN logging to stderr: "));
  EXPECT_THAT(said, HasSubstr("INFO still here"));
}

}  // namespace
}  // namespace iris
