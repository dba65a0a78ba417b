#ifndef IRIS_COORDINATOR_MCP_SESSION_FIXTURE_H_
#define IRIS_COORDINATOR_MCP_SESSION_FIXTURE_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "coordinator/desk/desk.h"
#include "coordinator/mcp/client.h"
#include "coordinator/mcp/client_message.h"
#include "coordinator/mcp/message.h"
#include "coordinator/mcp/outgoing.h"
#include "coordinator/mcp/session.h"
#include "coordinator/mcp/sink.h"
#include "coordinator/store/store.h"
#include "gtest/gtest.h"

namespace iris {

// A coordinator with the teams app and web. A tell stays open until the test settles it, unless its
// text is "known": that one was answered in an earlier life.
class FakeDesk : public Desk {
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
  absl::Status Follow(const std::string& tell_id, const Visitor& visitor, bool asker_waits,
                      TellObserver* observer) override {
    asked = visitor.caller.name() + " follows " + tell_id;
    follower_waits = asker_waits;
    if (tell_id == "none") return MakeFailure(v1::FAILURE_BAD_REQUEST, "there is no message");
    observer->OnAccepted("session");
    open[tell_id].observer = observer;
    if (tell_id == "settled") Settle(tell_id, absl::OkStatus(), "as before");
    return absl::OkStatus();
  }
  absl::StatusOr<v1::TellSummary> Find(const std::string& tell_id, const Caller& caller) override {
    asked = caller.name() + " looks at " + tell_id;
    if (tell_id == "none") return MakeFailure(v1::FAILURE_BAD_REQUEST, "there is no message");
    return summary;
  }
  absl::StatusOr<v1::ListTellsResponse> List(const Caller&, bool,
                                             const SharedEnvironment&) override {
    return list;
  }
  absl::StatusOr<std::vector<Store::WaitingAnswer>> Unread(const Caller& from) override {
    return unfetched[from.name()];
  }
  absl::Status MarkRead(const std::string&, const Caller&) override { return absl::OkStatus(); }
  void Cancel(const std::string& tell_id, const Visitor& visitor, CancelDone done) override {
    asked = visitor.caller.name() + " cancels " + tell_id;
    cancel_done = std::move(done);
  }
  void AnswerPermission(const v1::AnswerPermissionRequest&, AnswerDone done) override {
    done(MakeFailure(v1::FAILURE_BAD_REQUEST, "no tool answers for a person"));
  }
  void RemoveObserver(const std::string& tell_id, TellObserver* observer) override {
    if (const auto found = open.find(tell_id); found != open.end()) {
      EXPECT_EQ(found->second.observer, observer);
      found->second.observer = nullptr;
    }
  }
  void Wake(const Visitor& visitor, const std::string& to, bool takeover, WakeDone done) override {
    EXPECT_FALSE(takeover) << "no tool takes over for a person";
    asked = visitor.caller.name() + " wakes " + to;
    wake_done = std::move(done);
  }
  void Sleep(const Visitor& visitor, const std::string& to, bool force, SleepDone done) override {
    asked = visitor.caller.name() + " sends " + to + (force ? " to sleep at once" : " to sleep");
    sleep_done = std::move(done);
  }
  absl::StatusOr<v1::ListTeamsResponse> Teams(const Visitor&) override {
    if (!config.ok()) return config;
    v1::ListTeamsResponse teams;
    for (const char* name : {"app", "web"}) teams.add_teams()->set_name(name);
    teams.mutable_teams(0)->set_description("the app");
    teams.mutable_teams(0)->set_path("/src/app");
    teams.mutable_teams(1)->set_remote("ssh gpu1");
    return teams;
  }
  absl::Status ConfigProblem(const SharedEnvironment&) override { return config_problem; }
  void Status(StatusDone done) override { done(status); }
  void Stop(const StopSpec&, StopDone) override { FAIL() << "no tool stops the coordinator"; }

  void Settle(const std::string& id, const absl::Status& outcome, const std::string& answer,
              size_t structured_bytes = 0, const v1::TurnAccount& account = {}) {
    TellObserver* const observer = open.at(id).observer;
    open.erase(id);
    if (observer == nullptr) return;
    observer->OnSettled({.status = outcome,
                         .answer = std::make_shared<const std::string>(answer),
                         .structured_bytes = structured_bytes,
                         .account = account});
  }
  bool followed(const std::string& id) { return open.at(id).observer != nullptr; }

  std::map<std::string, Open> open;
  absl::Status config;
  absl::Status config_problem;
  // Of the next client, as its front end says. Empty: each call says it.
  std::string caller;
  std::vector<std::string> also;
  v1::GetStatusResponse status;
  std::string asked;
  bool follower_waits = false;  // The last one, as long as it takes.
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
    if (message.lacks_text()) {
      message.PutBack(std::make_shared<std::string>(message.text_bytes(), '?'));
    }
    while (!message.done()) text_ += message.NextPiece();
    if (!message.outcome_of.empty()) outcomes_of.push_back(message.outcome_of);
    if (message.continues) return;
    const std::string text = std::exchange(text_, "");
    if (!message.settles.empty()) settled.push_back(message.settles);
    if (!message.accepted.empty()) accepted.push_back(message.accepted);
    if (!message.accepted_member.empty()) accepted_members.push_back(message.accepted_member);
    if (message.opening) opening = message.settles;
    if (text.empty()) return;
    Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    EXPECT_TRUE(json.is_object() || json.is_array()) << text;
    EXPECT_EQ(message.is_progress,
              json.is_object() && json.value("method", "") == "notifications/progress");
    (message.is_progress ? progress : answers).push_back(std::move(json));
    if (on_message) on_message();
  }

  std::vector<Json> answers;
  std::vector<Json> progress;
  std::vector<std::string> settled;
  std::vector<std::string> accepted;
  std::vector<std::string> accepted_members;
  std::vector<std::string> outcomes_of;
  std::string opening;
  std::function<void()> on_message;

 private:
  std::string text_;  // Of a message that is not whole yet.
};

// Everything but the timers runs on the test's thread: the loop starts when a test waits.
class McpSessionTest : public ::testing::Test {
 protected:
  std::unique_ptr<McpSession> NewSession(Client& client, McpOptions options = {}) {
    auto session = std::make_unique<McpSession>(loop_, desk_, client, options);
    McpClient introduced = {.visitor = {.caller = Caller::Named(desk_.caller)},
                            .also = {},
                            .calls_say_it = desk_.caller.empty()};
    for (const std::string& team : desk_.also) introduced.also.push_back(Caller::Named(team));
    session->Introduce(std::move(introduced));
    return session;
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

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_SESSION_FIXTURE_H_
