#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/mcp/session_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST_F(McpSessionTest, EveryVersionWithInitializeIsSpokenAndTheNewestOfferedToTheRest) {
  const std::map<std::string, std::string> answered = {
      {"2025-11-25", "2025-11-25"}, {"2025-06-18", "2025-06-18"}, {"2025-03-26", "2025-03-26"},
      {"2024-11-05", "2024-11-05"}, {"2026-07-28", "2025-11-25"}, {"1.0", "2025-11-25"}};
  for (const auto& [wanted, given] : answered) {
    Client client;
    const auto session = NewSession(client);
    const std::string id = Initialize(*session, wanted);
    const Json result = client.answers.at(0).at("result");
    EXPECT_EQ(result["protocolVersion"], given);
    EXPECT_EQ(result["serverInfo"]["name"], "iris");
    EXPECT_EQ(result["capabilities"], Json({{"tools", {{"listChanged", false}}}}));
    EXPECT_LT(result["instructions"].get<std::string>().size(), 4096u);
    EXPECT_EQ(client.opening, id);
  }
}

TEST_F(McpSessionTest, TheInstructionsSayWhoIsWhoAndWhatWaits) {
  desk_.caller = "web";
  desk_.unfetched["web"] = {{"t1", "app"}};
  session_ = NewSession(client_);
  Initialize(*session_);
  const auto text = client_.answers.at(0)["result"]["instructions"].get<std::string>();
  EXPECT_THAT(text, AllOf(HasSubstr("You are web"), HasSubstr("Teams: app – the app."),
                          HasSubstr("1 answer waits: t1 from app. tell_wait")));
}

TEST_F(McpSessionTest, WithoutAUsableConfigurationItOpensListsAndEveryCallSaysWhatIsWrong) {
  desk_.config = MakeFailure(v1::FAILURE_BAD_REQUEST, "c.json:3: trailing comma", "Mend it.");
  Open();
  Say(*session_, Request(1, "tools/list"));
  EXPECT_EQ(client_.answers.at(0)["result"]["tools"].size(), 10u);
  EXPECT_THAT(Answered(CallOf(2, "list_teams", Json::object())), HasSubstr("trailing comma"));
  EXPECT_THAT(Answered(SendTo(3, "x")), HasSubstr("trailing comma"));
  desk_.config = absl::OkStatus();
  EXPECT_THAT(Answered(CallOf(4, "list_teams", Json::object())), HasSubstr("the app"));
}

TEST_F(McpSessionTest, WhileTheLastGoodConfigurationIsInForceEveryAnswerSaysSo) {
  Open();
  desk_.config_problem =
      MakeFailure(v1::FAILURE_BAD_REQUEST, "c.json:3: trailing comma", "Mend it.");
  desk_.unfetched["web"] = {{"t1", "app"}};
  const auto note = [&](const Json& call) {
    client_.answers.clear();
    Say(*session_, call);
    const Json& content = client_.answers.at(0)["result"]["content"];
    return content.size() == 1 ? "" : content[1]["text"].get<std::string>();
  };
  const auto says_so = AllOf(HasSubstr("the last good one is in force"),
                             HasSubstr("c.json:3: trailing comma\nfix: Mend it."));
  EXPECT_THAT(note(CallOf(1, "list_teams", Json::object())), says_so);
  EXPECT_THAT(note(SendTo(2, "known")), AllOf(says_so, HasSubstr("\n1 answer waits: t1")));
  EXPECT_THAT(note(SendTo(3, "x", {{"fromTeam", "nobody"}})), says_so);
  desk_.config_problem = absl::OkStatus();
  EXPECT_EQ(note(CallOf(4, "list_teams", Json::object())), "");
}

