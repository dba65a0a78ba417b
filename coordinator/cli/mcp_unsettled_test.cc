#include "coordinator/cli/mcp_unsettled.h"

#include <memory>
#include <string>
#include <vector>

#include "common/failure/failure.h"
#include "coordinator/mcp/message.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class UnsettledLinesTest : public ::testing::Test {
 protected:
  static std::string Request(int id, size_t bytes = 0) {
    return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) +
           R"(,"method":"tools/call","params":{"x":")" + std::string(bytes, 'x') + "\"}}";
  }
  std::vector<std::string> ToSend() const {
    std::vector<std::string> sent;
    for (const auto& kept : lines_.ToSend()) sent.push_back(kept.line->json);
    return sent;
  }
  static int IdOf(const std::string& answer) {
    return nlohmann::json::parse(answer).at("id").get<int>();
  }

  UnsettledLines lines_;
  const absl::Status why_ = MakeFailure(v1::FAILURE_UNREACHABLE, "nobody there", "Start it.");
};

TEST_F(UnsettledLinesTest, WhatIsNotSettledIsSentAgainInOrderUnderTheSameId) {
  const auto a = lines_.Add(Request(1)), b = lines_.Add(Request(2)), c = lines_.Add(Request(3));
  EXPECT_TRUE(lines_.Settle(b->id, false));
  EXPECT_THAT(ToSend(), ElementsAre(a->json, c->json));
  EXPECT_EQ(lines_.ToSend().at(0).line->id, a->id);
  EXPECT_TRUE(lines_.Settle(a->id, false));
  EXPECT_TRUE(lines_.Settle(c->id, false));
  EXPECT_TRUE(lines_.empty());
  EXPECT_EQ(lines_.settled(), 3u);
}

TEST_F(UnsettledLinesTest, TheOpeningComesFirstForEverAndIsHeardOnce) {
  const auto opening = lines_.Add("opening"), call = lines_.Add(Request(1));
  EXPECT_TRUE(lines_.Settle(opening->id, true));
  EXPECT_THAT(ToSend(), ElementsAre("opening", call->json));
  EXPECT_FALSE(lines_.Settle(opening->id, true));
  EXPECT_TRUE(lines_.Settle(call->id, false));
  EXPECT_TRUE(lines_.empty());
  EXPECT_THAT(ToSend(), ElementsAre("opening"));
}

