#include "tests/programs/conversation.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "tests/programs/arguments.h"

namespace iris::stub {
namespace {

// Bad input ends claude at once, whatever it was doing.
[[noreturn]] void Fail(const std::string& text) {
  fprintf(stderr, "%s\n", text.c_str());
  _exit(1);
}

int MillisecondsUntil(Clock::time_point when) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(when - Clock::now()).count() + 1;
  return static_cast<int>(std::clamp<int64_t>(left, 0, 3'600'000));
}

}  // namespace

int Conversation::Run() {
  while (true) {
    StartWhatIsDue();
    if (idle() && interrupted_) return 0;
    if (idle() && stdin_closed_) return session_.last_result_was_error ? 1 : 0;
    Wait();
  }
}

void Conversation::StartWhatIsDue() {
  while (true) {
    if (turn_) {
      turn_->Advance();
      if (auto background = turn_->TakeBackground()) background_at_ = background;
      if (!turn_->over()) return;
      turn_.reset();
      if (queue_.empty()) session_.State("idle");
      if (interrupted_) return;
    }
    if (!queue_.empty()) {
      std::vector<UserMessage> messages(std::make_move_iterator(queue_.begin()),
                                        std::make_move_iterator(queue_.end()));
      queue_.clear();
      const bool again =
          session_.transcript.StateOf(messages.back().uuid) == Transcript::Turn::kAsked;
      turn_ = std::make_unique<Turn>(session_, std::move(messages), queue_);
      turn_->Start(again);
    } else if (background_at_ && Clock::now() >= *background_at_) {
      background_at_.reset();
      turn_ = std::make_unique<Turn>(session_, std::vector<UserMessage>(), queue_);
      session_.State("running");
      turn_->StartUnasked();
    } else {
      return;
    }
  }
}

void Conversation::Wait() {
  const int tool = turn_ ? turn_->tool_fd() : -1;
  pollfd fds[] = {{.fd = stdin_closed_ ? -1 : STDIN_FILENO, .events = POLLIN, .revents = 0},
                  {.fd = interrupts_, .events = POLLIN, .revents = 0},
                  {.fd = tool, .events = POLLIN, .revents = 0}};
  int timeout = -1;
  if (turn_ && turn_->wake_at()) timeout = MillisecondsUntil(*turn_->wake_at());
  if (idle() && background_at_) timeout = MillisecondsUntil(*background_at_);
  if (poll(fds, 3, timeout) < 0) return;
  if (fds[1].revents != 0) {
    interrupted_ = true;
    if (turn_) {
      turn_->WithdrawPermission();
      turn_->Interrupt();
    }
    return;
  }
  if (fds[0].revents != 0) ReadStdin();
}

void Conversation::ReadStdin() {
  char bytes[1 << 16];
  const ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  size_t searched = buffer_.size();
  if (n > 0) buffer_.append(bytes, n);
  size_t begin = 0;
  for (size_t end; (end = buffer_.find('\n', searched)) != std::string::npos;) {
    OnLine(buffer_.substr(begin, end - begin));
    begin = searched = end + 1;
  }
  buffer_.erase(0, begin);
  if (n > 0) return;
  stdin_closed_ = true;
  if (!buffer_.empty()) OnLine(std::exchange(buffer_, ""));
  if (turn_) turn_->OnStdinClosed();
}

void Conversation::OnLine(const std::string& text) {
  if (text.find_first_not_of(" \t\r") == std::string::npos) return;
  const Json line = Json::parse(text, nullptr, false);
  if (line.is_discarded() || line.is_null()) {
    Fail("Error parsing streaming input line (type=unknown, " + std::to_string(text.size()) +
         " chars): " + (line.is_null() ? "TypeError" : "SyntaxError"));
  }
  const std::string type = StringAt(line, "type");
  if (type == "user") return OnUser(line);
  if (type == "control_request") return OnControlRequest(line);
  if (type == "control_response" && turn_) return turn_->OnControlResponse(line);
}

