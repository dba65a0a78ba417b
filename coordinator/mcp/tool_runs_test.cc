#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/desk/state_named.h"
#include "coordinator/mcp/session_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(McpSessionTest, TeamsAreListedForTheModelToRead) {
  Open();
  const Json teams = Json::parse(Answered(CallOf(1, "list_teams", Json::object())))["teams"];
  EXPECT_EQ(teams[0], Json({{"name", "app"}, {"description", "the app"}, {"path", "/src/app"}}));
  EXPECT_EQ(teams[1]["remote"], "ssh gpu1");
  desk_.config = MakeFailure(v1::FAILURE_BAD_REQUEST, "config.json:3: trailing comma");
  EXPECT_THAT(Answered(CallOf(1, "list_teams", Json::object())), HasSubstr("trailing comma"));
}

TEST_F(McpSessionTest, StructuredOutputIsStructuredContentBesideTheText) {
  Open();
  const std::string answer = "all\n\n{\"sum\":3}";
  const std::string id = Say(*session_, SendTo(1, "x"));
  desk_.Settle(id, absl::OkStatus(), answer, /*structured_bytes=*/9);
  const Json result = client_.answers.at(0).at("result");
  EXPECT_EQ(result["content"][0]["text"], answer);
  EXPECT_EQ(result["structuredContent"], Json({{"answer", answer}, {"structured", {{"sum", 3}}}}));

  // What is no JSON, and what would not fit into one piece of memory, is text alone.
  for (const std::string& text :
       {std::string("{\"sum\":"), std::string(1 << 20, ' ') + "{\"sum\":3}"}) {
    client_.answers.clear();
    const std::string next = Say(*session_, SendTo(2, "x"));
    desk_.Settle(next, absl::OkStatus(), text, 7);
    EXPECT_EQ(TextOf(client_.answers.at(0)), text);
  }
}