TEST_F(UnsettledLinesTest, RequestsAreRefusedWithTheReasonAndWhatIsBadWithItsOwn) {
  lines_.Add(Request(7));
  lines_.Add(R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  lines_.Add(R"({"method":rubbish,"id":8})");
  const std::vector<std::string> answers = lines_.RefuseAll(why_);
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(IdOf(answers[0]), 7);
  EXPECT_EQ(nlohmann::json::parse(answers[0]).at("error").at("message"),
            "unreachable: nobody there\nfix: Start it.");
  EXPECT_EQ(IdOf(answers[1]), 8);
  EXPECT_THAT(answers[1], HasSubstr("-32700"));
  EXPECT_TRUE(lines_.empty());
}

TEST_F(UnsettledLinesTest, ABatchIsRefusedAsOneWhetherItIsKeptWholeOrNot) {
  const std::string batch = "[" + Request(1) + R"(,{"jsonrpc":"2.0","method":"x"},)" + Request(2) +
                            R"(,{"jsonrpc":"2.0","id":3,"method":"ping"}])";
  const auto ids = [](const std::string& answer) {
    std::vector<int> all;
    for (const auto& member : nlohmann::json::parse(answer)) {
      all.push_back(member.at("id").get<int>());
    }
    return all;
  };
  const auto line = lines_.Add(batch);
  lines_.Accept(line->id);
  const std::vector<std::string> whole = lines_.RefuseAll(why_);
  ASSERT_EQ(whole.size(), 1u);
  EXPECT_THAT(ids(whole[0]), ElementsAre(1, 2, 3));
  const auto refusals = nlohmann::json::parse(whole[0]);
  const auto second = refusals[1]["error"]["message"].get<std::string>();
  EXPECT_THAT(second, HasSubstr("tell_wait with tellId " + McpMemberId(line->id, 2)));
  EXPECT_THAT(refusals[2]["error"]["message"].get<std::string>(), Not(HasSubstr("tell_wait")));

  for (size_t i = 0; i < UnsettledLines::kWholeMax; ++i) lines_.Add(Request(9));
  lines_.Add(batch);
  const std::vector<std::string> cut = lines_.RefuseCut(why_);
  ASSERT_EQ(cut.size(), 1u);
  EXPECT_THAT(ids(cut[0]), ElementsAre(1, 2, 3));
}

TEST_F(UnsettledLinesTest, WhatWasAcceptedSaysSoWhenItIsSentAgainOrRefused) {
  const auto opening = lines_.Add("opening"), a = lines_.Add(Request(1)),
             b = lines_.Add(Request(2));
  lines_.Settle(opening->id, true);
  lines_.Accept(b->id);
  const std::vector<UnsettledLines::ToSendLine> again = lines_.ToSend();
  ASSERT_EQ(again.size(), 3u);
  EXPECT_FALSE(again[0].accepted.any);
  EXPECT_FALSE(again[1].accepted.any);
  EXPECT_TRUE(again[2].accepted.any);
  EXPECT_TRUE(again[2].accepted.Has(b->id));

  const std::vector<std::string> refused = lines_.RefuseAll(why_);
  ASSERT_EQ(refused.size(), 2u);
  EXPECT_THAT(refused[0], Not(HasSubstr("accepted")));
  EXPECT_THAT(refused[1], AllOf(HasSubstr("dropped: the message was accepted as " + b->id),
                                HasSubstr("unreachable: nobody there"),
                                HasSubstr("tell_wait with tellId " + b->id)));
}

TEST_F(UnsettledLinesTest, OfABatchOnlyTheMembersThatWereAcceptedSaySo) {
  const auto line = lines_.Add("[" + Request(1) + "," + Request(2) + "," + Request(3) + "]");
  lines_.Accept(line->id, McpMemberId(line->id, 1));
  const McpAccepted accepted = lines_.ToSend().at(0).accepted;
  EXPECT_TRUE(accepted.any);
  EXPECT_THAT(accepted.members, ElementsAre(McpMemberId(line->id, 1)));

  const auto refusals = nlohmann::json::parse(lines_.RefuseAll(why_).at(0));
  const auto message = [&](size_t i) {
    return refusals.at(i).at("error").at("message").get<std::string>();
  };
  EXPECT_THAT(message(0), Not(HasSubstr("accepted"))) << "it may be sent again";
  EXPECT_THAT(message(1), HasSubstr("tell_wait with tellId " + McpMemberId(line->id, 1)));
  EXPECT_THAT(message(2), Not(HasSubstr("accepted")));
}

TEST_F(UnsettledLinesTest, WhereACoordinatorDoesNotSayWhichMemberAnyMayBe) {
  const auto line = lines_.Add("[" + Request(1) + "," + Request(2) + "]");
  lines_.Accept(line->id, McpMemberId(line->id, 0));
  lines_.Accept(line->id);
  lines_.Accept(line->id, McpMemberId(line->id, 0));
  const McpAccepted accepted = lines_.ToSend().at(0).accepted;
  EXPECT_THAT(accepted.members, ElementsAre());
  EXPECT_TRUE(accepted.Has(McpMemberId(line->id, 1)));
}

TEST_F(UnsettledLinesTest, TooManyLinesAreNotKeptWholeAndCanStillBeRefused) {
  for (size_t i = 0; i < UnsettledLines::kWholeMax; ++i) lines_.Add(Request(1));
  const auto beyond = lines_.Add(Request(2));
  EXPECT_EQ(beyond->json, Request(2));  // It is sent all the same, once.
  EXPECT_EQ(lines_.ToSend().size(), UnsettledLines::kWholeMax);
  const std::vector<std::string> answers = lines_.RefuseCut(why_);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(IdOf(answers[0]), 2);
  EXPECT_EQ(lines_.RefuseAll(why_).size(), UnsettledLines::kWholeMax);
}

TEST_F(UnsettledLinesTest, SoWithTooManyBytesUntilSomeAreSettled) {
  const auto first = lines_.Add(Request(1, UnsettledLines::kWholeBytesMax / 2));
  lines_.Add(Request(2, UnsettledLines::kWholeBytesMax / 2));
  EXPECT_EQ(lines_.ToSend().size(), 1u);
  EXPECT_TRUE(lines_.Settle(first->id, false));
  lines_.Add(Request(3, UnsettledLines::kWholeBytesMax / 2));
  EXPECT_EQ(lines_.ToSend().size(), 1u);
  EXPECT_EQ(IdOf(lines_.RefuseCut(why_).at(0)), 2);
}

}  // namespace
}  // namespace iris
