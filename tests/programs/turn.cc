#include "tests/programs/turn.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "tests/programs/termination.h"
#include "tests/programs/text.h"

namespace iris::stub {

using Kind = Step::Kind;

namespace {

constexpr Clock::duration kLookEvery = std::chrono::milliseconds(10);
// Whoever was to make the file is gone: so is its test.
constexpr Clock::duration kFileWithin = std::chrono::minutes(5);
constexpr double kTurnUsd = 0.00054;

}  // namespace

Turn::Turn(Session& session, std::vector<UserMessage> messages, std::deque<UserMessage>& queue)
    : session_(session), messages_(std::move(messages)), queue_(queue) {}

std::vector<std::string> Turn::Uuids(const std::vector<UserMessage>& messages) const {
  std::vector<std::string> uuids;
  for (const UserMessage& message : messages) {
    if (!message.uuid.empty()) uuids.push_back(message.uuid);
  }
  return uuids;
}

void Turn::Start(bool again) {
  for (const UserMessage& message : messages_) session_.Lifecycle(message.uuid, "started");

  std::string text = messages_[0].Text();
  for (size_t i = 1; i < messages_.size(); ++i) text += "\n" + messages_[i].Text();

  const std::vector<std::string> uuids = Uuids(messages_);
  // Where messages were merged, the last one's uuid stands for all.
  UserMessage& last = messages_.back();
  if (messages_.size() > 1) last.content = text;
  if (std::exchange(session_.repair_due, false)) session_.transcript.Repair();
  if (!again) {
    Json line = {{"type", "user"},
                 {"message", {{"role", "user"}, {"content", last.content}}},
                 {"uuid", last.uuid.empty() ? NewUuid() : last.uuid},
                 {"permissionMode", session_.permission_mode},
                 {"promptSource", "sdk"}};
    if (messages_.size() > 1) {
      std::vector<UserMessage> others(messages_.begin(), messages_.end() - 1);
      line["mergedSendUuids"] = Uuids(others);
    }
    session_.transcript.Append(std::move(line));
  }
  session_.Init(uuids);
  replay_due_ = session_.arguments.replay_user_messages;

  steps_ = session_.not_logged_in
               ? std::vector<Step>{{.kind = Kind::kNotLoggedIn}}
               : ReadPrompt(text, {.arguments_json = ToLine(session_.arguments.all),
                                   .prompts = session_.transcript.prompts(),
                                   .again = again});
}

void Turn::StartUnasked() {
  unasked_ = true;
  session_.Write({{"type", "system"},
                  {"subtype", "task_notification"},
                  {"task_id", "bstub0001"},
                  {"status", "completed"},
                  {"summary", "Background command completed (exit code 0)"}});
  session_.Init({});
  session_.transcript.Append(
      {{"type", "user"},
       {"message", {{"role", "user"}, {"content", "<task-notification>…</task-notification>"}}},
       {"origin", {{"kind", "task-notification"}}},
       {"promptSource", "system"}});
  steps_ = {{.kind = Kind::kText, .text = "background task finished"}};
}

void Turn::Advance() {
  if (tool_) {
    if (!tool_->ended()) return;
    FinishTool();
  } else if (wake_at_) {
    if (Clock::now() < *wake_at_) return;
    if (!awaited_.empty() && access(awaited_.c_str(), F_OK) != 0) {
      if (Clock::now() - started_ > kFileWithin) _exit(1);
      wake_at_ = Clock::now() + kLookEvery;
      return;
    }
    wake_at_.reset();
    awaited_.clear();
    streaming_.clear();
  }
  while (!over_ && !hangs_ && !tool_ && !wake_at_ && permission_id_.empty()) {
    if (next_ < steps_.size()) {
      Run(steps_[next_++]);
    } else {
      EndMessage("end_turn");
      Json result = Result("success", false, "completed");
      result["stop_reason"] = "end_turn";
      result["result"] = last_text_;
      End(std::move(result), "completed");
    }
  }
}

void Turn::Run(const Step& step) {
  switch (step.kind) {
    case Kind::kText:
      return Say(step.text);
    case Kind::kSplitText:
      return Say(step.text, /*split=*/true);
    case Kind::kThinking:
      return Think(step.text);
    case Kind::kPause:
      wake_at_ = Clock::now() + ToDuration(step.seconds);
      awaited_ = step.until;
      streaming_ = step.text;
      return;
    case Kind::kHang:
      hangs_ = true;
      return;
    case Kind::kWedge:
      Wedge();
    case Kind::kTool:
      CallTool(step.text);
      return StartTool(step.text);
    case Kind::kPermit:
      CallTool(step.text);
      return AskPermission(step.text);
    case Kind::kDaemon:
      return Say("daemon-pid " + std::to_string(StartDaemon()));
    case Kind::kRaw:
      return session_.output.Raw(step.text);
    case Kind::kStderr:
      if (write(STDERR_FILENO, step.text.data(), step.text.size()) < 0) return;
      return;
    case Kind::kLimitWrites:
      return session_.output.LimitWrites(std::max<long>(step.number, 1));
    case Kind::kEndMessage:
      return EndMessage("end_turn");
    case Kind::kExit:
      _exit(static_cast<int>(step.number));
    case Kind::kSignal:
      signal(static_cast<int>(step.number), SIG_DFL);
      raise(static_cast<int>(step.number));
      return;
    case Kind::kApiError:
      return SyntheticError(step.number == 0 ? "API Error: Connection error."
                                             : "API Error: " + std::to_string(step.number) +
                                                   " fake " + std::to_string(step.number),
                            step.number, "unknown");
    case Kind::kApiRetry:
      return session_.Write({{"type", "system"},
                             {"subtype", "api_retry"},
                             {"attempt", 1},
                             {"max_retries", 10},
                             {"retry_delay_ms", 500},
                             {"error_status", step.number},
                             {"error", "overloaded"}});
    case Kind::kNotLoggedIn:
      return SyntheticError("Not logged in · Please run /login", 0, "authentication_failed");
    case Kind::kTurnError: {
      CutMessage();
      Json result = Result("error_during_execution", true, "error");
      result["errors"] = {"[ede_diagnostic] the stub was asked to fail"};
      return End(std::move(result), "cancelled");
    }
    case Kind::kCommand: {
      EmitBlock({{"type", "text"}, {"text", step.text}}, false, false);
      Json result = Result("success", false, "completed");
      result["stop_reason"] = nullptr;
      result["result"] = step.text;
      return End(std::move(result), "completed");
    }
    case Kind::kPlainText:
      last_text_ = step.text;
      return Emit(step.text, false, false);
    case Kind::kStructured:
      structured_ = Json::parse(step.text, nullptr, false);
      return;
    case Kind::kLimit:
      return ReachLimit(step.number);
    case Kind::kDamage:
      damage_ = step.text;
      return;
    case Kind::kBackground:
      background_at_ = Clock::now() + ToDuration(step.seconds);
      return;
  }
}

std::optional<Clock::time_point> Turn::TakeBackground() {
  return std::exchange(background_at_, std::nullopt);
}

void Turn::Think(const std::string& text) {
  EmitBlock({{"type", "thinking"}, {"thinking", text}, {"signature", "c2ln"}}, false, false);
}

void Turn::Say(const std::string& text, bool split) {
  last_text_ = text;
  EmitBlock({{"type", "text"}, {"text", text}}, split, false);
}

void Turn::EmitBlock(Json block, bool split, bool aborted) {
  Emit(Json::array({std::move(block)}), split, aborted);
}

void Turn::Emit(Json content, bool split, bool aborted, const std::string& model) {
  if (std::exchange(replay_due_, false)) session_.Replay(messages_.back(), /*with_time=*/true);
  if (message_id_.empty()) {
    char id[32];
    snprintf(id, sizeof id, "msg_stub%06d", ++session_.messages);
    message_id_ = id;
  }
  const Json usage = {{"input_tokens", 10},
                      {"cache_creation_input_tokens", 0},
                      {"cache_read_input_tokens", 0},
                      {"output_tokens", 1}};
  Json line = {{"type", "assistant"},
               {"message",
                {{"id", message_id_},
                 {"type", "message"},
                 {"role", "assistant"},
                 {"model", model.empty() ? session_.model : model},
                 {"content", std::move(content)},
                 {"stop_reason", nullptr},
                 {"stop_sequence", nullptr},
                 {"usage", usage},
                 {"context_management", nullptr}}},
               {"parent_tool_use_id", nullptr},
               {"session_id", session_.id},
               {"uuid", NewUuid()},
               {"timestamp", Timestamp()},
               {"request_id", "req_" + message_id_}};
  Json kept = {{"type", "assistant"}, {"message", line["message"]}, {"uuid", line["uuid"]}};
  if (aborted) {
    line["aborted"] = true;
    kept["isAbortedMidStream"] = true;
  }
  if (std::exchange(mark_due_, false)) Mark(line);
  Put(line, "assistant", split);
  unwritten_.push_back(std::move(kept));
}

void Turn::Put(const Json& line, const std::string& what, bool split) {
  const size_t space = damage_.find(' ');
  if (space == std::string::npos || damage_.substr(space + 1) != what) {
    return split ? session_.output.SplitLine(line) : session_.output.Line(line);
  }
  const std::string how = std::exchange(damage_, "").substr(0, space);
  std::string text = ToLine(line);
  if (how == "torn") {
    text.insert(text.size() / 2, R"({"type":"rate_limit_event","rate_limit_info":{}})");
  } else if (how == "cut") {
    text.resize(text.size() / 2);
  }
  if (how != "missing") session_.output.Raw(text + (how == "open" ? "" : "\n"));
}

void Turn::ReachLimit(long until) {
  if (until == 0) {
    last_text_ = "Session limit reached · resets 10am";
    const Json block = {{"type", "text"}, {"text", last_text_}};
    return Emit(Json::array({block}), false, false, "<synthetic>");
  }
  const Json info = {{"status", "rejected"},
                     {"resetsAt", until},
                     {"rateLimitType", "five_hour"},
                     {"isUsingOverage", false}};
  session_.Write({{"type", "rate_limit_event"}, {"rate_limit_info", info}});
  SyntheticError("You've hit your 5-hour limit · resets 10am (UTC)", 429, "rate_limit",
                 {{"api_error", "usage_limit_reached"},
                  {"api_error_params", {{"rate_limit_info", info}}},
                  {"api_error_type", "rate_limit_error"}});
}

void Turn::EndMessage(const Json& stop_reason) {
  for (Json& line : unwritten_) line["message"]["stop_reason"] = stop_reason;
  session_.transcript.AppendAll(std::exchange(unwritten_, {}));
  message_id_.clear();
}

// Cut in mid-stream: what was said goes to the transcript without a stop reason.
void Turn::CutMessage() {
  if (!streaming_.empty()) {
    EmitBlock({{"type", "text"}, {"text", streaming_}}, false, /*aborted=*/true);
    last_text_ = std::exchange(streaming_, "");
  }
  EndMessage(nullptr);
}

void Turn::SyntheticError(const std::string& text, long status, const char* error,
                          const Json& more) {
  CutMessage();
  if (std::exchange(replay_due_, false)) session_.Replay(messages_.back(), /*with_time=*/true);
  const Json status_json = status == 0 ? Json() : Json(status);
  const Json block = {{"type", "text"}, {"text", text}};
  const Json message = {{"id", NewUuid()},
                        {"model", "<synthetic>"},
                        {"role", "assistant"},
                        {"stop_reason", "stop_sequence"},
                        {"stop_sequence", ""},
                        {"type", "message"},
                        {"content", Json::array({block})}};
  Json line = {{"type", "assistant"},
               {"message", message},
               {"parent_tool_use_id", nullptr},
               {"session_id", session_.id},
               {"uuid", NewUuid()},
               {"timestamp", Timestamp()},
               {"error", error},
               {"is_api_error_message", true}};
  if (status != 0) line["api_error_status"] = status;
  line.update(more);
  if (std::exchange(mark_due_, false)) Mark(line);
  Put(line, "assistant");
  session_.transcript.Append({{"type", "assistant"},
                              {"uuid", line["uuid"]},
                              {"message", message},
                              {"error", error},
                              {"isApiErrorMessage", true}});
  Json result = Result("success", true, "api_error");
  result["stop_reason"] = "stop_sequence";
  result["api_error_status"] = status_json;
  result["result"] = text;
  End(std::move(result), "cancelled");
}

void Turn::Mark(Json& line) const {
  const std::vector<std::string> uuids = Uuids(messages_);
  if (uuids.empty()) return;
  line["user_message_uuid"] = uuids.back();
  line["user_message_uuids"] = uuids;
}

Json Turn::Result(const char* subtype, bool is_error, const char* terminal_reason) const {
  const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_);
  const Json usage = {{"input_tokens", 10}, {"output_tokens", 25}};
  Json line = {{"type", "result"},
               {"subtype", subtype},
               {"is_error", is_error},
               {"duration_ms", spent.count()},
               {"duration_api_ms", spent.count()},
               {"num_turns", api_turns_},
               {"stop_reason", nullptr},
               {"session_id", session_.id},
               {"total_cost_usd", session_.spent_usd},
               {"usage", usage},
               {"modelUsage", Json::object()},
               {"permission_denials", denials_},
               {"terminal_reason", terminal_reason},
               {"fast_mode_state", "off"},
               {"uuid", NewUuid()},
               {"queued_turn_count", 0}};
  if (std::string(subtype) == "success") line["api_error_status"] = nullptr;
  if (unasked_) line["origin"] = {{"kind", "task-notification"}, {"producer", "session-task"}};
  Mark(line);
  if (!joined_.empty() && line.contains("user_message_uuids")) {
    // `user_message_uuid` stays the one that began the turn.
    for (const std::string& uuid : Uuids(joined_)) line["user_message_uuids"].push_back(uuid);
  }
  return line;
}

void Turn::End(Json result, const char* lifecycle) {
  result["result_index"] = session_.results++;
  result["total_cost_usd"] = session_.spent_usd += kTurnUsd;
  session_.last_result_was_error = result["is_error"].get<bool>();
  if (!structured_.is_null()) result["structured_output"] = structured_;
  Put(result, "result");
  for (const UserMessage& message : messages_) session_.Lifecycle(message.uuid, lifecycle);
  over_ = true;
}

}  // namespace iris::stub
