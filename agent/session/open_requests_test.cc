#include "agent/session/open_requests.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/session/part_fixture.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kLine[] =
    R"({"type":"control_request","request_id":"p1","request":{"subtype":"can_use_tool",)"
    R"("tool_name":"Bash","input":{"command":"ls"}}})";
constexpr char kAllow[] = R"({"behavior":"allow"})";

class OpenRequestsTest : public PartFixture, protected RequestSink {
 protected:
  void Ask(const std::string& id = "p1", const std::string& why_nobody = "") {
    requests->Ask(id, kLine, "4f6d", why_nobody);
  }
  std::unique_ptr<OpenRequests> Make() {
    return std::make_unique<OpenRequests>(
        loop, absl::Hours(24), *log, static_cast<RequestSink&>(*this), [] { return "claude"; });
  }

  void OnDecision(const std::string& id, const std::string& decision) override {
    told.push_back(absl::StrCat(id, " ", decision));
  }
  void OnRefusal(const std::string& id, const std::string& why) override {
    told.push_back(absl::StrCat(id, " refused: ", why));
  }
  void OnAsked(const std::string& id, const std::string&) override { waiting.push_back(id); }
  void OnAnswered(const std::string& id) override {
    waiting.erase(std::remove(waiting.begin(), waiting.end(), id), waiting.end());
  }

  std::vector<std::string> told;     // What claude hears.
  std::vector<std::string> waiting;  // What people hear of.
  std::unique_ptr<OpenRequests> requests = Make();
};

TEST_F(OpenRequestsTest, OneWaitsUntilItIsAnswered) {
  Ask();
  Ask();  // The same again.
  EXPECT_THAT(waiting, ElementsAre("p1"));
  EXPECT_THAT(requests->open(), SizeIs(1));
  EXPECT_TRUE(requests->WaitsIn("4f6d"));
  EXPECT_FALSE(requests->WaitsIn("51aa"));
  EXPECT_THAT(told, IsEmpty());

  const auto first = requests->Answer("p1", kAllow);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(first->was_first());
  EXPECT_THAT(told, ElementsAre(absl::StrCat("p1 ", first->json())));
  EXPECT_THAT(waiting, IsEmpty());
  EXPECT_TRUE(requests->empty());
  const auto again = requests->Answer("p1", R"({"behavior":"deny"})");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(again->was_first());
  EXPECT_EQ(again->json(), first->json());
  EXPECT_THAT(told, SizeIs(1));
  EXPECT_THAT(Story(), ElementsAre("request p1", absl::StrCat("answered p1 ", first->json())));
}

TEST_F(OpenRequestsTest, WhereNobodyIsAskedTheAnswerIsNo) {
  Ask("p1", "Iris cannot ask anybody here.");
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_THAT(told[0], HasSubstr("cannot ask anybody"));
  EXPECT_THAT(told[0], HasSubstr("deny"));
  EXPECT_THAT(Story(), IsEmpty());
}

TEST_F(OpenRequestsTest, WhatIsNoPermissionIsRefused) {
  requests->Ask("p1", R"({"request":{"subtype":"hook_callback"}})", "", "");
  EXPECT_THAT(told, ElementsAre("p1 refused: Iris does not answer hook_callback"));
}

TEST_F(OpenRequestsTest, WhatCannotBeReadIsDenied) {
  requests->Ask("p1", "", "", "");
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_THAT(told[0], HasSubstr("cannot be read"));
}

TEST_F(OpenRequestsTest, WhatNobodyAnswersInTimeIsNo) {
  Ask();
  Pass(absl::Hours(23));
  Ask("p2");
  Pass(absl::Hours(1));
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_THAT(told[0], HasSubstr("Nobody answered"));
  EXPECT_THAT(waiting, ElementsAre("p2"));
  Pass(absl::Hours(23));
  EXPECT_THAT(waiting, IsEmpty());
}

TEST_F(OpenRequestsTest, WhatIsWithdrawnOrDroppedCannotBeAnswered) {
  Ask("p1");
  Ask("p2");
  requests->Withdraw("p1");
  requests->Withdraw("unknown");
  requests->Drop();
  EXPECT_THAT(waiting, IsEmpty());
  EXPECT_THAT(told, IsEmpty());
  EXPECT_EQ(KindOf(requests->Answer("p1", kAllow).status()), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(Story(), ElementsAre("request p1", "request p2", "answered p1 ", "answered p2 "));
}

TEST_F(OpenRequestsTest, GoOnInAnotherProgramAsLongAsTheyHaveLeft) {
  Ask("p1");
  Ask("p2");
  ASSERT_TRUE(requests->Answer("p2", kAllow).ok());
  Pass(absl::Hours(23));
  handover::Session state;
  requests->HandOver(state);
  requests = Make();
  requests->AdoptHandover(state);
  EXPECT_THAT(requests->open(), SizeIs(1));
  EXPECT_TRUE(requests->Answer("p2", kAllow).ok());
  Pass(absl::Hours(1));
  EXPECT_TRUE(requests->empty());
}

}  // namespace
}  // namespace iris
