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

std::string ToolResultLine() {
  return R"({"type":"user","message":{"role":"user","content":[{"type":"tool_result",)"
         R"("tool_use_id":"t","content":"done"}]}})";
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
  Later(absl::Milliseconds(20), [this] { NextPrompt(); });
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
    return Say(json({{"type", "control_response"}, {"response", response}}).dump());
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
  Later(world_.Within(common_.pace), [this, uuid, text, message] {
    Keep(ToolResultLine());
    Say(ToolResultLine());
    Later(world_.Within(common_.pace),
          [this, uuid, text, message] { TellMessage(uuid, text, message + 1); });
  });
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
  if (!common_.transcript) {
    common_.transcript.Reset(
        open(common_.transcript_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  }
  const std::string bytes = line + "\n";
  if (write(common_.transcript.get(), bytes.data(), bytes.size()) < 0) {
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