TEST_F(McpSessionTest, BeforeInitializeOnlyPingIsAnsweredAndDiscoverLeadsToInitialize) {
  session_ = NewSession(client_);
  Say(*session_, Request(1, "tools/list"));
  Say(*session_, SendTo(2, "x"));
  Say(*session_, Request(3, "server/discover"));
  Say(*session_, Request(4, "ping"));
  Say(*session_, Request(5, "initialize"));
  EXPECT_EQ(CodeOf(client_.answers.at(0)), kInvalidRequest);
  EXPECT_EQ(CodeOf(client_.answers.at(1)), kInvalidRequest);
  EXPECT_EQ(CodeOf(client_.answers.at(2)), kMethodNotFound);
  EXPECT_EQ(client_.answers.at(3).at("result"), Json::object());
  EXPECT_EQ(CodeOf(client_.answers.at(4)), kInvalidParams);
  EXPECT_THAT(desk_.open, IsEmpty());
  EXPECT_EQ(client_.opening, "");

  Initialize(*session_);
  EXPECT_TRUE(client_.answers.back().contains("result"));
  Initialize(*session_);
  EXPECT_EQ(CodeOf(client_.answers.back()), kInvalidRequest);
}

TEST_F(McpSessionTest, AMessageThatIsStoredIsSaidToBeAcceptedAndSentAgainSaysSo) {
  Open();
  const std::string id = Say(*session_, SendTo(1, "x"));
  EXPECT_THAT(client_.accepted, ElementsAre(id));
  EXPECT_THAT(client_.settled, IsEmpty());
  EXPECT_FALSE(desk_.open.at(id).spec.accepted_before);
  Say(*session_, AboutTell(2, "tell_wait", "another"));  // Sends nothing that could be accepted.
  Say(*session_, Request(3, "ping"));
  EXPECT_THAT(client_.accepted, ElementsAre(id));
  session_.reset();

  Client next;
  const auto session = NewSession(next);
  Initialize(*session);
  session->Take({.id = id, .accepted_before = true, .incoming = ParseMcp(SendTo(1, "x").dump())});
  EXPECT_TRUE(desk_.open.at(id).spec.accepted_before);
  EXPECT_THAT(next.accepted, ElementsAre(id));
}

TEST_F(McpSessionTest, TheToolsAreListedAsTheClientNeedsThem) {
  Open();
  Say(*session_, Request(1, "tools/list"));
  std::vector<std::string> names;
  for (const Json& tool : client_.answers.at(0)["result"]["tools"]) {
    names.push_back(tool["name"]);
    EXPECT_EQ(tool["inputSchema"]["type"], "object");
    EXPECT_LT(tool["description"].get<std::string>().size(), 400u);
    EXPECT_LE(names.back().size(), 20u);
    EXPECT_TRUE(tool["annotations"]["readOnlyHint"].is_boolean());
    for (const Json& name : tool["inputSchema"].value("required", Json::array())) {
      EXPECT_TRUE(tool["inputSchema"]["properties"].contains(name.get<std::string>()));
      EXPECT_NE(name, "fromTeam");
    }
  }
  EXPECT_THAT(
      names, ElementsAre("send_message", "ask_message", "quick_message", "tell_status", "tell_wait",
                         "tell_cancel", "list_teams", "team_status", "team_wake", "team_sleep"));
  const Json meta = client_.answers.at(0)["result"]["tools"][0]["_meta"];
  EXPECT_EQ(meta, Json({{"anthropic/maxResultSizeChars", 500000}, {"anthropic/alwaysLoad", true}}));
  Say(*session_, Request(2, "tools/list", {{"cursor", "x"}}));
  EXPECT_EQ(CodeOf(client_.answers.back()), kInvalidParams);
}

TEST_F(McpSessionTest, AMessageIsToldUnderItsOwnIdAndAnswered) {
  Open();
  const std::string id = Say(*session_, SendTo(1, "hello"));
  ASSERT_THAT(client_.answers, IsEmpty());
  EXPECT_EQ(desk_.open.at(id).spec.from, "web");
  EXPECT_EQ(desk_.open.at(id).spec.to, "app");
  EXPECT_EQ(desk_.open.at(id).spec.text, "hello");
  desk_.Settle(id, absl::OkStatus(), "grüße\n\"€\"");
  EXPECT_EQ(client_.answers.at(0)["id"], 1);
  EXPECT_EQ(TextOf(client_.answers.at(0)), "grüße\n\"€\"");
  EXPECT_THAT(client_.settled, ElementsAre(id));
  EXPECT_THAT(client_.outcomes_of, ElementsAre(id));
  EXPECT_EQ(session_->open_calls(), 0u);
}

