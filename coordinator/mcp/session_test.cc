#include "coordinator/mcp/session.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "coordinator/store/store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// A coordinator with the teams app and web. A tell stays open until the test settles it, unless its
// text is "known": that one was answered in an earlier life.
class FakeDesk : public McpDesk {
 public:
  struct Open {
    TellSpec spec;
    TellObserver* observer = nullptr;
  };

  absl::Status Tell(TellSpec spec, TellObserver* observer) override {
    if (spec.to == "full") return MakeFailure(v1::FAILURE_BUSY_LIMIT, "too many wait");
    const std::string id = spec.tell_id;
    const bool known = spec.text == "known";
    open[id] = {std::move(spec), observer};
    observer->OnAccepted("session");
    if (known) Settle(id, absl::OkStatus(), "as before");
    return absl::OkStatus();
  }
  absl::Status Follow(const std::string& tell_id, const std::string& caller,
                      TellObserver* observer) override {
    asked = caller + " follows " + tell_id;
    if (tell_id == "none") return MakeFailure(v1::FAILURE_BAD_REQUEST, "there is no message");
    observer->OnAccepted("session");
    open[tell_id].observer = observer;
    if (tell_id == "settled") Settle(tell_id, absl::OkStatus(), "as before");
    return absl::OkStatus();
  }
  absl::StatusOr<v1::TellSummary> Find(const std::string& tell_id,
                                       const std::string& caller) override {
    asked = caller + " looks at " + tell_id;
    if (tell_id == "none") return MakeFailure(v1::FAILURE_BAD_REQUEST, "there is no message");
    return summary;
  }
  absl::StatusOr<v1::ListTellsResponse> List(const std::string&, bool) override { return list; }
  absl::StatusOr<std::vector<Store::WaitingAnswer>> Unfetched(const std::string& from) override {
    return unfetched[from];
  }
  void Cancel(const std::string& tell_id, const std::string& caller, CancelDone done) override {
    asked = caller + " cancels " + tell_id;
    cancel_done = std::move(done);
  }
  void RemoveObserver(const std::string& tell_id, TellObserver* observer) override {
    if (const auto found = open.find(tell_id); found != open.end()) {
      EXPECT_EQ(found->second.observer, observer);
      found->second.observer = nullptr;
    }
  }
  void Wake(const std::string& from, const std::string& to, WakeDone done) override {
    asked = from + " wakes " + to;
    wake_done = std::move(done);
  }
  void Sleep(const std::string& from, const std::string& to, bool force, SleepDone done) override {
    asked = from + " sends " + to + (force ? " to sleep at once" : " to sleep");
    sleep_done = std::move(done);
  }
  absl::StatusOr<v1::ListTeamsResponse> Teams() override {
    if (!config.ok()) return config;
    v1::ListTeamsResponse teams;
    for (const char* name : {"app", "web"}) teams.add_teams()->set_name(name);
    teams.mutable_teams(0)->set_description("the app");
    teams.mutable_teams(0)->set_path("/src/app");
    teams.mutable_teams(1)->set_remote("ssh gpu1");
    return teams;
  }
  void Status(StatusDone done) override { done(status); }

  void Settle(const std::string& id, const absl::Status& outcome, const std::string& answer) {
    TellObserver* const observer = open.at(id).observer;
    open.erase(id);
    if (observer == nullptr) return;
    observer->OnSettled({.status = outcome, .answer = std::make_shared<const std::string>(answer)});
  }
  bool followed(const std::string& id) { return open.at(id).observer != nullptr; }

  std::map<std::string, Open> open;
  absl::Status config;
  v1::GetStatusResponse status;
  std::string asked;
  v1::TellSummary summary;
  v1::ListTellsResponse list;
  std::map<std::string, std::vector<Store::WaitingAnswer>> unfetched;
  WakeDone wake_done;
  SleepDone sleep_done;
  CancelDone cancel_done;
};

// What one client hears.
class Client : public McpSink {
 public:
  void Send(McpOutgoing message) override {
    std::string text;
    while (!message.done()) text += message.NextPiece();
    if (!message.settles.empty()) settled.push_back(message.settles);
    if (message.opening) opening = message.settles;
    if (!message.outcome_of.empty()) outcomes_of.push_back(message.outcome_of);
    if (text.empty()) return;
    Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    EXPECT_TRUE(json.is_object()) << text;
    EXPECT_EQ(message.is_progress, json.value("method", "") == "notifications/progress");
    (message.is_progress ? progress : answers).push_back(std::move(json));
    if (on_message) on_message();
  }

