#include "tests/simulation/claude.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"

namespace iris::simulation {
namespace {

using nlohmann::json;

// Everything that a line protocol can get wrong: lines within, quotes, and characters of one to
// four bytes.
constexpr const char* kWords[] = {"Grüße", "世界", "🚀",     "a\nb",  "\"q\"",
                                  "\\",    "\t",   "plain", "é\n\n€"};

constexpr char kLong[] = "long answer, bytes: ";

// The text blocks of the answer, by message: one or two of them.
std::vector<std::vector<std::string>> MessagesFor(const std::string& text) {
  if (absl::StartsWith(text, kLong)) {
    return {{std::string(strtoul(text.c_str() + strlen(kLong), nullptr, 10), 'x')}};
  }
  uint64_t chance = 14695981039346656037ull;
  for (const char c : text) chance = (chance ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  const auto next = [&chance](uint64_t n) {
    chance = chance * 6364136223846793005ull + 1442695040888963407ull;
    return (chance >> 33) % n;
  };
  std::vector<std::vector<std::string>> messages(1 + next(2));
  for (std::vector<std::string>& blocks : messages) {
    blocks.resize(1 + next(2));
    for (std::string& block : blocks) {
      block = absl::StrCat("to ", text, ":");
      for (uint64_t words = next(6); words > 0; --words) {
        absl::StrAppend(&block, " ", kWords[next(std::size(kWords))]);
      }
    }
  }
  return messages;
}

std::string AssistantLine(const std::string& text, bool last) {
  return json({{"type", "assistant"},
               {"message",
                {{"role", "assistant"},
                 {"model", "m"},
                 {"stop_reason", last ? "end_turn" : "tool_use"},
                 {"content", json::array({{{"type", "text"}, {"text", text}}})}}}})
      .dump();
}

std::string ToolLine() {
  return R"({"type":"assistant","message":{"role":"assistant","model":"m","stop_reason":"tool_use",)"
         R"("content":[{"type":"tool_use","id":"t","name":"Bash","input":{}}]}})";
}

// As claude says and keeps it (agent/session/transcript.cc knows the words of kNobodyAnswers).
constexpr char kDone[] = "done";
constexpr char kDenied[] = "Error: denied";
constexpr char kNobodyAnswers[] = "Error: Tool permission request failed: AbortError";

std::string ToolResultLine(const std::string& result) {
  json line = json::parse(R"({"type":"user","message":{"role":"user","content":[{)"
                          R"("type":"tool_result","tool_use_id":"t"}]}})");
  line["message"]["content"][0]["content"] = result;
  if (result != kDone) line["toolUseResult"] = result;
  return line.dump();
}

}  // namespace

std::string AnswerTo(const std::string& text) {
  std::vector<std::string> blocks;
  for (const auto& message : MessagesFor(text)) {
    blocks.insert(blocks.end(), message.begin(), message.end());
  }
  return absl::StrJoin(blocks, "\n\n");
}

void Claude::Later(absl::Duration delay, std::function<void()> task) {
  world_.After(delay, [self = shared_from_this(), task = std::move(task)] {
    if (!self->gone_) task();
  });
}

void Claude::Start(ChildSink& sink) {
  sink_ = &sink;
  pid_ = common_.next_pid;
  common_.next_pid += 2;
  Later(world_.Within(absl::Milliseconds(5)), [this] {
    if (sink_ != nullptr) sink_->OnStarted(pid_, 1);
  });
}

void Claude::Write(absl::string_view bytes) {
  if (gone_ || eof_) return;
  stdin_.append(bytes.data(), bytes.size());
  size_t end;
  while ((end = stdin_.find('\n')) != std::string::npos) {
    const std::string line = stdin_.substr(0, end);
    stdin_.erase(0, end + 1);
    Later(world_.Within(absl::Milliseconds(10)), [this, line] { OnLine(line); });
  }
}

void Claude::CloseStdin() {
  if (std::exchange(eof_, true)) return;
  Later(absl::Milliseconds(20), [this] {
    if (asks_.empty()) return NextPrompt();
    common_.cut_off.insert(tell_id_);
    common_.asking.erase(std::exchange(asks_, ""));
    std::exchange(go_on_, nullptr)(kNobodyAnswers);
  });
}

void Claude::Pause(bool paused) {
  paused_ = paused;
  if (paused) return;
  FlushSoon();
  if (std::exchange(end_waits_, false)) {
    world_.Soon([self = shared_from_this()] { self->TellEnd(); });
  }
}

void Claude::OnLine(const std::string& line) {
  const json message = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (message.value("type", "") == "control_request") {
    const std::string subtype = message["request"].value("subtype", "");
    json response = {{"subtype", "success"}, {"request_id", message["request_id"]}};
    response["response"] = json::object();
    if (subtype == "interrupt") {
      json cancelled = json::array();
      for (const auto& prompt : prompts_) cancelled.push_back(prompt.first);
      prompts_.clear();
      response["response"]["cancelled"] = cancelled;
      interrupted_ = answering_;
    }
    Say(json({{"type", "control_response"}, {"response", response}}).dump());
    if (interrupted_ && !asks_.empty()) OnAnswer(asks_, /*allowed=*/false);
    return;
  }
  if (message.value("type", "") == "control_response") {
    const json& response = message["response"];
    return OnAnswer(response.value("request_id", ""),
                    response["response"].value("behavior", "") == "allow");
  }
  if (message.value("type", "") != "user") return;
  const std::string uuid = message.value("uuid", "");
  if (HasBegun(uuid)) {
    world_.Violation(absl::StrCat("claude got ", uuid, " again, which it had begun"));
    return;
  }
  prompts_.emplace_back(uuid, message["message"].value("content", ""));
  NextPrompt();
}

bool Claude::HasBegun(const std::string& uuid) const { return common_.turns.count(uuid) > 0; }

void Claude::NextPrompt() {
  if (answering_) return;
  if (prompts_.empty() || eof_) {
    if (eof_) Later(absl::ZeroDuration(), [this] { Die(/*by_signal=*/false, 0); });
    return;
  }
  answering_ = true;
  interrupted_ = false;
  const auto [uuid, text] = prompts_.front();
  prompts_.pop_front();
  tell_id_ = uuid;
  json line = {
      {"type", "user"}, {"uuid", uuid}, {"message", {{"role", "user"}, {"content", text}}}};
  Keep(line.dump());
  line["isReplay"] = true;
  Say(line.dump());
  Later(world_.Within(common_.pace),
        [this, uuid = uuid, text = text] { TellMessage(uuid, text, 0); });
}

void Claude::TellMessage(const std::string& uuid, const std::string& text, size_t message) {
  if (message == 0) {
    ++common_.turns[uuid];
    common_.order.push_back(uuid);
    world_.Note(absl::StrCat("claude begins ", uuid));
  }
  const auto messages = MessagesFor(text);
  const bool last = message + 1 == messages.size();
  std::vector<std::string> lines;
  for (const std::string& block : messages[message]) lines.push_back(AssistantLine(block, last));
  if (!last) lines.push_back(ToolLine());
  for (const std::string& line : lines) Keep(line);
  for (const std::string& line : lines) Say(line);
  if (interrupted_) return EndTurn(uuid);
  if (last) {
    return Later(world_.Within(common_.pace / 4), [this, uuid] { EndTurn(uuid); });
  }
  UseTool(uuid, text, message);
}

void Claude::UseTool(const std::string& uuid, const std::string& text, size_t message) {
  if (!common_.asks) {
    return Later(world_.Within(common_.pace),
                 [this, uuid, text, message] { EndTool(uuid, text, message, kDone); });
  }
  go_on_ = [this, uuid, text, message](const std::string& result) {
    EndTool(uuid, text, message, result);
  };
  // Nobody is there to be asked.
  if (eof_) {
    common_.cut_off.insert(uuid);
    return std::exchange(go_on_, nullptr)(kNobodyAnswers);
  }
  asks_ = absl::StrCat("request-", absl::Dec(common_.next_request++, absl::kZeroPad4));
  common_.asking.insert(asks_);
  world_.Note(absl::StrCat("claude asks ", asks_));
  Say(json({{"type", "control_request"},
            {"request_id", asks_},
            {"request",
             {{"subtype", "can_use_tool"},
              {"tool_name", "Bash"},
              {"input", {{"command", "true"}}},
              {"tool_use_id", "t"}}}})
          .dump());
  common_.on_asks(asks_);
}

void Claude::EndTool(const std::string& uuid, const std::string& text, size_t message,
                     const std::string& result) {
  Keep(ToolResultLine(result));
  Say(ToolResultLine(result));
  if (interrupted_) return EndTurn(uuid);
  Later(world_.Within(common_.pace),
        [this, uuid, text, message] { TellMessage(uuid, text, message + 1); });
}

void Claude::OnAnswer(const std::string& request_id, bool allowed) {
  if (request_id != asks_ || asks_.empty()) {
    return world_.Violation(
        absl::StrCat("claude is answered ", request_id, ", and waits for [", asks_, "]"));
  }
  asks_.clear();
  common_.asking.erase(request_id);
  world_.Note(absl::StrCat(request_id, allowed ? " is allowed" : " is denied"));
  if (!interrupted_) common_.on_answered(request_id, allowed);
  std::exchange(go_on_, nullptr)(allowed ? kDone : kDenied);
}

void Claude::EndTurn(const std::string& uuid) {
  if (interrupted_) {
    Keep(R"({"type":"user","message":{"role":"user","content":[{"type":"text",)"
         R"("text":"[Request interrupted by user]"}]}})");
  }
  Say(json({{"type", "result"},
            {"subtype", interrupted_ ? "error_during_execution" : "success"},
            {"is_error", interrupted_},
            {"user_message_uuids", json::array({uuid})}})
          .dump());
  answering_ = false;
  NextPrompt();
}

void Claude::Say(const std::string& line) {
  if (sink_ == nullptr) return;
  absl::StrAppend(&stdout_, line, "\n");
  FlushSoon();
}

void Claude::Keep(const std::string& line) {
  ClaudeWorld::Transcript& transcript = common_.transcripts[session_id_];
  if (!transcript.file) {
    transcript.file.Reset(
        open(transcript.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  }
  const std::string bytes = line + "\n";
  if (write(transcript.file.get(), bytes.data(), bytes.size()) < 0) {
    world_.Violation("the transcript cannot be written");
  }
}

void Claude::FlushSoon() {
  if (std::exchange(flushing_, true)) return;
  Later(absl::ZeroDuration(), [this] {
    flushing_ = false;
    Flush();
  });
}

void Claude::Flush() {
  if (paused_ || sink_ == nullptr || stdout_.empty()) return;
  const size_t bytes =
      world_.OneIn(3) ? 1 + world_.Below(stdout_.size()) : std::min<size_t>(stdout_.size(), 65536);
  const std::string piece = stdout_.substr(0, bytes);
  stdout_.erase(0, bytes);
  sink_->OnStdout(piece);
  if (!stdout_.empty()) FlushSoon();
}

void Claude::Die(bool by_signal, int number) {
  if (std::exchange(gone_, true)) return;
  if (!asks_.empty()) common_.asking.erase(asks_);
  world_.Note(absl::StrCat("claude ends, ", by_signal ? "signal " : "code ", number));
  exit_ = {.by_signal = by_signal, .number = number};
  world_.Soon([self = shared_from_this()] { self->TellEnd(); });
}

// What it has said is in the pipe and is read to its end.
void Claude::TellEnd() {
  if (sink_ == nullptr) return;
  end_waits_ = paused_;
  if (paused_) return;
  const std::string rest = std::exchange(stdout_, "");
  if (!rest.empty()) sink_->OnStdout(rest);
  if (sink_ == nullptr) return;
  sink_->OnExited(exit_);
  world_.Soon([self = shared_from_this()] {
    if (self->sink_ != nullptr) self->sink_->OnGone();
  });
}

ClaudeChild::~ClaudeChild() {
  claude_->Detach();
  claude_->CloseStdin();
}

}  // namespace iris::simulation