TEST_F(McpSessionTest, AMessageThatWasAnsweredInAnEarlierLifeIsAnsweredAtOnce) {
  Open();
  EXPECT_EQ(Answered(SendTo(1, "known")), "as before");
}

TEST_F(McpSessionTest, AFailureSaysKindFixAndHowFarTheAnswerGot) {
  Open();
  const std::string id = Say(*session_, SendTo(1, "x"));
  desk_.Settle(id, MakeFailure(v1::FAILURE_CHILD_EXITED, "signal 9", "Again."), "half of it");
  EXPECT_EQ(TextOf(client_.answers.at(0)),
            "error: child_exited: signal 9\nfix: Again.\n\nThe answer so far:\nhalf of it");

  client_.answers.clear();
  const std::string second = Say(*session_, SendTo(2, "x"));
  desk_.Settle(second, MakeFailure(v1::FAILURE_CLAUDE_ERROR, "overloaded", "Wait."), "");
  EXPECT_EQ(TextOf(client_.answers.at(0)), "error: claude_error: overloaded\nfix: Wait.");
  EXPECT_THAT(Answered(SendTo(3, "x", {{"toTeam", "full"}})), StartsWith("error: busy_limit: "));
}

TEST_F(McpSessionTest, AQuickMessageAndMinusOneReturnTheIdAndTheWorkGoesOn) {
  Open();
  const Json quick =
      CallOf(1, "quick_message", {{"toTeam", "app"}, {"fromTeam", "web"}, {"message", "x"}});
  for (const Json& call : {quick, SendTo(1, "x", {{"timeout", -1}})}) {
    const std::string id = Answered(call);
    ASSERT_TRUE(desk_.open.contains(id)) << id;
    EXPECT_FALSE(desk_.followed(id));
  }
  EXPECT_THAT(client_.outcomes_of, IsEmpty());
}

TEST_F(McpSessionTest, ATimeoutEndsTheWaitingAndNamesTheMessage) {
  Open();
  const std::string id = Say(*session_, SendTo(1, "x", {{"timeout", 1}}));
  RunUntilHeard(client_);
  EXPECT_THAT(TextOf(client_.answers.at(0)),
              AllOf(StartsWith("error: timeout: "), HasSubstr("tell_wait with tellId " + id)));
  EXPECT_FALSE(desk_.followed(id));
}

TEST_F(McpSessionTest, ATimeoutCountsFromWhenTheClientFirstAsked) {
  Open();
  Say(*session_, SendTo(1, "x", {{"timeout", 3'600'000}}), absl::Hours(2));
  RunUntilHeard(client_);
  EXPECT_THAT(TextOf(client_.answers.at(0)), StartsWith("error: timeout: "));
}

TEST_F(McpSessionTest, CancellingStopsTheWaitingAndGetsNoAnswer) {
  Open();
  const std::string number = Say(*session_, SendTo(1, "x"));
  const std::string text = Say(*session_, SendTo("1", "y"));
  const std::string cancel = Say(*session_, {{"jsonrpc", "2.0"},
                                             {"method", "notifications/cancelled"},
                                             {"params", {{"requestId", "1"}}}});
  EXPECT_FALSE(desk_.followed(text));
  EXPECT_TRUE(desk_.followed(number));
  EXPECT_THAT(client_.settled, ElementsAre(cancel, text));
  desk_.Settle(text, absl::OkStatus(), "too late");
  desk_.Settle(number, absl::OkStatus(), "in time");
  ASSERT_EQ(client_.answers.size(), 1u);
  EXPECT_EQ(client_.answers.at(0)["id"], 1);
}

TEST_F(McpSessionTest, ACancelOfNothingIsNothing) {
  Open();
  for (const Json& params :
       {Json({{"requestId", 9}}), Json({{"requestId", {1}}}), Json::object()}) {
    Say(*session_, {{"jsonrpc", "2.0"}, {"method", "notifications/cancelled"}, {"params", params}});
  }
  EXPECT_THAT(client_.answers, IsEmpty());
  EXPECT_EQ(client_.settled.size(), 3u);
}