TEST_F(McpSessionTest, WhatATurnCostAndWasDeniedStandsBesideItsAnswer) {
  v1::TurnAccount account;
  account.set_tools(2);
  account.set_cost_micro_usd(84'210);
  account.set_denials(1);
  account.add_denied()->set_name("Bash");
  account.mutable_denied(0)->set_input("npm test");
  Open();
  desk_.unfetched["web"] = {{"t1", "app"}};
  const std::string id = Say(*session_, SendTo(1, "x"));
  desk_.Settle(id, absl::OkStatus(), "done", 0, account);
  const Json result = client_.answers.at(0).at("result");
  EXPECT_EQ(result["content"][0]["text"], "done");
  const auto note = result["content"][1]["text"].get<std::string>();
  EXPECT_THAT(note,
              AllOf(StartsWith("1 use of a tool was denied: Bash: npm test."),
                    HasSubstr("\"grantPermission\": \"ask\""), HasSubstr("\n1 answer waits")));
  // All of it, for clients that show nothing else.
  EXPECT_EQ(result["structuredContent"]["answer"], "done");
  EXPECT_EQ(result["structuredContent"]["turn"]["tools"], 2);
  EXPECT_EQ(result["structuredContent"]["turn"]["costUsd"], 0.08421);
  EXPECT_EQ(result["structuredContent"]["turn"]["denied"][0]["input"], "npm test");
  EXPECT_EQ(result["structuredContent"]["note"], note);

  // A long answer is not held twice, and a failure is in the text alone; what was denied is said.
  desk_.unfetched.clear();
  client_.answers.clear();
  desk_.Settle(Say(*session_, SendTo(2, "x")), absl::OkStatus(), std::string(70'000, 'x'), 0,
               account);
  desk_.Settle(Say(*session_, SendTo(3, "x")), MakeFailure(v1::FAILURE_CLAUDE_ERROR, "no"), "part",
               0, account);
  for (const Json& answer : client_.answers) {
    EXPECT_FALSE(answer["result"].contains("structuredContent"));
    EXPECT_THAT(answer["result"]["content"][1]["text"].get<std::string>(), HasSubstr("npm test"));
  }
}

TEST_F(McpSessionTest, WhatAMessageCostIsInItsStatus) {
  Open();
  desk_.summary.set_state(v1::TellSummary::SETTLED);
  desk_.summary.mutable_account()->set_tools(2);
  EXPECT_EQ(Json::parse(Answered(AboutTell(1, "tell_status", "T1")))["turn"], Json({{"tools", 2}}));
  EXPECT_EQ(desk_.asked, "web looks at t1") << "an id has small letters";
}

TEST_F(McpSessionTest, AMessageWaitsForALimitWhereItsSenderAsksForIt) {
  Open();
  const std::string one = Say(*session_, SendTo(1, "x")),
                    other = Say(*session_, SendTo(2, "x", {{"waitForLimit", true}})),
                    no = Say(*session_, SendTo(3, "x", {{"waitForLimit", false}}));
  EXPECT_FALSE(desk_.open.at(one).spec.wait_for_limit);
  EXPECT_TRUE(desk_.open.at(other).spec.wait_for_limit);
  EXPECT_FALSE(desk_.open.at(no).spec.wait_for_limit);
  EXPECT_THAT(Answered(SendTo(4, "x", {{"waitForLimit", "yes"}})),
              HasSubstr("\"waitForLimit\" is no boolean"));
}

TEST_F(McpSessionTest, AMessageIsLeftForAHostThatIsAwayWhereNobodyWaitsOrItsSenderSaysSo) {
  Open();
  const auto waits_for_host = [this](const Json& call) {
    return desk_.open.at(Say(*session_, call)).spec.wait_for_host;
  };
  EXPECT_FALSE(waits_for_host(SendTo(1, "x")));
  EXPECT_FALSE(waits_for_host(SendTo(2, "x", {{"timeout", 20000}})));
  EXPECT_TRUE(waits_for_host(SendTo(3, "x", {{"whenAway", "wait"}})));
  EXPECT_TRUE(waits_for_host(SendTo(4, "x", {{"timeout", -1}})));
  EXPECT_FALSE(waits_for_host(SendTo(5, "x", {{"timeout", -1}, {"whenAway", "fail"}})));
  EXPECT_TRUE(waits_for_host(
      CallOf(6, "quick_message", {{"fromTeam", "web"}, {"toTeam", "app"}, {"message", "x"}})));
  EXPECT_FALSE(waits_for_host(SendTo(7, "x", {{"whenAway", ""}})));
  EXPECT_THAT(Answered(SendTo(8, "x", {{"whenAway", "later"}})),
              HasSubstr("\"whenAway\" is none of wait, fail"));
}

TEST_F(McpSessionTest, StatusShowsTheCallersOwnSessions) {
  Open();
  v1::LinkStatus* link = desk_.status.add_links();
  link->set_key("me@gpu1:22");
  link->add_teams("web");
  link->set_state(v1::LinkStatus::DOWN);
  link->mutable_failure()->set_kind(v1::FAILURE_AUTH);
  link->mutable_failure()->set_detail("Permission denied");
  for (const char* from : {"app", "web"}) {
    v1::SessionStatus* session = desk_.status.add_sessions();
    session->set_from(from);
    session->set_to("app");
    session->set_state(std::string(from) == "web" ? v1::SessionStatus::BUSY
                                                  : v1::SessionStatus::STOPPED);
    session->set_tells_waiting(3);
    session->set_env_from("front end");
    session->add_env_names("GH_TOKEN");
    session->add_env_lacks("BIG_TOKEN");
  }
  const Json all = Json::parse(Answered(CallOf(1, "team_status", {{"fromTeam", "web"}})))["teams"];
  EXPECT_EQ(all[0]["team"], "app");
  EXPECT_EQ(all[0]["host"], "local");
  EXPECT_EQ(all[0]["session"], "busy");
  EXPECT_EQ(all[0]["waiting"], 3);
  EXPECT_EQ(all[1]["host"], "me@gpu1:22");
  EXPECT_THAT(all[1]["problem"].get<std::string>(), StartsWith("auth: Permission denied"));
  EXPECT_EQ(all[1]["session"], "none");
  EXPECT_EQ(all[0]["environment"],
            Json::object({{"of", "front end"}, {"lacks", Json::array({"BIG_TOKEN"})}}));
  const Json app = Json::parse(
      Answered(CallOf(1, "team_status", {{"fromTeam", "web"}, {"team", "app"}})))["teams"][0];
  EXPECT_EQ(app["environment"]["variables"], Json::array({"GH_TOKEN"}));

  const Json one = Json::parse(
      Answered(CallOf(1, "team_status", {{"fromTeam", "web"}, {"team", "web"}})))["teams"];
  EXPECT_EQ(one.size(), 1u);
  EXPECT_THAT(Answered(CallOf(1, "team_status", {{"fromTeam", "web"}, {"team", "wep"}})),
              StartsWith("error: bad_request: "));
}

TEST_F(McpSessionTest, WakingAndSleepingAnswerWhenTheyAreDone) {
  Open();
  Json wake = CallOf(1, "team_wake", {{"team", "app"}, {"fromTeam", "web"}});
  wake["params"]["_meta"] = {{"progressToken", 1}};
  Say(*session_, wake);
  EXPECT_EQ(desk_.asked, "web wakes app");
  EXPECT_EQ(client_.progress.at(0)["params"]["message"], "waking app");
  v1::WakeResponse woken;
  woken.set_child_pid(42);
  desk_.wake_done(woken);
  EXPECT_EQ(Json::parse(TextOf(client_.answers.at(0)))["childPid"], 42);

  Say(*session_, CallOf(1, "team_sleep", {{"team", "app"}, {"fromTeam", "web"}, {"force", true}}));
  EXPECT_EQ(desk_.asked, "web sends app to sleep at once");
  desk_.sleep_done(MakeFailure(v1::FAILURE_BUSY_LIMIT, "a tell is open"));
  EXPECT_THAT(TextOf(client_.answers.at(1)), StartsWith("error: busy_limit: a tell is open"));
}

TEST_F(McpSessionTest, WaitingForAMessageReturnsItsAnswerAsSendingItWould) {
  Open();
  EXPECT_EQ(Answered(AboutTell(1, "tell_wait", "settled")), "as before");
  EXPECT_EQ(desk_.asked, "web follows settled");
  EXPECT_TRUE(desk_.follower_waits);
  EXPECT_THAT(client_.outcomes_of, ElementsAre("settled"));

  client_.answers.clear();
  Json call = AboutTell(2, "tell_wait", "open");
  call["params"]["_meta"] = {{"progressToken", "tok"}};
  Say(*session_, call);
  v1::TellProgress progress;
  progress.set_text("at it");
  desk_.open.at("open").observer->OnProgress(progress);
  EXPECT_EQ(client_.progress.at(0)["params"]["message"], "at it");
  desk_.Settle("open", MakeFailure(v1::FAILURE_CHILD_EXITED, "signal 9", "Again."), "half");
  EXPECT_EQ(TextOf(client_.answers.at(0)),
            "error: child_exited: signal 9\nfix: Again.\n\nThe answer so far:\nhalf");
  EXPECT_THAT(Answered(AboutTell(3, "tell_wait", "none")), StartsWith("error: bad_request: "));
  EXPECT_THAT(client_.outcomes_of, ElementsAre("settled", "open"));
}

TEST_F(McpSessionTest, WhoWaitsForAMessageMayWaitALittleOrNotAtAll) {
  Open();
  EXPECT_EQ(Answered(AboutTell(1, "tell_wait", "settled", {{"timeout", -1}})), "as before");
  EXPECT_THAT(
      Answered(AboutTell(2, "tell_wait", "open", {{"timeout", -1}})),
      StartsWith("error: timeout: there is no answer yet; the team keeps working on message"));
  EXPECT_FALSE(desk_.followed("open"));
  EXPECT_FALSE(desk_.follower_waits);
  EXPECT_THAT(Answered(AboutTell(3, "tell_wait", "open", {{"timeout", -2}})),
              HasSubstr("timeout must be"));
  client_.answers.clear();
  Say(*session_, AboutTell(4, "tell_wait", "open", {{"timeout", 1}}));
  RunUntilHeard(client_);
  EXPECT_THAT(TextOf(client_.answers.at(0)), StartsWith("error: timeout: no answer within 1 ms"));
  EXPECT_FALSE(desk_.follower_waits);
  EXPECT_FALSE(desk_.followed("open"));
}

TEST_F(McpSessionTest, TheStateOfAMessageIsForTheModelToRead) {
  Open();
  desk_.summary.set_tell_id("t");
  desk_.summary.set_to("app");
  desk_.summary.set_state(v1::TellSummary::RUNNING);
  desk_.summary.set_answer_bytes(7);
  desk_.summary.set_preview("do it");
  desk_.summary.mutable_progress()->set_text("at it");
  v1::SessionStatus* session = desk_.status.add_sessions();
  session->set_tell_in_flight("t");
  session->set_stall("a tool runs: Bash");
  Json status = Json::parse(Answered(AboutTell(1, "tell_status", "t")));
  EXPECT_EQ(desk_.asked, "web looks at t");
  EXPECT_EQ(status["state"], "running");
  EXPECT_EQ(status["doing"], "at it");
  EXPECT_EQ(status["stall"], "a tool runs: Bash");
  EXPECT_EQ(status["answerBytes"], 7);
  EXPECT_EQ(status["message"], "do it");
  EXPECT_FALSE(status.contains("failure"));
  EXPECT_FALSE(status.contains("fetched"));

  session->clear_tell_in_flight();
  desk_.summary.set_state(v1::TellSummary::SETTLED);
  desk_.summary.clear_progress();
  desk_.summary.mutable_failure()->set_kind(v1::FAILURE_CANCELLED);
  status = Json::parse(Answered(AboutTell(1, "tell_status", "t")));
  EXPECT_THAT(status["failure"].get<std::string>(), StartsWith("cancelled: "));
  EXPECT_EQ(status["fetched"], false);
  EXPECT_FALSE(status.contains("stall"));
  EXPECT_THAT(client_.outcomes_of, IsEmpty());
}

TEST_F(McpSessionTest, CancellingAMessageAnswersWhenItIsOver) {
  Open();
  const auto cancelled = [&](bool was_settled, FailureKind kind) {
    client_.answers.clear();
    Say(*session_, AboutTell(1, "tell_cancel", "t"));
    EXPECT_THAT(client_.answers, IsEmpty());
    v1::CancelTellOfResponse response;
    response.set_was_settled(was_settled);
    if (kind != v1::FAILURE_UNSPECIFIED) response.mutable_failure()->set_kind(kind);
    desk_.cancel_done(response);
    return Json::parse(TextOf(client_.answers.at(0)));
  };
  EXPECT_EQ(cancelled(false, v1::FAILURE_CANCELLED), Json({{"tellId", "t"}, {"cancelled", true}}));
  EXPECT_EQ(desk_.asked, "web cancels t");
  EXPECT_EQ(cancelled(false, v1::FAILURE_UNSPECIFIED)["ended"], "by itself: answered");
  EXPECT_EQ(cancelled(true, v1::FAILURE_CANCELLED)["ended"], "before the cancel: cancelled");
  EXPECT_EQ(cancelled(true, v1::FAILURE_CANCELLED)["cancelled"], false);
}

TEST_F(McpSessionTest, AnswersThatWaitAreToldOfOnceWhateverIsCalled) {
  Open();
  const std::string gets = ". tell_wait with the id as tellId gets it.";
  desk_.unfetched["web"] = {{"t1", "app"}};
  desk_.unfetched["app"] = {{"t9", "web"}};
  const auto note = [&](const Json& call) {
    client_.answers.clear();
    Say(*session_, call);
    const Json& content = client_.answers.at(0)["result"]["content"];
    return content.size() == 1 ? "" : content[1]["text"].get<std::string>();
  };
  const Json status = CallOf(1, "team_status", {{"fromTeam", "web"}});
  EXPECT_EQ(note(CallOf(1, "list_teams", Json::object())), "");  // For nobody.
  EXPECT_EQ(note(status), "1 answer waits: t1 from app" + gets);
  EXPECT_EQ(note(status), "");
  desk_.unfetched["web"] = {{"t1", "app"}, {"t2", "app"}, {"t3", "web"}};
  EXPECT_EQ(note(AboutTell(1, "tell_wait", "none")),
            "2 answers wait: t2 from app, t3 from web" + gets);
  EXPECT_EQ(note(status), "");
  EXPECT_EQ(note(CallOf(1, "team_status", {{"fromTeam", "app"}})),
            "1 answer waits: t9 from web" + gets);
  // Another client is told as well, and what speaks for no team is told of nothing.
  Open();
  EXPECT_EQ(note(CallOf(1, "team_status", {{"fromTeam", "nobody"}})), "");
  EXPECT_EQ(note(status), "3 answers wait: t1 from app, t2 from app, t3 from web" + gets);
}

TEST_F(McpSessionTest, TheAnswerThatIsGivenIsNotToldOf) {
  Open();
  const std::string id = Say(*session_, SendTo(1, "x"));
  desk_.unfetched["web"] = {{id, "app"}, {"other", "app"}};
  desk_.Settle(id, absl::OkStatus(), "done");
  EXPECT_EQ(TextOf(client_.answers.at(0),
                   "1 answer waits: other from app. tell_wait with the id as tellId gets it."),
            "done");
  // Nor later, while it is on its way.
  EXPECT_EQ(Answered(SendTo(2, "known")), "as before");
}

TEST_F(McpSessionTest, ManyAnswersThatWaitAreCountedAndTenOfThemNamed) {
  Open();
  for (int i = 0; i < 11; ++i) desk_.unfetched["web"].push_back({"t" + std::to_string(i), "app"});
  client_.answers.clear();
  Say(*session_, CallOf(1, "team_status", {{"fromTeam", "web"}}));
  const auto note = client_.answers.at(0)["result"]["content"][1]["text"].get<std::string>();
  EXPECT_THAT(note, AllOf(StartsWith("11 answers wait: t0 from app, "), HasSubstr("t9 from app, …"),
                          Not(HasSubstr("t10"))));
}

TEST_F(McpSessionTest, OpenMessagesAndStallsAreShownWithTheTeams) {
  Open();
  v1::SessionStatus* session = desk_.status.add_sessions();
  session->set_from("web");
  session->set_to("app");
  session->set_state(v1::SessionStatus::BUSY);
  session->set_tell_in_flight("t1");
  session->set_tells_waiting(2);
  session->set_stall("the model has not answered for 40 s");
  for (const char* state : {"running", "queued", "settled"}) {
    v1::TellSummary* tell = desk_.list.add_tells();
    tell->set_tell_id(state);
    tell->set_to("app");
    tell->set_state(StateNamed<v1::TellSummary::State>(state));
  }
  const Json listed = Json::parse(Answered(CallOf(1, "list_teams", Json::object())))["teams"];
  EXPECT_EQ(listed[0]["openMessages"], 3);
  EXPECT_EQ(listed[0]["stall"], "the model has not answered for 40 s");
  EXPECT_FALSE(listed[1].contains("openMessages"));

  const Json status =
      Json::parse(Answered(CallOf(1, "team_status", {{"fromTeam", "web"}})))["teams"];
  EXPECT_EQ(status[0]["stall"], "the model has not answered for 40 s");
  EXPECT_EQ(status[0]["open"], Json({"running", "queued"}));
  EXPECT_EQ(status[0]["answersWaiting"], Json({"settled"}));
  EXPECT_FALSE(status[1].contains("open"));
}

}  // namespace
}  // namespace iris
