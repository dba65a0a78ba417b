#ifndef IRIS_COORDINATOR_DESK_ANSWER_TEXT_H_
#define IRIS_COORDINATOR_DESK_ANSWER_TEXT_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/budget/byte_budget.h"
#include "common/loop/event_loop.h"
#include "coordinator/desk/desk.h"

namespace iris {

// The answer of a settled tell while a client takes it. It is held, and counted in the budget, only
// as long as the client goes on taking it: else the store has it, and it is read from there again.
//
//   none ── Offer(), Get() ──▶ held ── Drop(), or no Get() for kPatience ──▶ none
//
// Lives on the coordinator's loop.
class AnswerText {
 public:
  // Of shorter answers it is not worth it: they may be held until they are taken.
  static constexpr size_t kSmallBytesMax = 64 << 10;
  // Shorter than the budget's own patience: who does not read holds up nobody who waits for room.
  static constexpr absl::Duration kPatience = absl::Seconds(2);

  // All outlive it. `go_on`: there may be room now for what Get() had none for.
  AnswerText(EventLoop& loop, Desk& desk, ByteBudget& budget, std::function<void()> go_on)
      : loop_(loop), desk_(desk), memory_(budget), go_on_(std::move(go_on)) {}
  ~AnswerText() { Drop(); }
  AnswerText(const AnswerText&) = delete;
  AnswerText& operator=(const AnswerText&) = delete;

  // The answer is at hand, and is about to be given: it is held if there is room.
  void Offer(const std::string& tell_id, std::shared_ptr<const std::string> answer);
  // The answer of a tell, `bytes` long, for each piece of it; the caller does not keep it. Null:
  // there is no room, and `go_on` comes. Errors, after which the client has to ask for the outcome
  // again: the store cannot be read (FAILURE_STORAGE), or has no such answer any more
  // (FAILURE_INTERNAL).
  absl::StatusOr<std::shared_ptr<const std::string>> Get(const std::string& tell_id, size_t bytes);
  // All of it was given.
  void Drop();

 private:
  // Whether it may be held now.
  bool HasRoom(size_t bytes) { return memory_.MayTakeMore(go_on_, bytes); }
  void WaitForNext();
  void Hold(const std::string& tell_id, std::shared_ptr<const std::string> answer);
  absl::StatusOr<std::shared_ptr<const std::string>> Read(const std::string& tell_id);

  EventLoop& loop_;
  Desk& desk_;
  ByteBudget::Holder memory_;
  const std::function<void()> go_on_;
  std::string tell_id_;  // Whose answer is held.
  std::shared_ptr<const std::string> answer_;
  EventLoop::TimerId patience_ = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_DESK_ANSWER_TEXT_H_