TEST_F(McpSessionTest, TwoClientsWithTheSameIdsDoNotMeet) {
  Open();
  Client other_client;
  const auto other = NewSession(other_client);
  Initialize(*other);
  other_client.answers.clear();
  const std::string ours = Say(*session_, SendTo(1, "ours"));
  const std::string theirs = Say(*other, SendTo(1, "theirs"));
  Say(*other,
      {{"jsonrpc", "2.0"}, {"method", "notifications/cancelled"}, {"params", {{"requestId", 1}}}});
  EXPECT_TRUE(desk_.followed(ours));
  EXPECT_FALSE(desk_.followed(theirs));
  desk_.Settle(ours, absl::OkStatus(), "for us");
  EXPECT_EQ(TextOf(client_.answers.at(0)), "for us");
  EXPECT_THAT(other_client.answers, IsEmpty());
}

TEST_F(McpSessionTest, AnIdIsNotUsedTwiceAtATime) {
  Open();
  const std::string id = Say(*session_, SendTo(1, "x"));
  Say(*session_, SendTo(1, "y"));
  EXPECT_EQ(CodeOf(client_.answers.at(0)), kInvalidRequest);
  EXPECT_EQ(desk_.open.size(), 1u);
  desk_.Settle(id, absl::OkStatus(), "done");
  Say(*session_, SendTo(1, "z"));
  EXPECT_EQ(desk_.open.size(), 1u);
}

TEST_F(McpSessionTest, OneMoreCallThanTheLimitIsRefused) {
  session_ = NewSession(client_, {.calls_max = 2});
  Initialize(*session_);
  Say(*session_, SendTo(1, "x"));
  const std::string second = Say(*session_, SendTo(2, "x"));
  EXPECT_THAT(Answered(SendTo(3, "x")), StartsWith("error: busy_limit: "));
  desk_.Settle(second, absl::OkStatus(), "done");
  Say(*session_, SendTo(4, "x"));
  EXPECT_EQ(desk_.open.size(), 2u);
}

TEST_F(McpSessionTest, ProgressGoesToWhoAskedWithTheClientsToken) {
  Open();
  Json call = SendTo(1, "x");
  const std::string silent = Say(*session_, call);
  call["id"] = 2;
  call["params"]["_meta"] = {{"progressToken", "tok"}};
  const std::string asked = Say(*session_, call);
  v1::TellProgress progress;
  progress.set_stage(v1::TellProgress::WORKING);
  for (const std::string& id : {silent, asked}) desk_.open.at(id).observer->OnProgress(progress);
  ASSERT_EQ(client_.progress.size(), 1u);
  EXPECT_EQ(client_.progress[0]["params"]["progressToken"], "tok");
  EXPECT_EQ(client_.progress[0]["params"]["message"], "working");
}

TEST_F(McpSessionTest, WhoWaitsHearsOfItAgainAndAgainUntilTheAnswer) {
  session_ = NewSession(client_, {.progress_beat = absl::Milliseconds(1)});
  Initialize(*session_, "2024-11-05");
  Json call = SendTo(1, "x");
  call["params"]["_meta"] = {{"progressToken", 5}};
  const std::string id = Say(*session_, call);
  size_t heard = 0;
  client_.on_message = [&] {
    if (client_.progress.size() != 3 || heard != 0) return;
    heard = 3;
    loop_.Post([&] {
      heard = client_.progress.size();
      desk_.Settle(id, absl::OkStatus(), "done");
      loop_.After(absl::Milliseconds(20), [&] { loop_.Stop(); });
    });
  };
  loop_.Run();
  EXPECT_FALSE(client_.progress[0]["params"].contains("message"));  // 2024-11-05 has none.
  EXPECT_EQ(TextOf(client_.answers.back()), "done");
  EXPECT_EQ(client_.progress.size(), heard);
}

