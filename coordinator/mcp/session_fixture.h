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
#include "common/loop/event_loop.h"
#include "coordinator/desk/testing/fake_desk.h"
#include "coordinator/mcp/client.h"
#include "coordinator/mcp/client_message.h"
#include "coordinator/mcp/message.h"
#include "coordinator/mcp/outgoing.h"
#include "coordinator/mcp/session.h"
#include "coordinator/mcp/sink.h"
#include "gtest/gtest.h"

namespace iris {

// The desk, and the client that comes next, as its front end says.
class ClientDesk : public FakeDesk {
 public:
  std::string caller;  // Empty: each call says it.
  std::vector<std::string> also;
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
  ClientDesk desk_;
  Client client_;
  std::unique_ptr<McpSession> session_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_SESSION_FIXTURE_H_
