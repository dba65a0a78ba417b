#include "agent/session/child_requests.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/request/request_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

v1::PendingRequest Request(const std::string& id, const std::string& asked) {
  v1::PendingRequest request;
  request.set_request_id(id);
  request.set_subtype("can_use_tool");
  request.set_json(absl::StrCat(R"({"type":"control_request","request_id":")", id,
                                R"(","request":)", asked, "}"));
  return request;
}

v1::PendingRequest Bash(const std::string& id) {
  return Request(id,
                 R"({"tool_name":"Bash","input":{"command":"ls"},"description":"Lists files"})");
}

std::string Complete(const std::string& answer) {
  const absl::StatusOr<std::string> complete = CompleteAnswer(Bash("a"), answer);
  EXPECT_TRUE(complete.ok()) << complete.status();
  return complete.value_or("");
}

v1::FailureKind Refusal(const std::string& answer) {
  return KindOf(CompleteAnswer(Bash("a"), answer).status());
}

TEST(ChildRequestsTest, EachIsClosedOnceAndItsAnswerKept) {
  ChildRequests requests;
  EXPECT_TRUE(requests.Add(Bash("a"), absl::ZeroDuration()));
  EXPECT_TRUE(requests.Add(Bash("b"), absl::ZeroDuration()));
  EXPECT_FALSE(requests.Add(Bash("a"), absl::ZeroDuration()));
  EXPECT_EQ(requests.open().size(), 2u);
  EXPECT_EQ(requests.Find("c"), nullptr);

  EXPECT_TRUE(requests.Close("a", "yes"));
  EXPECT_FALSE(requests.Close("a", "no"));
  EXPECT_TRUE(requests.Close("b", ""));
  EXPECT_EQ(requests.AnswerTo("a"), "yes");
  EXPECT_EQ(requests.AnswerTo("b"), std::nullopt);
  EXPECT_TRUE(requests.open().empty());
}

TEST(ChildRequestsTest, TheOldestIsTheOneThatWaitsLongest) {
  ChildRequests requests;
  EXPECT_EQ(requests.oldest(), "");
  EXPECT_TRUE(requests.Add(Bash("a"), absl::Seconds(1)));
  EXPECT_TRUE(requests.Add(Bash("b"), absl::Seconds(2)));
  EXPECT_EQ(requests.oldest(), "a");
  EXPECT_TRUE(requests.Close("a", ""));
  EXPECT_EQ(requests.oldest(), "b");
  requests.Clear();
  EXPECT_EQ(requests.oldest(), "");
}

TEST(ChildRequestsTest, WhatWaitsAndWhatIsRememberedIsBounded) {
  ChildRequests requests;
  for (size_t i = 0; i < ChildRequests::kOpenMax; ++i) {
    ASSERT_TRUE(requests.Add(Bash(absl::StrCat(i)), absl::ZeroDuration()));
  }
  EXPECT_FALSE(requests.Add(Bash("more"), absl::ZeroDuration()));
  for (size_t i = 0; i < ChildRequests::kOpenMax; ++i) requests.Close(absl::StrCat(i), "yes");
  ASSERT_TRUE(requests.Add(Bash("more"), absl::ZeroDuration()));
  requests.Close("more", "yes");
  EXPECT_EQ(requests.AnswerTo("0"), std::nullopt);
  EXPECT_EQ(requests.AnswerTo("1"), "yes");

  v1::PendingRequest big = Bash("big"), bigger = Bash("bigger");
  big.mutable_json()->resize(kRequestBytesMax);
  bigger.mutable_json()->resize(kRequestBytesMax + 1);
  ASSERT_TRUE(requests.Add(big, absl::ZeroDuration()));
  EXPECT_FALSE(requests.Add(bigger, absl::ZeroDuration()));
  EXPECT_EQ(requests.Clear().size(), 1u);
  EXPECT_TRUE(requests.Add(bigger, absl::ZeroDuration()));
}

TEST(ChildRequestsTest, AnAnswerIsCompleted) {
  EXPECT_EQ(Complete(R"({"behavior":"allow"})"),
            R"({"behavior":"allow","updatedInput":{"command":"ls"}})");
  EXPECT_EQ(Complete(R"({"behavior":"allow","updatedInput":{"command":"pwd"}})"),
            R"({"behavior":"allow","updatedInput":{"command":"pwd"}})");
  EXPECT_THAT(Complete(R"({"behavior":"deny"})"), HasSubstr("The answer is no."));
  EXPECT_EQ(Complete(R"({"behavior":"deny","message":"later"})"),
            R"({"behavior":"deny","message":"later"})");
  EXPECT_EQ(CompleteAnswer(Request("a", "7"), R"({"behavior":"allow"})").value_or(""),
            R"({"behavior":"allow","updatedInput":{}})");
}

TEST(ChildRequestsTest, WhatIsNoAnswerIsRefused) {
  for (const char* answer : {"", "{", "[]", "7", "{}", R"({"behavior":"maybe"})",
                             R"({"behavior":"allow","updatedInput":"ls"})"}) {
    EXPECT_EQ(Refusal(answer), v1::FAILURE_BAD_REQUEST) << answer;
  }
  const std::string deep(10'000, '[');
  EXPECT_EQ(Refusal(R"({"behavior":"allow","updatedInput":{"a":)" + deep), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(
      Refusal(R"({"behavior":"deny","message":")" + std::string(kRequestBytesMax, 'x') + R"("})"),
      v1::FAILURE_BAD_REQUEST);
}

}  // namespace
}  // namespace iris