void Conversation::OnUser(const Json& line) {
  const Json message = ObjectAt(line, "message");
  const std::string role = StringAt(message, "role", "undefined");
  if (role != "user") Fail("Error: Expected message role 'user', got '" + role + "'");
  const auto content = message.find("content");
  if (content == message.end() || !(content->is_string() || content->is_array())) return;
  UserMessage user = {StringAt(line, "uuid"), *content};

  if (!user.uuid.empty()) {
    const auto state = session_.transcript.StateOf(user.uuid);
    const bool first = seen_.insert(user.uuid).second;
    if (!first || state == Transcript::Turn::kBegun) {
      if (session_.arguments.replay_user_messages) session_.Replay(user, /*with_time=*/false);
      // Known from an earlier life of the session: said to be done, and nothing runs.
      if (first) session_.Lifecycle(user.uuid, "completed");
      return;
    }
  }
  if (!turn_) session_.State("running");
  session_.Lifecycle(user.uuid, "queued");
  const bool now = StringAt(line, "priority") == "now";
  now ? queue_.push_front(std::move(user)) : queue_.push_back(std::move(user));
  if (now && turn_) turn_->MakeWay();
  StartWhatIsDue();
}

void Conversation::OnControlRequest(const Json& line) {
  if (!line.contains("request")) Fail("Error: Missing request on control_request");
  const std::string id = StringAt(line, "request_id");
  const Json request = ObjectAt(line, "request");
  const std::string subtype = StringAt(request, "subtype", "undefined");
  if (subtype == "initialize") {
    session_.output.Line({{"type", "control_response"},
                          {"response",
                           {{"subtype", "success"},
                            {"request_id", id},
                            {"response", session_.InitializeAnswer()},
                            {"pending_permission_requests", Json::array()},
                            {"pending_user_dialog_requests", Json::array()}}}});
  } else if (subtype == "interrupt") {
    OnInterrupt(id, request.value("cancel_queued", Json(false)) == Json(true));
  } else if (subtype == "cancel_async_message") {
    OnCancel(id, StringAt(request, "message_uuid"));
  } else if (subtype == "set_permission_mode") {
    OnPermissionMode(id, StringAt(request, "mode"));
  } else if (subtype == "set_model") {
    session_.model = StringAt(request, "model", session_.arguments.model);
    session_.Respond(id, {{"model", session_.model}});
  } else if (subtype == "mcp_status") {
    session_.Respond(id, {{"mcpServers", Json::array()}});
  } else {
    session_.Refuse(id, "Unsupported control request subtype: " + subtype, "unsupported_request");
  }
}

void Conversation::OnInterrupt(const std::string& request_id, bool cancel_queued) {
  std::vector<std::string> waiting;
  for (const UserMessage& message : queue_) waiting.push_back(message.uuid);
  if (turn_) turn_->WithdrawPermission();
  if (cancel_queued) {
    for (const std::string& uuid : waiting) session_.Lifecycle(uuid, "cancelled");
    queue_.clear();
    session_.Respond(request_id, {{"still_queued", Json::array()}, {"cancelled", waiting}});
  } else {
    session_.Respond(request_id, {{"still_queued", waiting}});
  }
  if (turn_) turn_->Interrupt();
  StartWhatIsDue();
}

void Conversation::OnCancel(const std::string& request_id, const std::string& uuid) {
  const auto found = std::find_if(queue_.begin(), queue_.end(),
                                  [&](const UserMessage& m) { return m.uuid == uuid; });
  if (uuid.empty() || found == queue_.end()) {
    session_.Respond(request_id, {{"cancelled", false}});
    return;
  }
  queue_.erase(found);
  session_.Lifecycle(uuid, "cancelled");
  session_.Respond(request_id, {{"cancelled", true}, {"message_uuid", uuid}});
}

void Conversation::OnPermissionMode(const std::string& request_id, const std::string& mode) {
  if (mode != "default" && !IsPermissionMode(mode)) {
    session_.Refuse(request_id,
                    "Cannot set permission mode: must be one of acceptEdits, auto, "
                    "bypassPermissions, manual, dontAsk, plan",
                    "invalid_mode");
    return;
  }
  session_.permission_mode = mode;
  session_.Respond(request_id, {{"mode", mode}});
  session_.Write(
      {{"type", "system"}, {"subtype", "status"}, {"status", nullptr}, {"permissionMode", mode}});
}

}  // namespace iris::stub
