#include "coordinator/store/sqlite/known_tells.h"

#include <algorithm>
#include <utility>

#include "common/log/check.h"

namespace iris {

bool KnownTells::Add(Tell tell) {
  const int64_t seq = tell.settled_seq;
  const bool has_place = fetched_.count(seq) + unfetched_.count(seq) + dropped_.count(seq) == 0;
  if (!has_place || by_number_.count(tell.number) > 0 || numbers_.contains(tell.id)) return false;
  numbers_.emplace(tell.id, tell.number);
  last_seq_ = std::max(last_seq_, seq);
  Place(by_number_.emplace(tell.number, std::move(tell)).first->second);
  return true;
}

int64_t KnownTells::NextNumber() const {
  return by_number_.empty() ? 1 : by_number_.rbegin()->first + 1;
}

const KnownTells::Tell* KnownTells::Find(absl::string_view id) const {
  const auto found = numbers_.find(id);
  return found == numbers_.end() ? nullptr : &by_number_.at(found->second);
}

void KnownTells::Settle(int64_t number, int64_t bytes, int64_t age_ms) {
  Tell& tell = by_number_.at(number);
  Check(tell.settled_seq == 0, "a message of the store is settled twice");
  TakeOut(tell);
  tell.settled_seq = ++last_seq_;
  tell.bytes = bytes;
  tell.age_ms = age_ms;
  Place(tell);
}

void KnownTells::MarkFetched(int64_t number) {
  Tell& tell = by_number_.at(number);
  TakeOut(tell);
  tell.fetched = true;
  Place(tell);
}

void KnownTells::Drop(int64_t number) {
  Tell& tell = by_number_.at(number);
  TakeOut(tell);
  tell.dropped = true;
  tell.bytes = 0;
  Place(tell);
}

void KnownTells::Forget(int64_t number) {
  const auto found = by_number_.find(number);
  TakeOut(found->second);
  numbers_.erase(found->second.id);
  by_number_.erase(found);
}

int64_t KnownTells::FirstFetched() const { return fetched_.empty() ? 0 : fetched_.begin()->second; }

int64_t KnownTells::FirstKept() const {
  if (unfetched_.empty()) return FirstFetched();
  const bool fetched_first =
      !fetched_.empty() && fetched_.begin()->first < unfetched_.begin()->first;
  return fetched_first ? FirstFetched() : unfetched_.begin()->second;
}

KnownTells::BySeq& KnownTells::PlaceOf(const Tell& tell) {
  if (tell.dropped) return dropped_;
  return tell.fetched ? fetched_ : unfetched_;
}

void KnownTells::Place(const Tell& tell) {
  if (tell.settled_seq == 0) {
    open_.insert(tell.number);
    return;
  }
  PlaceOf(tell).emplace(tell.settled_seq, tell.number);
  kept_bytes_ += tell.bytes;
}

void KnownTells::TakeOut(const Tell& tell) {
  if (tell.settled_seq == 0) {
    open_.erase(tell.number);
    return;
  }
  PlaceOf(tell).erase(tell.settled_seq);
  kept_bytes_ -= tell.bytes;
}

}  // namespace iris
