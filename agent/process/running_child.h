#ifndef IRIS_AGENT_PROCESS_RUNNING_CHILD_H_
#define IRIS_AGENT_PROCESS_RUNNING_CHILD_H_

#include <sys/types.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "agent/process/child.h"
#include "agent/process/descendants.h"
#include "agent/testing/processes.h"
#include "common/loop/event_loop.h"
#include "gtest/gtest.h"

namespace iris {

// For tests of Child: the test thread's view of it. Every wait ends after kChildDeadline.
inline constexpr absl::Duration kChildDeadline = absl::Seconds(60);

// What a child said, in the order in which it was heard.
class ChildListener : public ChildSink {
 public:
  void OnStarted(pid_t pid, uint64_t) override {
    Hear("started");
    Set(&pid_, pid);
  }
  void OnStdout(absl::string_view bytes) override {
    absl::MutexLock lock(&mutex_);
    if (pid_ == 0) heard_ += "output before the start, ";
    out_.append(bytes.data(), bytes.size());
  }
  void OnStderr(absl::string_view bytes) override {
    absl::MutexLock lock(&mutex_);
    err_.append(bytes.data(), bytes.size());
  }
  void OnExited(const absl::StatusOr<ExitStatus>& how) override {
    absl::MutexLock lock(&mutex_);
    absl::StrAppend(&heard_, "exited after ", out_.size(), "+", err_.size(), " bytes, ");
    how_ = how;
  }
  void OnGone() override {
    Hear("gone");
    Set(&gone_, true);
  }

  std::string heard() { return Get(heard_); }
  std::string out() { return Get(out_); }
  std::string err() { return Get(err_); }
  pid_t pid() { return Get(pid_); }
  // "code 3", "signal 9", an error's text, or "running".
  std::string end() {
    absl::MutexLock lock(&mutex_);
    if (!how_.has_value()) return "running";
    if (!how_->ok()) return std::string(how_->status().message());
    return absl::StrCat((*how_)->by_signal ? "signal " : "code ", (*how_)->number);
  }

  // Of an error; OK: it ended, or runs.
  absl::StatusCode end_code() {
    absl::MutexLock lock(&mutex_);
    return how_.has_value() ? how_->status().code() : absl::StatusCode::kOk;
  }

  bool WaitForOut(const std::string& text) {
    return Eventually(
        [&] { return absl::string_view(out()).find(text) != absl::string_view::npos; });
  }
  bool WaitForStart() {
    return Await([](ChildListener* self) { return self->pid_ != 0; });
  }
  bool WaitForExit() {
    return Await([](ChildListener* self) { return self->how_.has_value(); });
  }
  bool WaitForGone() {
    return Await([](ChildListener* self) { return self->gone_; });
  }

 private:
  void Hear(const char* what) {
    absl::MutexLock lock(&mutex_);
    absl::StrAppend(&heard_, what, ", ");
  }
  template <typename T>
  void Set(T* field, T value) {
    absl::MutexLock lock(&mutex_);
    *field = value;
  }
  template <typename T>
  T Get(const T& field) {
    absl::MutexLock lock(&mutex_);
    return field;
  }
  bool Await(bool (*condition)(ChildListener*)) {
    absl::MutexLock lock(&mutex_);
    return mutex_.AwaitWithTimeout(absl::Condition(condition, this), kChildDeadline);
  }

  absl::Mutex mutex_;
  std::string heard_, out_, err_;
  pid_t pid_ = 0;
  std::optional<absl::StatusOr<ExitStatus>> how_;
  bool gone_ = false;
};

// A child on a loop of its own.
class RunningChild {
 public:
  // `watched_max`: of its loop.
  explicit RunningChild(const ChildSpec& spec,
                        size_t watched_max = std::numeric_limits<size_t>::max()) {
    Do([&] {
      thread_.loop().set_watched_max(watched_max);
      absl::StatusOr<std::unique_ptr<Child>> child = Child::Start(thread_.loop(), spec, listener);
      if (child.ok()) child_ = *std::move(child);
      status = child.status();
    });
  }
  ~RunningChild() { Destroy(); }

  // Runs `task` on the loop and waits for it.
  void Do(std::function<void()> task) {
    absl::Notification done;
    thread_.loop().Post([&] {
      task();
      done.Notify();
    });
    ASSERT_TRUE(done.WaitForNotificationWithTimeout(kChildDeadline));
  }
  void Write(std::string bytes) {
    Do([&] { child_->Write(std::move(bytes)); });
  }
  size_t queued_bytes() {
    size_t bytes = 0;
    Do([&] { bytes = child_->queued_bytes(); });
    return bytes;
  }
  void CloseStdin() {
    Do([this] { child_->CloseStdin(); });
  }
  void Pause(bool paused) {
    Do([=, this] { child_->PauseOutput(paused); });
  }
  void Signal(int number) {
    Do([=, this] { child_->Signal(number); });
  }
  void KillAll() {
    Do([this] { child_->KillAll(); });
  }
  void Destroy() {
    Do([this] { child_.reset(); });
  }
  pid_t keeper() const { return ChildrenOf(getpid()).at(0); }
  EventLoop& loop() { return thread_.loop(); }

  ChildListener listener;
  absl::Status status;

 private:
  LoopThread thread_;
  std::unique_ptr<Child> child_;
};

}  // namespace iris

#endif  // IRIS_AGENT_PROCESS_RUNNING_CHILD_H_
