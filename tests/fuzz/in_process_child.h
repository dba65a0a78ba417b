#ifndef IRIS_TESTS_FUZZ_IN_PROCESS_CHILD_H_
#define IRIS_TESTS_FUZZ_IN_PROCESS_CHILD_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "agent/process/child.h"
#include "common/base/alive_flag.h"
#include "common/loop/event_loop.h"
#include "nlohmann/json.hpp"

namespace iris {

// A claude in the process: answers each message with one to three lines.
class InProcessChild final : public Child {
 public:
  InProcessChild(EventLoop& loop, ChildSink& sink) : loop_(loop), sink_(sink) {
    Later([this] { sink_.OnStarted(4711, 1); });
  }

  void Write(std::string bytes) override {
    stdin_ += bytes;
    for (size_t end; (end = stdin_.find('\n')) != std::string::npos; stdin_.erase(0, end + 1)) {
      Answer(nlohmann::json::parse(stdin_.substr(0, end), nullptr, /*allow_exceptions=*/false));
    }
  }
  void CloseStdin() override { End(); }
  void Signal(int) override { End(); }
  void KillAll() override { End(); }
  void PauseOutput(bool paused) override {
    paused_ = paused;
    Flush();
  }
  pid_t keeper() const override { return 4710; }
  pid_t pid() const override { return 4711; }
  uint64_t start_time() const override { return 1; }

 private:
  void Later(std::function<void()> task) {
    loop_.Post([alive = alive_.Watch(), task = std::move(task)] {
      if (alive) task();
    });
  }
  void Answer(const nlohmann::json& message) {
    const std::string type = message.value("type", "");
    if (type == "control_request") {
      Say({{"type", "control_response"},
           {"response",
            {{"subtype", "success"},
             {"request_id", message["request_id"]},
             {"response", nlohmann::json::object()}}}});
    }
    if (type != "user") return;
    const std::string text = message["message"].value("content", "");
    Say({{"type", "user"}, {"uuid", message["uuid"]}, {"isReplay", true}});
    for (size_t i = 0; i < text.size() % 3; ++i) {
      Say({{"type", "assistant"},
           {"message",
            {{"content", nlohmann::json::array({{{"type", "text"}, {"text", text}}})}}}});
    }
    Say({{"type", "result"},
         {"subtype", "success"},
         {"is_error", false},
         {"user_message_uuids", nlohmann::json::array({message["uuid"]})}});
  }
  void Say(const nlohmann::json& line) {
    unread_ += line.dump() + "\n";
    Later([this] { Flush(); });
  }
  void Flush() {
    if (paused_ || unread_.empty()) return;
    Later([this, said = std::exchange(unread_, "")] { sink_.OnStdout(said); });
  }
  void End() {
    if (std::exchange(ended_, true)) return;
    Later([this] {
      sink_.OnExited(ExitStatus());
      Later([this] { sink_.OnGone(); });
    });
  }

  EventLoop& loop_;
  ChildSink& sink_;
  std::string stdin_, unread_;
  bool paused_ = false;
  bool ended_ = false;
  AliveFlag alive_;
};

}  // namespace iris

#endif  // IRIS_TESTS_FUZZ_IN_PROCESS_CHILD_H_
