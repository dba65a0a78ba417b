#include "tests/programs/session.h"

#include <unistd.h>

#include <utility>

#include "tests/programs/prompt.h"
#include "tests/programs/text.h"

namespace iris::stub {

std::string UserMessage::Text() const {
  if (content.is_string()) return content.get<std::string>();
  std::string text;
  for (const Json& block : content) {
    if (StringAt(block, "type") != "text") continue;
    if (!text.empty()) text += '\n';
    text += StringAt(block, "text");
  }
  return text;
}

void Session::Write(Json line) {
  if (!line.contains("uuid")) line["uuid"] = NewUuid();
  line["session_id"] = id;
  output.Line(line);
}

void Session::Lifecycle(const std::string& uuid, const char* state) {
  if (uuid.empty()) return;
  Write({{"type", "command_lifecycle"}, {"command_uuid", uuid}, {"state", state}});
}

void Session::State(const char* now) {
  if (state == now) return;
  state = now;
  if (!says_state) return;
  Write({{"type", "system"}, {"subtype", "session_state_changed"}, {"state", now}});
}

void Session::Init(const std::vector<std::string>& user_uuids) {
  Json line = {{"type", "system"},
               {"subtype", "init"},
               {"cwd", cwd},
               {"session_id", id},
               {"tools", {"Task", "Bash", "Edit", "Read", "WebFetch", "WebSearch", "Write"}},
               {"mcp_servers", Json::array()},
               {"model", model},
               {"permissionMode", permission_mode},
               {"slash_commands", Commands()},
               {"apiKeySource", not_logged_in ? "none" : "ANTHROPIC_API_KEY"},
               {"claude_code_version", kVersion},
               {"output_style", "default"},
               {"agents", {"claude", "Explore", "general-purpose", "Plan"}},
               {"skills", Json::array()},
               {"plugins", Json::array()},
               {"capabilities",
                {"interrupt_receipt_v1", "interrupt_cancel_queued_v1", "interrupt_send_now_v1",
                 "interrupt_requeue_taken_v1", "msg_lifecycle_v1", "request_marker_lists_v1"}},
               {"uuid", NewUuid()},
               {"original_cwd", cwd},
               {"additional_directories", Json::array()},
               {"fast_mode_state", "off"},
               {"view_mode", "default"}};
  if (!user_uuids.empty()) line["user_message_uuids"] = user_uuids;
  output.Line(line);
}

void Session::Replay(const UserMessage& message, bool with_time) {
  Json line = {{"type", "user"},
               {"message", {{"role", "user"}, {"content", message.content}}},
               {"session_id", id},
               {"parent_tool_use_id", nullptr},
               {"uuid", message.uuid.empty() ? NewUuid() : message.uuid}};
  if (with_time) line["timestamp"] = Timestamp();
  line["isReplay"] = true;
  output.Line(line);
}

void Session::Respond(const std::string& request_id, Json response) {
  output.Line(
      {{"type", "control_response"},
       {"response",
        {{"subtype", "success"}, {"request_id", request_id}, {"response", std::move(response)}}}});
}

void Session::Refuse(const std::string& request_id, const std::string& error,
                     const std::string& code) {
  output.Line({{"type", "control_response"},
               {"response",
                {{"subtype", "error"},
                 {"request_id", request_id},
                 {"error", error},
                 {"error_code", code}}}});
}

Json Session::InitializeAnswer() const {
  Json commands = Json::array();
  for (const std::string& name : Commands()) {
    commands.push_back({{"name", name}, {"description", "Does " + name}, {"argumentHint", ""}});
  }
  const Json model_offer = {{"value", "default"},
                            {"resolvedModel", model},
                            {"displayName", "Default (recommended)"},
                            {"description", "Use the default model"}};
  return {{"commands", std::move(commands)},
          {"agents", Json::array()},
          {"output_style", "default"},
          {"available_output_styles", {"default", "Explanatory", "Learning"}},
          {"models", Json::array({model_offer})},
          {"account",
           {{"tokenSource", "none"},
            {"apiKeySource", not_logged_in ? "none" : "ANTHROPIC_API_KEY"},
            {"apiProvider", "firstParty"}}},
          {"pid", getpid()},
          {"claude_code_version", kVersion},
          {"current_permission_mode", permission_mode},
          {"fast_mode_state", "off"},
          {"session_state", "idle"},
          {"capabilities", {"interrupt_receipt_v1", "msg_lifecycle_v1"}}};
}

}  // namespace iris::stub