  std::vector<Json> answers;
  std::vector<Json> progress;
  std::vector<std::string> settled;
  std::vector<std::string> outcomes_of;
  std::string opening;
  std::function<void()> on_message;
};

// Everything but the timers runs on the test's thread: the loop starts when a test waits.
class McpSessionTest : public ::testing::Test {
 protected:
  std::unique_ptr<McpSession> NewSession(Client& client, McpOptions options = {}) {
    return std::make_unique<McpSession>(loop_, desk_, client, options);
  }
  // Returns the id under which the message, and its tell, is known.
  static std::string Say(McpSession& session, const Json& message,
                         absl::Duration age = absl::ZeroDuration()) {
    const std::string id = NewUuid();
    session.Take({.id = id, .age = age, .incoming = ParseMcp(message.dump())});
    return id;
  }
  static Json Request(Json id, const std::string& method, Json params = Json::object()) {
    return {{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}};
  }
  static Json CallOf(Json id, const std::string& tool, Json arguments) {
    return Request(id, "tools/call", {{"name", tool}, {"arguments", arguments}});
  }
  static Json SendTo(Json id, const std::string& text, Json more = Json::object()) {
    Json arguments = {{"toTeam", "app"}, {"fromTeam", "web"}, {"message", text}};
    arguments.update(more);
    return CallOf(id, "send_message", arguments);
  }
  std::string Initialize(McpSession& session, const std::string& version = "2025-11-25") {
    return Say(session, Request("init", "initialize", {{"protocolVersion", version}}));
  }
  static Json AboutTell(Json id, const std::string& tool, const std::string& tell_id,
                        Json more = Json::object()) {
    Json arguments = {{"tellId", tell_id}, {"fromTeam", "web"}};
    arguments.update(more);
    return CallOf(id, tool, arguments);
  }
  void Open() {
    session_ = NewSession(client_);
    Initialize(*session_);
    client_.answers.clear();
    client_.settled.clear();
  }
  // The answer to the only request, in the form "text" or "error: text".
  static std::string TextOf(const Json& answer, const std::string& note = "") {
    const Json& result = answer.at("result");
    EXPECT_EQ(result.at("content").size(), note.empty() ? 1u : 2u);
    const Json& content = result.at("content");
    EXPECT_EQ(content.size() == 1 ? "" : content.at(1).at("text").get<std::string>(), note);
    EXPECT_FALSE(result.contains("structuredContent"));
    const std::string text = result.at("content").at(0).at("text").get<std::string>();
    return result.value("isError", false) ? "error: " + text : text;
  }
  std::string Answered(const Json& call) {
    client_.answers.clear();
    Say(*session_, call);
    EXPECT_EQ(client_.answers.size(), 1u) << call;
    return client_.answers.empty() ? "" : TextOf(client_.answers.at(0));
  }
  static int CodeOf(const Json& answer) { return answer.at("error").at("code").get<int>(); }
  // Runs the loop until the client has heard something.
  void RunUntilHeard(Client& client) {
    client.on_message = [this] { loop_.Stop(); };
    bool late = false;
    loop_.After(absl::Minutes(1), [&] {
      late = true;
      loop_.Stop();
    });
    loop_.Run();
    EXPECT_FALSE(late);
  }

  EventLoop loop_;
  FakeDesk desk_;
  Client client_;
  std::unique_ptr<McpSession> session_;
};

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
    }
  }
  EXPECT_THAT(
      names, ElementsAre("send_message", "ask_message", "quick_message", "tell_status", "tell_wait",
                         "tell_cancel", "list_teams", "team_status", "team_wake", "team_sleep"));
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

TEST_F(McpSessionTest, WhoIsNoTeamDoesNotSpeak) {
  Open();
  for (const char* from : {"nobody", "cli", ""}) {
    EXPECT_THAT(Answered(SendTo(1, "x", {{"fromTeam", from}})),
                AllOf(StartsWith("error: bad_request: fromTeam"), HasSubstr("app, web")));
  }
  for (const char* tool : {"team_wake", "team_sleep", "team_status"}) {
    EXPECT_THAT(Answered(CallOf(1, tool, {{"team", "app"}, {"fromTeam", "wep"}})),
                HasSubstr("Did you mean web?"));
  }
  EXPECT_THAT(desk_.open, IsEmpty());
  EXPECT_EQ(desk_.asked, "");
}

