#ifndef IRIS_AGENT_TESTING_FAKE_CHILD_H_
#define IRIS_AGENT_TESTING_FAKE_CHILD_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/process/child.h"
#include "common/loop/event_loop.h"

namespace iris {

// A child without a process: a test reads what it is sent, and says what it says by its sink.
class FakeChild final : public Child {
 public:
  static constexpr pid_t kKeeper = 5'000'001;  // Above any that Linux gives out.
  static constexpr pid_t kPid = 5'000'002;

  // Starts one, and puts it where the test finds it for as long as it lives.
  static ChildStarter Into(FakeChild** where) {
    return [where](EventLoop&, const ChildSpec&, ChildSink& sink) {
      auto child = std::make_unique<FakeChild>(sink, where);
      *where = child.get();
      return absl::StatusOr<std::unique_ptr<Child>>(std::move(child));
    };
  }

  FakeChild(ChildSink& sink, FakeChild** where) : sink_(sink), where_(where) {}
  ~FakeChild() override { *where_ = nullptr; }

  // It says this line, or ends.
  void Say(absl::string_view line) { sink_.OnStdout(absl::StrCat(line, "\n")); }
  void SayBytes(absl::string_view bytes) { sink_.OnStdout(bytes); }
  void SayOnStderr(absl::string_view bytes) { sink_.OnStderr(bytes); }
  void Exit(int code) { sink_.OnExited(ExitStatus{.number = code}); }
  void Go() { sink_.OnGone(); }
  // It reads nothing any more.
  void StopReading() { reads_ = false; }

  // Lines that it was sent.
  const std::vector<std::string>& written() const { return written_; }
  bool stdin_closed() const { return stdin_closed_; }
  bool killed() const { return killed_; }
  bool paused() const { return paused_; }
  const std::vector<int>& signals() const { return signals_; }

  void Write(std::string bytes) override {
    if (!reads_) queued_bytes_ += bytes.size();
    if (!bytes.empty() && bytes.back() == '\n') bytes.pop_back();
    written_.push_back(std::move(bytes));
  }
  size_t queued_bytes() const override { return queued_bytes_; }
  void CloseStdin() override { stdin_closed_ = true; }
  void Signal(int signal) override { signals_.push_back(signal); }
  void KillAll() override { killed_ = true; }
  void PauseOutput(bool paused) override { paused_ = paused; }
  bool can_be_handed_over() const override { return !stdin_closed_; }
  pid_t keeper() const override { return kKeeper; }
  pid_t pid() const override { return kPid; }
  uint64_t start_time() const override { return 1; }

 private:
  ChildSink& sink_;
  FakeChild** const where_;
  bool reads_ = true;
  size_t queued_bytes_ = 0;
  std::vector<std::string> written_;
  bool stdin_closed_ = false;
  bool killed_ = false;
  bool paused_ = false;
  std::vector<int> signals_;
};

}  // namespace iris

#endif  // IRIS_AGENT_TESTING_FAKE_CHILD_H_
