#include "coordinator/transport/name_takeover.h"

#include <string>

#include "common/failure/failure.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

std::string FixFor(const std::string& fix, const std::string& from) {
  const absl::Status refused = MakeFailure(v1::FAILURE_WRONG_HOST, "it runs on gpu2", fix);
  const absl::Status named =
      NameTakeover(refused, {.session_id = "4f6d", .from = from, .to = "gpu"});
  EXPECT_EQ(KindOf(named), v1::FAILURE_WRONG_HOST);
  EXPECT_EQ(named.message(), "it runs on gpu2");
  return ToProto(named).fix();
}

TEST(NameTakeoverTest, TheFixIsTheCommandForThisSession) {
  EXPECT_EQ(FixFor("Go, or `iris takeover TEAM`.", "cli"),
            "Go, or `iris takeover gpu --from cli`.");
  EXPECT_EQ(FixFor("`iris takeover TEAM`", "backend"), "`iris takeover gpu --from backend`");
  EXPECT_EQ(FixFor("`iris takeover TEAM`", "notes@laptop"),
            "`iris takeover gpu --from notes@laptop`");
}

TEST(NameTakeoverTest, WhatHasAnotherFixStaysAsItIs) {
  EXPECT_EQ(FixFor("Make room.", "cli"), "Make room.");
  EXPECT_EQ(FixFor("", "cli"), "");
  EXPECT_TRUE(NameTakeover(absl::OkStatus(), {}).ok());
}

}  // namespace
}  // namespace iris
