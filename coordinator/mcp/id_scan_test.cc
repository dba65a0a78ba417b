#include "coordinator/mcp/id_scan.h"

#include <cstdint>
#include <string>

#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(McpIdScanTest, AnIdIsFoundBeforeAndBehindWhatCannotBeRead) {
  EXPECT_EQ(FindMcpId(R"({"id":7,"method":nonsense})"), Json(7));
  EXPECT_EQ(FindMcpId(R"({"method":"x","params":{"a":NaN,},"jsonrpc":"2.0", "id" : "b\"c" })"),
            Json("b\"c"));
  EXPECT_EQ(FindMcpId("{\"params\":\"two\nlines\",\"id\":-1}"), Json(-1));
  EXPECT_EQ(FindMcpId(R"({"id":9007199254740993,"method":")"), Json(int64_t{9007199254740993}));
}

TEST(McpIdScanTest, WhatIsNoIdOfTheMessageIsNotTaken) {
  for (const char* text :
       {"", "nonsense", R"({"params":{"id":7}})", R"(["id",7])", R"({"id":{"id":7}})",
        R"({"id":1.5})", R"({"id":null})", R"({"method":"\"id\":7,"})", R"({"x":"id","y":7})",
        R"({"id":7)" /* Perhaps of 77. */, R"({"id")", "}}}]]],,,:::"}) {
    EXPECT_EQ(FindMcpId(text), Json()) << text;
  }
}

TEST(McpIdScanTest, ItsTextComesInPieces) {
  const std::string text =
      R"({"params":{"a":[")" + std::string(100'000, '[') + R"("]},"id":"seven","x":1})";
  McpIdScan scan;
  for (const char c : text) scan.Take({&c, 1});
  EXPECT_EQ(scan.id(), Json("seven"));
}

TEST(McpIdScanTest, AnIdWithoutEndIsNotKept) {
  EXPECT_EQ(FindMcpId(R"({"id":")" + std::string(1 << 20, 'x') + R"(","method":"ping"})"), Json());
}

}  // namespace
}  // namespace iris
