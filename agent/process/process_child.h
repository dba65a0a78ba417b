#ifndef IRIS_AGENT_PROCESS_PROCESS_CHILD_H_
#define IRIS_AGENT_PROCESS_PROCESS_CHILD_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/process/child.h"
#include "common/base/scoped_fd.h"
#include "common/loop/event_loop.h"

namespace iris {

// A Child that is a process below a keeper. On the process loop.
class ProcessChild final : public Child {
 public:
  ProcessChild(EventLoop& loop, ChildSink& sink) : loop_(loop), sink_(sink) {}
  ~ProcessChild() override;

  // Once. An error: there is no keeper.
  absl::Status Begin(const ChildSpec& spec);
  // Or this, once.
  absl::Status AdoptHandover(ChildHandover handover);

  bool can_be_handed_over() const override;
  ChildHandover HandOver() const override;

  void Write(std::string bytes) override;
  size_t queued_bytes() const override { return unwritten_.size() - written_; }
  void CloseStdin() override;
  void Signal(int signal) override;
  void KillAll() override;
  void PauseOutput(bool paused) override;
  bool holds_life_file() const override { return holds_life_file_; }
  pid_t keeper() const override { return keeper_; }
  pid_t pid() const override { return pid_; }
  uint64_t start_time() const override { return start_time_; }

 private:
  struct Output {
    ScopedFd fd;
    size_t left = 0;  // Once it has exited: what was in the pipe then, less what was read.
  };
  void WatchOutput();
  void WatchOutputLater(const absl::Status& why);
  void WatchStdin();
  void OnReport();
  void OnReportLine(absl::string_view line);
  void OnKeeperGone();
  // Reads once; false when there was nothing (more) to read for now.
  bool ReadOnce(Output& output);
  void OnExitKnown();
  void DrainAndReportExit();
  void SweepStrays();
  void WriteQueued();
  void CloseReader(ScopedFd& fd);

  EventLoop& loop_;
  ChildSink& sink_;
  pid_t keeper_ = 0;
  pid_t pid_ = 0;
  uint64_t start_time_ = 0;
  bool holds_life_file_ = false;
  std::string program_;  // Until it runs.
  ScopedFd stdin_, report_;
  Output stdout_, stderr_;
  std::string unwritten_;  // From written_ on.
  size_t written_ = 0;
  bool stdin_watched_ = false;
  bool close_stdin_ = false;
  bool paused_ = false;
  std::string report_text_;
  bool exit_known_ = false;     // The keeper said how, or can say no more.
  bool exit_reported_ = false;  // OnExited was called.
  bool left_nothing_ = false;   // The keeper said so.
  bool keeper_gone_ = false;
  int sweeps_ = 0;
  EventLoop::TimerId sweep_ = 0;
  EventLoop::TimerId drain_ = 0;
  EventLoop::TimerId watch_again_ = 0;
  EventLoop::TimerId write_again_ = 0;
  int watch_failures_ = 0;  // Of its output, one after the other.
  absl::Status unheard_;    // Why it was ended, where nobody could hear it any more.
  absl::StatusOr<ExitStatus> exit_ = absl::UnknownError("running");
};

}  // namespace iris

#endif  // IRIS_AGENT_PROCESS_PROCESS_CHILD_H_
