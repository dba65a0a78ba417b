#ifndef IRIS_AGENT_SESSION_IDLE_WATCH_H_
#define IRIS_AGENT_SESSION_IDLE_WATCH_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/claude/line_scanner.h"
#include "agent/claude/stream_json.h"

namespace iris {

struct IdleLimits {
  absl::Duration check_every = absl::Seconds(5);
  absl::Duration idle = absl::Seconds(30);     // So long a result may still be under way.
  absl::Duration answer = absl::Seconds(15);   // Of a control request.
  absl::Duration silence = absl::Minutes(10);  // Of a claude that never says whether it works.
  absl::Duration give_up = absl::Minutes(15);  // After a line that was broken, whatever it was.
};

// Notices that the turn of the tell in flight is over although no result line said so: the line was
// broken, cut, or never written. Goes by claude's own word (system/session_state_changed: `idle`
// comes after the result); where that is missing or may be in the broken line, by silence, after
// which claude is asked with a control request. Time comes from the caller, who may take any clock
// that does not jump. Not thread-safe.
class IdleWatch {
 public:
  enum class Due {
    kNothing,
    kAsk,   // Send a control request that changes nothing; OnAskSent() and OnAskAnswered() follow.
    kLook,  // The transcript may have the whole answer. OnLooked() follows.
    kSettle,  // The turn is over, whatever the transcript says.
  };

  // For another watch to go on with.
  struct Seen {
    // In the turn of the tell in flight.
    bool line_broken = false;  // A line of claude's was none, or one that is cut.
    bool text_lost = false;    // Some of the answer was in it.
    bool result_lost = false;  // The result was.
    // Of its child.
    bool knows_state = false;  // It says whether it works.
    bool state_lost = false;   // A broken line since may have said something else.
    bool says_idle = false;
    bool idle_in_turn = false;  // It said so after the tell was written.
  };

  explicit IdleWatch(const IdleLimits& limits = {}) : limits_(limits) {}

  void OnChildStarted();
  void OnTellWritten(absl::Time now);
  // What was broken before is no matter of this turn.
  void OnAnswerBegins() { seen_.line_broken = seen_.text_lost = seen_.result_lost = false; }
  // Settled, or its child is gone.
  void OnTellOver() { in_turn_ = false; }
  // A line of claude's stdout; `head` is its beginning.
  void OnLine(const LineFacts& facts, absl::string_view head, absl::Time now);
  // Some of a line whose end has not come yet.
  void OnPiece(absl::Time now);
  // Nothing can be expected: its output is not read, or it waits for somebody's answer.
  void OnHeld(bool held, absl::Time now);

  void OnAskSent(absl::Time now);
  void OnAskAnswered() { answered_ = true; }
  void OnLooked(absl::Time now);

  Due Check(absl::Time now) const;
  // It answered what it was asked last, so it has read what was written before.
  bool answered() const { return answered_; }
  // A line of the answer was broken in this turn.
  bool text_lost() const { return seen_.text_lost; }
  bool line_broken() const { return seen_.line_broken; }
  bool says_idle() const { return says_idle_since_.has_value(); }
  Seen seen() const;
  // What another watch has seen of this child, and of the turn if a tell is in flight.
  void Resume(const Seen& seen, bool in_turn, absl::Time now);

 private:
  void OnBroken(const BrokenLine& line, absl::Time now);
  void OnSign(absl::Time now);
  bool MayBeBroken() const { return seen_.line_broken || in_line_; }

  IdleLimits limits_;
  bool in_turn_ = false;
  bool held_ = false;
  absl::Time last_sign_;  // The last line or piece of one, or the tell.
  bool in_line_ = false;  // Its end has not come.
  Seen seen_;             // But for says_idle.
  std::optional<absl::Time> says_idle_since_;
  std::optional<absl::Time> asked_at_;  // Since the last sign.
  bool answered_ = false;
  absl::Time next_look_;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_IDLE_WATCH_H_