TEST_F(McpSessionTest, ArgumentsThatDoNotFitAreNamed) {
  Open();
  EXPECT_THAT(Answered(SendTo(1, "x", {{"message", 7}})), HasSubstr("\"message\" is no string"));
  EXPECT_THAT(Answered(SendTo(1, "x", {{"timeout", "5"}})), HasSubstr("\"timeout\" is no integer"));
  EXPECT_THAT(Answered(SendTo(1, "x", {{"timeout", 0.5}})), HasSubstr("\"timeout\" is no integer"));
  EXPECT_THAT(Answered(SendTo(1, "x", {{"timeout", -2}})), HasSubstr("timeout must be"));
  EXPECT_THAT(Answered(SendTo(1, "x", {{"timeout", 1e300}})), HasSubstr("timeout must be"));
  EXPECT_THAT(Answered(SendTo(1, "x", {{"persist", true}})), HasSubstr("not built yet"));
  EXPECT_THAT(Answered(SendTo(1, "x", {{"ttlDays", 3}})), HasSubstr("not built yet"));
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

TEST_F(McpSessionTest, TeamsAreListedForTheModelToRead) {
  Open();
  const Json teams = Json::parse(Answered(CallOf(1, "list_teams", Json::object())))["teams"];
  EXPECT_EQ(teams[0], Json({{"name", "app"}, {"description", "the app"}, {"path", "/src/app"}}));
  EXPECT_EQ(teams[1]["remote"], "ssh gpu1");
  desk_.config = MakeFailure(v1::FAILURE_BAD_REQUEST, "config.json:3: trailing comma");
  EXPECT_THAT(Answered(CallOf(1, "list_teams", Json::object())), HasSubstr("trailing comma"));
}

TEST_F(McpSessionTest, StatusShowsTheCallersOwnSessions) {
  Open();
  v1::LinkStatus* link = desk_.status.add_links();
  link->set_key("me@gpu1:22");
  link->add_teams("web");
  link->set_state("down");
  link->mutable_failure()->set_kind(v1::FAILURE_AUTH);
  link->mutable_failure()->set_detail("Permission denied");
  for (const char* from : {"app", "web"}) {
    v1::SessionStatus* session = desk_.status.add_sessions();
    session->set_from(from);
    session->set_to("app");
    session->set_state(std::string(from) == "web" ? "busy" : "stopped");
    session->set_tells_waiting(3);
  }
  const Json all = Json::parse(Answered(CallOf(1, "team_status", {{"fromTeam", "web"}})))["teams"];
  EXPECT_EQ(all[0]["team"], "app");
  EXPECT_EQ(all[0]["host"], "local");
  EXPECT_EQ(all[0]["session"], "busy");
  EXPECT_EQ(all[0]["waiting"], 3);
  EXPECT_EQ(all[1]["host"], "me@gpu1:22");
  EXPECT_THAT(all[1]["problem"].get<std::string>(), StartsWith("auth: Permission denied"));
  EXPECT_EQ(all[1]["session"], "none");

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
  EXPECT_THAT(Answered(AboutTell(2, "tell_wait", "open", {{"timeout", -1}})),
              StartsWith("error: timeout: there is no answer yet; the team goes on with message"));
  EXPECT_FALSE(desk_.followed("open"));
  EXPECT_THAT(Answered(AboutTell(3, "tell_wait", "open", {{"timeout", -2}})),
              HasSubstr("timeout must be"));
  client_.answers.clear();
  Say(*session_, AboutTell(4, "tell_wait", "open", {{"timeout", 1}}));
  RunUntilHeard(client_);
  EXPECT_THAT(TextOf(client_.answers.at(0)), StartsWith("error: timeout: no answer within 1 ms"));
  EXPECT_FALSE(desk_.followed("open"));
}

TEST_F(McpSessionTest, TheStateOfAMessageIsForTheModelToRead) {
  Open();
  desk_.summary.set_tell_id("t");
  desk_.summary.set_to("app");
  desk_.summary.set_state("running");
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
  desk_.summary.set_state("settled");
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
  EXPECT_EQ(cancelled(true, v1::FAILURE_CANCELLED)["ended"], "before: cancelled");
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
  session->set_state("busy");
  session->set_tell_in_flight("t1");
  session->set_tells_waiting(2);
  session->set_stall("the model has not answered for 40 s");
  for (const char* state : {"running", "queued", "settled"}) {
    v1::TellSummary* tell = desk_.list.add_tells();
    tell->set_tell_id(state);
    tell->set_to("app");
    tell->set_state(state);
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
