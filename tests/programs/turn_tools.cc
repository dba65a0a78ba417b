// The part of a turn that has to do with tools, permissions and being cut short.
#include <utility>

#include "tests/programs/termination.h"
#include "tests/programs/text.h"
#include "tests/programs/turn.h"

namespace iris::stub {
namespace {

constexpr char kRejected[] =
    "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was "
    "a file edit, the new_string was NOT written to the file). STOP what you are doing and wait "
    "for the user to tell you how to proceed.";

constexpr char kDiagnostic[] =
    "[ede_diagnostic] result_type=user last_content_type=n/a stop_reason=null";

Json ToolResultLine(const std::string& tool_use_id, const std::string& text, bool is_error) {
  const Json block = {{"tool_use_id", tool_use_id},
                      {"type", "tool_result"},
                      {"content", text},
                      {"is_error", is_error}};
  return {{"type", "user"}, {"message", {{"role", "user"}, {"content", Json::array({block})}}}};
}

}  // namespace

void Turn::CallTool(const std::string& command) {
  Say("Using a tool.");
  tool_use_id_ = "toolu_stub" + NewUuid().substr(0, 8);
  tool_input_ = {{"command", command}};
  EmitBlock({{"type", "tool_use"}, {"id", tool_use_id_}, {"name", "Bash"}, {"input", tool_input_}},
            false, false);
  EndMessage("tool_use");
}

void Turn::StartTool(const std::string& command) {
  tool_ = std::make_unique<Tool>(command);
  const Json killed = ToolResultLine(tool_use_id_, "Exit code 137", true);
  OnTerminationKill(tool_->pid(), session_.transcript.fd(), session_.transcript.LineFor(killed));
}

void Turn::FinishTool() {
  OnTerminationKillNothing();
  std::string text = tool_->Collect();
  tool_.reset();
  if (text.empty()) text = "(Bash completed with no output)";
  ToolResult(text, false, {{"stdout", text}, {"stderr", ""}, {"interrupted", false}},
             {{"permission_decision", {{"decision", "accept"}, {"source", "config"}}}});
  if (make_way_) {
    Json result = Result("success", false, "aborted_tools");
    result["stop_reason"] = "tool_use";
    result["result"] = "";
    return End(std::move(result), "cancelled");
  }
  GoOnAfterTool(text);
}

void Turn::GoOnAfterTool(const std::string& text) {
  ++api_turns_;
  const std::vector<UserMessage> joining = TakeQueued();
  std::string answer = "TOOL-DONE: " + text;
  for (const UserMessage& message : joining) answer += " +USER: " + message.Text();
  Say(answer);
  for (const UserMessage& message : joining) session_.Lifecycle(message.uuid, "completed");
  joined_.insert(joined_.end(), joining.begin(), joining.end());
}

std::vector<UserMessage> Turn::TakeQueued() {
  std::vector<UserMessage> taken(queue_.begin(), queue_.end());
  queue_.clear();
  for (const UserMessage& message : taken) {
    session_.Lifecycle(message.uuid, "started");
    session_.transcript.Append({{"type", "attachment"},
                                {"attachment",
                                 {{"type", "queued_command"},
                                  {"prompt", message.Text()},
                                  {"source_uuid", message.uuid}}}});
  }
  return taken;
}

void Turn::ToolResult(const std::string& text, bool is_error, Json tool_use_result, Json meta) {
  Json line = ToolResultLine(tool_use_id_, text, is_error);
  const std::string uuid = NewUuid();
  meta["id"] = tool_use_id_;
  Json shown = line;
  shown["parent_tool_use_id"] = nullptr;
  shown["session_id"] = session_.id;
  shown["uuid"] = uuid;
  shown["timestamp"] = Timestamp();
  shown["tool_use_result"] = tool_use_result;
  shown["tool_result_meta"] = Json::array({meta});
  session_.output.Line(shown);
  line["uuid"] = uuid;
  line["toolUseResult"] = std::move(tool_use_result);
  session_.transcript.Append(std::move(line));
}

void Turn::AskPermission(const std::string& command) {
  if (session_.permission_mode == "bypassPermissions") return StartTool(command);
  if (session_.arguments.permission_prompt_tool == "stdio") {
    permission_id_ = NewUuid();
    session_.State("requires_action");
    const Json rule = {{"type", "setMode"}, {"mode", "acceptEdits"}, {"destination", "session"}};
    session_.output.Line({{"type", "control_request"},
                          {"request_id", permission_id_},
                          {"request",
                           {{"subtype", "can_use_tool"},
                            {"tool_name", "Bash"},
                            {"display_name", "Bash"},
                            {"input", tool_input_},
                            {"description", command},
                            {"permission_suggestions", Json::array({rule})},
                            {"tool_use_id", tool_use_id_}}}});
    return;
  }
  const std::string text = "Bash needs approval, and nobody can be asked.";
  session_.Write({{"type", "system"},
                  {"subtype", "permission_denied"},
                  {"tool_name", "Bash"},
                  {"tool_use_id", tool_use_id_},
                  {"message", text}});
  DenyTool(text, "user-rejected");
  GoOnAfterTool(text);
}

void Turn::DenyTool(const std::string& text, const char* kind) {
  denials_.push_back(
      {{"tool_name", "Bash"}, {"tool_use_id", tool_use_id_}, {"tool_input", tool_input_}});
  ToolResult(text, true, "Error: " + text, {{"non_execution_kind", kind}});
}

void Turn::OnControlResponse(const Json& response) {
  const Json answer = ObjectAt(response, "response");
  if (permission_id_.empty() || StringAt(answer, "request_id") != permission_id_) return;
  permission_id_.clear();
  session_.State("running");
  const Json decision = ObjectAt(answer, "response");
  if (StringAt(decision, "behavior") == "allow") {
    tool_input_ = ObjectAt(decision, "updatedInput");
    return StartTool(StringAt(tool_input_, "command", "false"));
  }
  const std::string text = StringAt(decision, "message", "denied");
  DenyTool(text, "permission-rule");
  GoOnAfterTool(text);
}

void Turn::OnStdinClosed() {
  if (permission_id_.empty()) return;
  permission_id_.clear();
  const std::string text =
      "Tool permission request failed: AbortError: Tool permission stream closed before response "
      "received";
  DenyTool(text, "permission-rule");
  GoOnAfterTool(text);
}

void Turn::WithdrawPermission() {
  if (permission_id_.empty()) return;
  session_.output.Line({{"type", "control_cancel_request"}, {"request_id", permission_id_}});
}

void Turn::UserNotice(const std::string& text) {
  const Json block = {{"type", "text"}, {"text", text}};
  const Json message = {{"role", "user"}, {"content", Json::array({block})}};
  const std::string uuid = NewUuid();
  session_.output.Line({{"type", "user"},
                        {"message", message},
                        {"parent_tool_use_id", nullptr},
                        {"session_id", session_.id},
                        {"uuid", uuid},
                        {"timestamp", Timestamp()}});
  session_.transcript.Append({{"type", "user"}, {"message", message}, {"uuid", uuid}});
}

void Turn::Interrupt() {
  const bool in_tool = tool_ != nullptr || !permission_id_.empty();
  if (in_tool) {
    OnTerminationKillNothing();
    if (tool_) tool_->Kill();
    if (!permission_id_.empty()) {
      denials_.push_back(
          {{"tool_name", "Bash"}, {"tool_use_id", tool_use_id_}, {"tool_input", tool_input_}});
    }
    tool_.reset();
    permission_id_.clear();
    ToolResult(kRejected, true, "User rejected tool use",
               {{"non_execution_kind", "user-rejected"}});
    UserNotice("[Request interrupted by user for tool use]");
  } else {
    CutMessage();
    UserNotice("[Request interrupted by user]");
  }
  ++api_turns_;
  Json result =
      Result("error_during_execution", true, in_tool ? "aborted_tools" : "aborted_streaming");
  if (in_tool) result["stop_reason"] = "tool_use";
  result["errors"] = {kDiagnostic};
  End(std::move(result), "cancelled");
}

void Turn::MakeWay() {
  if (tool_) {
    make_way_ = true;
    return;
  }
  if (!permission_id_.empty()) {
    WithdrawPermission();
    return Interrupt();
  }
  CutMessage();
  const bool said_nothing = last_text_.empty();
  Json result = Result(said_nothing ? "error_during_execution" : "success", said_nothing,
                       "aborted_streaming");
  if (said_nothing) {
    result["errors"] = {kDiagnostic};
  } else {
    result["result"] = last_text_;
  }
  End(std::move(result), "cancelled");
}

}  // namespace iris::stub
