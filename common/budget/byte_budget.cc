#include "common/budget/byte_budget.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/budget/heap.h"

namespace iris {
namespace {

// Giving memory back takes some milliseconds.
constexpr size_t kWorthGivingBack = 8 << 20;

}  // namespace

ByteBudget::Holder::~Holder() {
  budget_.waiting_.remove(this);
  Set(0);
}

void ByteBudget::Holder::Set(size_t bytes) {
  const size_t before = std::exchange(bytes_, bytes);
  budget_.held_ += bytes - before;  // Unsigned: also where it is less.
  const bool ends_turn = bytes == 0 && budget_.chosen_ == this;
  if (ends_turn) budget_.StopChoosing();
  if (ends_turn || bytes < before) budget_.OnLess(before - bytes);
}

bool ByteBudget::Holder::MayTakeMore(std::function<void()> on_room, size_t lump) {
  budget_.waiting_.remove(this);
  const bool may = budget_.MayTake(*this, lump);
  const bool others_wait = !budget_.waiting_.empty();
  const bool turn_is_over = others_wait && budget_.loop_.now() >= budget_.turn_ends_;
  if (!may && budget_.chosen_ == this && turn_is_over) budget_.StopChoosing();
  if (!may && budget_.chosen_ == nullptr && !others_wait) budget_.Choose(this);
  if (may || budget_.chosen_ == this) {
    on_room_ = nullptr;
    if (budget_.chosen_ == this) budget_.WaitForChosen();
    return true;
  }
  on_room_ = std::move(on_room);
  lump_ = lump;
  // The chosen one's turn is counted from when somebody waits for its end.
  if (!others_wait) budget_.turn_ends_ = budget_.loop_.now() + kTurn;
  budget_.waiting_.push_back(this);
  // Others wait, and nobody's end is going to wake them.
  if (budget_.chosen_ == nullptr) budget_.WakeSoon();
  return false;
}

bool ByteBudget::MayTake(const Holder& holder, size_t lump) const {
  if (lump > 0) return held_ + lump <= bytes_max_;
  return HasRoom() || holder.bytes_ <= bytes_max_ / 1000;
}

ByteBudget::~ByteBudget() {
  if (patience_ != 0) loop_.Cancel(patience_);
  if (wake_ != 0) loop_.Cancel(wake_);
}

void ByteBudget::OnLess(size_t freed) {
  freed_ += freed;
  if (freed_ >= kWorthGivingBack) {
    freed_ = 0;
    // What was counted is freed by whoever counted it, once this returns.
    loop_.Post([] { GiveHeapBack(); });
  }
  if (HasRoom()) StopChoosing();
  if (!waiting_.empty() && (HasRoom() || chosen_ == nullptr)) WakeSoon();
}

void ByteBudget::Choose(Holder* holder) {
  chosen_ = holder;
  turn_ends_ = loop_.now() + kTurn;
  WaitForChosen();
}

void ByteBudget::WaitForChosen() {
  if (patience_ != 0) loop_.Cancel(patience_);
  patience_ = loop_.After(kPatience, [this] {
    patience_ = 0;
    StopChoosing();
    if (!waiting_.empty()) WakeSoon();
  });
}

void ByteBudget::StopChoosing() {
  chosen_ = nullptr;
  if (patience_ != 0) loop_.Cancel(std::exchange(patience_, 0));
}

void ByteBudget::WakeSoon() {
  if (wake_ != 0) return;
  wake_ = loop_.After(absl::ZeroDuration(), [this] {
    wake_ = 0;
    Wake();
  });
}

// All that may take, and one more where nobody gets on; the others keep their places.
void ByteBudget::Wake() {
  const std::vector<Holder*> waited(waiting_.begin(), waiting_.end());
  for (Holder* const holder : waited) {
    const auto place = std::find(waiting_.begin(), waiting_.end(), holder);
    if (place == waiting_.end()) continue;  // Destroyed by another, or it has asked since.
    if (!MayTake(*holder, holder->lump_)) {
      if (chosen_ != nullptr) continue;
      Choose(holder);
    }
    waiting_.erase(place);
    std::exchange(holder->on_room_, nullptr)();  // May destroy it, and others.
  }
}

}  // namespace iris
