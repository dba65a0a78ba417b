#ifndef IRIS_COMMON_BUDGET_BYTE_BUDGET_H_
#define IRIS_COMMON_BUDGET_BYTE_BUDGET_H_

#include <cstddef>
#include <functional>
#include <list>

#include "absl/time/time.h"
#include "common/loop/event_loop.h"

namespace iris {

// What a daemon holds in memory because others send it, of all its sessions and clients together.
// Each has a Holder, says what it holds, and asks before it takes more in.
//
//   room ── held() reaches the budget ──▶ one at a time ── held() falls below it ──▶ room
//
// Beyond the budget one holder alone gets on: until it holds nothing, or does not ask for
// kPatience, or has had kTurn while others wait; then the one that has waited for the longest. So
// nobody stands still for ever, whatever the chosen one does, and one alone always gets on. Who
// holds less than a thousandth of the budget may always take more: what is small waits for nobody.
//
// So held() goes beyond bytes_max() by what one holder takes in a turn, and by a thousandth for
// each holder. Where those that were chosen keep what they took and do not end, it grows with every
// turn: the price of nobody standing still.
//
// Memory that was let go is given back to the system. Lives on the loop.
class ByteBudget {
 public:
  // Of a daemon.
  static constexpr size_t kDaemonBytes = 256 << 20;
  static constexpr absl::Duration kPatience = absl::Seconds(5);
  static constexpr absl::Duration kTurn = absl::Seconds(30);

  explicit ByteBudget(EventLoop& loop, size_t bytes_max = kDaemonBytes)
      : loop_(loop), bytes_max_(bytes_max) {}
  // Every Holder is gone.
  ~ByteBudget();
  ByteBudget(const ByteBudget&) = delete;
  ByteBudget& operator=(const ByteBudget&) = delete;

  class Holder {
   public:
    explicit Holder(ByteBudget& budget) : budget_(budget) {}
    ~Holder();
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;

    // It holds so many bytes now.
    void Set(size_t bytes);
    // Whether it may take more in: a little, or `lump` bytes at once, which wait until all of
    // them have room. If not, `on_room` is called once, never from inside a call to the budget,
    // when it is worth asking again; a later question takes the place of an earlier one.
    bool MayTakeMore(std::function<void()> on_room, size_t lump = 0);
    size_t bytes() const { return bytes_; }

   private:
    friend class ByteBudget;

    ByteBudget& budget_;
    size_t bytes_ = 0;
    std::function<void()> on_room_;  // It waits,
    size_t lump_ = 0;                // for this much.
  };

  size_t held() const { return held_; }
  size_t bytes_max() const { return bytes_max_; }

 private:
  bool HasRoom() const { return held_ < bytes_max_; }
  bool MayTake(const Holder& holder, size_t lump) const;
  // `holder` holds less, or nothing, or is gone.
  void OnLess(size_t freed);
  void Choose(Holder* holder);
  void StopChoosing();
  // The chosen one's turn ends where it does not ask within kPatience.
  void WaitForChosen();
  void WakeSoon();
  void Wake();

  EventLoop& loop_;
  const size_t bytes_max_;
  size_t held_ = 0;
  size_t freed_ = 0;            // Since memory was given back last.
  std::list<Holder*> waiting_;  // Who has waited for the longest, first.
  Holder* chosen_ = nullptr;    // Gets on beyond the budget.
  absl::Duration turn_ends_;    // Its own, if others wait.
  EventLoop::TimerId patience_ = 0;
  EventLoop::TimerId wake_ = 0;
};

}  // namespace iris

#endif  // IRIS_COMMON_BUDGET_BYTE_BUDGET_H_
