#include "common/budget/byte_budget.h"

#include <utility>

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
  if (bytes == 0 && budget_.chosen_ == this) budget_.StopChoosing();
  if (bytes < before) budget_.OnLess(before - bytes);
}

bool ByteBudget::Holder::MayTakeMore(std::function<void()> on_room, size_t lump) {
  budget_.waiting_.remove(this);
  const bool may =
      lump == 0 ? bytes_ == 0 || budget_.HasRoom() : budget_.held_ + lump <= budget_.bytes_max_;
  if (!may && budget_.chosen_ == nullptr && budget_.waiting_.empty()) budget_.Choose(this);
  if (may || budget_.chosen_ == this) {
    on_room_ = nullptr;
    if (budget_.chosen_ == this) budget_.Choose(this);  // It goes on: patience begins anew.
    return true;
  }
  on_room_ = std::move(on_room);
  budget_.waiting_.push_back(this);
  return false;
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
  StopChoosing();
  chosen_ = holder;
  patience_ = loop_.After(kPatience, [this] {
    patience_ = 0;
    OnPatienceOver();
  });
}

void ByteBudget::StopChoosing() {
  chosen_ = nullptr;
  if (patience_ != 0) loop_.Cancel(std::exchange(patience_, 0));
}

void ByteBudget::OnPatienceOver() {
  StopChoosing();
  if (!waiting_.empty()) WakeSoon();
}

void ByteBudget::WakeSoon() {
  if (wake_ != 0) return;
  wake_ = loop_.After(absl::ZeroDuration(), [this] {
    wake_ = 0;
    Wake();
  });
}

void ByteBudget::Wake() {
  for (size_t left = waiting_.size(); left > 0 && !waiting_.empty(); --left) {
    Holder* const holder = waiting_.front();
    if (!HasRoom()) {
      if (chosen_ != nullptr) return;
      Choose(holder);
    }
    waiting_.pop_front();
    std::exchange(holder->on_room_, nullptr)();  // May destroy it, and others.
  }
}

}  // namespace iris