TEST_F(McpSessionTest, ArgumentsThatDoNotFitAreNamed) {
  Open();
  EXPECT_THAT(Answered(SendTo(1, "x", {{"message", 7}})), HasSubstr("\"message\" is no string"));
  EXPECT_THAT(Answered(SendTo(1, "x", {{"timeout", "5x"}})),
              HasSubstr("\"timeout\" is no integer"));
  EXPECT_THAT(Answered(SendTo(1, "x", {{"timeout", "inf"}})),
              HasSubstr("\"timeout\" is no integer"));
  EXPECT_THAT(Answered(SendTo(1, "x", {{"waitForLimit", 1}})),
              HasSubstr("\"waitForLimit\" is no boolean"));
  EXPECT_THAT(Answered(SendTo(1, "x", {{"message", nullptr}})),
              HasSubstr("\"message\" is missing"));
  EXPECT_THAT(Answered(SendTo(1, "x", {{"timeout", 0.5}})), HasSubstr("\"timeout\" is no integer"));
  EXPECT_THAT(Answered(SendTo(1, "x", {{"timeout", -2}})), HasSubstr("timeout must be"));
  EXPECT_THAT(Answered(SendTo(1, "x", {{"timeout", 1e300}})), HasSubstr("timeout must be"));
  EXPECT_THAT(Answered(SendTo(1, "x", {{"persist", true}})), HasSubstr("every answer is kept"));
  EXPECT_THAT(Answered(SendTo(1, "x", {{"ttlDays", 3}})), HasSubstr("every answer is kept"));
  EXPECT_THAT(Answered(SendTo(1, "x", {{"tiemout", 3}})), HasSubstr("Did you mean timeout?"));
  EXPECT_THAT(Answered(CallOf(1, "send_message", {{"toTeam", "app"}})),
              HasSubstr("\"message\" is missing"));
  EXPECT_THAT(Answered(CallOf(1, "team_wake", Json::object())), HasSubstr("\"team\" is missing"));
  EXPECT_THAT(desk_.open, IsEmpty());
}

TEST_F(McpSessionTest, WhatIsNoToolIsAProtocolError) {
  Open();
  Say(*session_, CallOf(1, "session_fork", Json::object()));
  Say(*session_, Request(2, "tools/call", {{"name", 3}}));
  Say(*session_, CallOf(3, "list_teams", Json::array()));
  for (const Json& answer : client_.answers) EXPECT_EQ(CodeOf(answer), kInvalidParams);
  Say(*session_, Request(4, "resources/list"));
  EXPECT_EQ(CodeOf(client_.answers.back()), kMethodNotFound);
}

TEST_F(McpSessionTest, EveryMessageIsSettledWhateverItIs) {
  Open();
  std::vector<std::string> said;
  said.push_back(Say(*session_, Json("rubbish")));
  said.push_back(Say(*session_, {{"jsonrpc", "2.0"}, {"method", "notifications/initialized"}}));
  said.push_back(Say(*session_, {{"jsonrpc", "2.0"}, {"id", 1}, {"result", Json::object()}}));
  said.push_back(Say(*session_, Request(1, "nonsense")));
  EXPECT_EQ(client_.settled, said);
  EXPECT_EQ(client_.answers.size(), 2u);
  EXPECT_EQ(client_.answers.at(0)["id"], nullptr);
}

TEST_F(McpSessionTest, WhatComesAfterTheClientHasGoneIsForNobody) {
  Open();
  const std::string id = Say(*session_, SendTo(1, "x"));
  Say(*session_, CallOf(2, "team_wake", {{"team", "app"}, {"fromTeam", "web"}}));
  session_.reset();
  EXPECT_FALSE(desk_.followed(id));
  desk_.wake_done(v1::WakeResponse());
  EXPECT_THAT(client_.answers, IsEmpty());
}

TEST_F(McpSessionTest, ACoordinatorThatLeavesAnswersWhatWaits) {
  Open();
  Say(*session_, SendTo(1, "x"));
  Say(*session_, CallOf("w", "team_wake", {{"team", "app"}, {"fromTeam", "web"}}));
  session_->Close(MakeFailure(v1::FAILURE_DROPPED, "the coordinator was stopped"));
  ASSERT_EQ(client_.answers.size(), 2u);
  for (const Json& answer : client_.answers) {
    EXPECT_THAT(TextOf(answer), StartsWith("error: dropped: the coordinator was stopped"));
  }
  EXPECT_EQ(session_->open_calls(), 0u);
}

}  // namespace
}  // namespace iris
