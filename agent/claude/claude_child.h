#ifndef IRIS_AGENT_CLAUDE_CLAUDE_CHILD_H_
#define IRIS_AGENT_CLAUDE_CLAUDE_CHILD_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/claude/line_scanner.h"
#include "agent/process/child.h"
#include "common/loop/event_loop.h"

namespace iris {

// Why a claude that was started does not become ready.
enum class NotReady {
  kSilent,   // It did not answer `initialize` in time.
  kRefused,  // It refused it, and says why.
  kEcho,     // What it is told comes back: `cat` does so, and no claude.
};

// Hears of one claude. On the process loop, never from inside a call to it but FinishLine() and
// ReadOn().
class ClaudeSink {
 public:
  virtual ~ClaudeSink() = default;
  // Its process runs.
  virtual void OnStarted() = 0;
  // It answered `initialize`.
  virtual void OnReady() = 0;
  // `why` in its own words, for kRefused. It goes on until End().
  virtual void OnNotReady(NotReady reason, const std::string& why) = 0;
  // Bytes of its stdout, as LineScannerSink::OnLinePiece() has them.
  virtual void OnPiece(absl::string_view piece, bool ends_line) = 0;
  // A line is over. What it answers and asks follows by itself, below.
  virtual void OnLine(const LineFacts& facts, absl::string_view head, bool head_is_whole) = 0;
  // The last Probe() or Interrupt() since a message was sent. `dropped`: uuids of messages that it
  // had not begun.
  virtual void OnProbeAnswered() = 0;
  virtual void OnInterruptAnswered(const std::vector<std::string>& dropped) = 0;
  virtual void OnInterruptRefused() = 0;
  // It asks, or asks no more. `line` is empty where it was too long to be kept.
  virtual void OnRequest(const std::string& request_id, absl::string_view line) = 0;
  virtual void OnRequestWithdrawn(const std::string& request_id) = 0;
  // It asks without end, and reads none of the answers. Gets nothing more.
  virtual void OnDeaf() = 0;
  virtual void OnStderr(absl::string_view bytes) = 0;
  // As ChildSink has them. `was_starting`: it was neither ready nor being ended.
  virtual void OnExited(const absl::StatusOr<ExitStatus>& how, bool was_starting) = 0;
  virtual void OnGone() = 0;
};

// A claude as the next program of this process needs it to go on with it.
struct ClaudeHandover {
  ChildHandover child;
  bool resumed = false;
  std::string program;
  absl::Time started_at;
  std::string stderr_tail;
  size_t unread_bytes = 0;
};

// One `claude` that speaks stream-json with us (stream_json.h). Lives on the process loop.
//
//   Start() ─ starting ── initialize answered ──▶ ready ── End(), or it ends ──▶ ending ──▶ gone
//   Adopt() ──────────────────────────────────────▶
class ClaudeChild final : private ChildSink, private LineScannerSink {
 public:
  enum class State { kStarting, kReady, kEnding };
  // Of control lines that it has not read, beside a message. More, and it is deaf.
  static constexpr size_t kUnreadBytesMax = 4 << 20;
  static constexpr size_t kStderrTailBytes = 4 << 10;

  // As Child::Start(). `resumed`: it goes on with a session. Initialize() follows.
  static absl::StatusOr<std::unique_ptr<ClaudeChild>> Start(EventLoop& loop, const ChildSpec& spec,
                                                            bool resumed, const ChildStarter& start,
                                                            ClaudeSink& sink);
  // As Child::Adopt(); it was ready. ReadOn() follows.
  static absl::StatusOr<std::unique_ptr<ClaudeChild>> Adopt(EventLoop& loop,
                                                            ClaudeHandover handover,
                                                            ClaudeSink& sink);
  // Before OnGone(): kills everything, without waiting.
  ~ClaudeChild() override;

  // Once, after Start(). OnReady() or OnNotReady() follows, within `limit`.
  void Initialize(absl::Duration limit);
  // What had come of a line before Adopt(). The sink hears it.
  void ReadOn(absl::string_view unfinished) { scanner_.Feed(unfinished); }
  // The rest of its line does not come: what is there counts as a line. The sink hears it.
  void FinishLine() { scanner_.Finish(); }

  // A message; it is ready. Answers to what it was asked before do not count any more.
  void Send(absl::string_view uuid, absl::string_view text);
  // Control requests, of each kind the newest counts. Nothing happens where it is being ended.
  void Probe();
  void Interrupt();
  void Decide(absl::string_view request_id, absl::string_view decision);
  void Refuse(absl::string_view request_id, absl::string_view why);

  // EOF on stdin, after `grace` SIGTERM, and after another, of 500 ms at least, SIGKILL for
  // everything below it. Once.
  void End(absl::Duration grace);
  // As Child::PauseOutput().
  void PauseOutput(bool paused) { child_->PauseOutput(paused); }

  State state() const { return state_; }
  bool resumed() const { return resumed_; }
  const std::string& program() const { return program_; }  // Absolute path.
  absl::Time started_at() const { return started_at_; }
  const std::string& stderr_tail() const { return stderr_tail_; }
  pid_t keeper() const { return child_->keeper(); }
  pid_t pid() const { return child_->pid(); }
  uint64_t start_time() const { return child_->start_time(); }
  bool holds_life_file() const { return child_->holds_life_file(); }
  // What has come of its line, as LineScanner has it.
  const LineScanner& scanner() const { return scanner_; }

  // It is ready, its process goes on, and what has come of its line is here.
  bool can_be_handed_over() const { return child_->can_be_handed_over(); }
  ClaudeHandover HandOver() const;

 private:
  ClaudeChild(EventLoop& loop, ClaudeSink& sink) : loop_(loop), sink_(sink), scanner_(*this) {}

  void OnStarted(pid_t pid, uint64_t start_time) override;
  void OnStdout(absl::string_view bytes) override;
  void OnStderr(absl::string_view bytes) override;
  void OnExited(const absl::StatusOr<ExitStatus>& how) override;
  void OnGone() override;
  void OnLinePiece(absl::string_view piece, bool ends_line) override;
  void OnLine(const LineFacts& facts, absl::string_view head, bool head_is_whole) override;

  void OnControlResponse(absl::string_view line);
  // A line for it that is no message.
  void WriteControl(const std::string& line);
  size_t unread_bytes() const;
  void CancelTimer(EventLoop::TimerId& timer);

  EventLoop& loop_;
  ClaudeSink& sink_;
  LineScanner scanner_;
  State state_ = State::kStarting;
  bool resumed_ = false;
  std::string program_;
  absl::Time started_at_;
  std::string stderr_tail_;
  std::string initialize_id_, probe_id_, interrupt_id_;  // Empty: answered, or not asked for.
  // Written to it since it had read everything, but for messages.
  size_t unread_bytes_ = 0;
  EventLoop::TimerId step_timer_ = 0;  // initialize, or the next step of its end.
  EventLoop::TimerId deaf_timer_ = 0;  // It did not read as much as it has to.
  std::unique_ptr<Child> child_;       // Last: it speaks of what is above.
};

}  // namespace iris

#endif  // IRIS_AGENT_CLAUDE_CLAUDE_CHILD_H_
