#include "coordinator/transport/turn_relay.h"

#include <deque>
#include <utility>

#include "common/base/alive_flag.h"
#include "coordinator/transport/name_takeover.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

TurnRelay::TurnRelay(EventLoop& loop, PendingTells& tells, const SessionKey& key,
                     const ReadMark& after, TransportSink& sink, ByteBudget* budget)
    : tells_(tells),
      key_(key),
      sink_(sink),
      progress_(loop, [this](const TransportProgress& progress) { sink_.OnProgress(progress); }),
      point_{.mark = after} {
  if (budget != nullptr) memory_.emplace(*budget);
}

void TurnRelay::CountMemory() {
  const SharedText& end = point_.mark.turn.end;
  const size_t end_bytes = end == nullptr ? 0 : end->size();
  if (memory_.has_value()) memory_->Set(text_bytes_ + point_.line_bytes + end_bytes);
}

// ------------------------------------------------------------------------------ what a turn says

// A turn says something. True: it is passed on, to who waits for it from its beginning.
bool TurnRelay::IsHeard(const SessionNews& item) {
  const bool begins =
      item.kind == SessionNews::Kind::kWritten || item.kind == SessionNews::Kind::kVoid;
  if (tells_.Find(item.tell_id) == nullptr) {
    unheard_ = item.tell_id;
  } else if (begins && unheard_ == item.tell_id) {
    unheard_.clear();
  }
  return unheard_ != item.tell_id;
}

void TurnRelay::Apply(SessionNews& item) {
  PendingTell* const tell = tells_.Find(item.tell_id);
  switch (item.kind) {
    case SessionNews::Kind::kWritten:
      return OnWritten(item);
    case SessionNews::Kind::kText:
      if (!IsHeard(item) || item.text.empty()) return;
      tell->has_text = true;
      text_bytes_ += item.text.size();
      return sink_.OnText(item.tell_id, std::move(item.text));
    case SessionNews::Kind::kVoid:
      if (!IsHeard(item)) return;
      tell->has_text = false;
      tell->begun = true;
      text_bytes_ = 0;
      return sink_.OnTextVoid(item.tell_id);
    case SessionNews::Kind::kDoing:
      if (tell != nullptr && unheard_ != item.tell_id) progress_.OnDoing(item.doing);
      return;
    case SessionNews::Kind::kSettled:
      return OnSettled(item);
    default:
      return;  // Not of a turn.
  }
}

void TurnRelay::OnWritten(const SessionNews& item) {
  if (!IsHeard(item)) return;
  PendingTell* const tell = tells_.Find(item.tell_id);
  const AliveWatch alive = alive_.Watch();
  text_bytes_ = 0;
  tell->begun = true;
  progress_.OnWritten();
  // Written once more: what an earlier child said of it does not count.
  if (std::exchange(tell->has_text, false)) sink_.OnTextVoid(item.tell_id);
  if (alive) sink_.OnProgress(progress_.Working("claude has the message"));
}

void TurnRelay::OnSettled(SessionNews& item) {
  const PendingTell* const tell = tells_.Find(item.tell_id);
  if (tell == nullptr) return;
  if (unheard_ == item.tell_id) {
    item.structured_bytes = 0;
    item.account.reset();
    if (item.outcome.ok()) item.outcome = NotReadWhole();
  }
  if (tell->begun) progress_.OnSettled();
  v1::TurnAccount account;
  const bool has_account = item.account != nullptr && account.ParseFromString(*item.account);
  if (has_account) sink_.OnAccount(item.tell_id, account);
  if (item.structured_bytes > 0) sink_.OnStructured(item.tell_id, item.structured_bytes);
  Settle(item.tell_id, item.outcome);
}

bool TurnRelay::OnRead(const ReadPoint& point, const HostMark& host) {
  const ReadMark before = std::exchange(point_, point).mark;
  point_.mark.host = host;
  point_.mark.begun = tells_.BegunId();
  if (point_.mark.in_flight == unheard_) point_.mark.in_flight.clear();
  CountMemory();
  return point_.mark != before;
}

void TurnRelay::ForgetHalfLine() {
  point_ = ReadPoint{.mark = point_.mark};
  CountMemory();
}

// ------------------------------------------------------------------------------- how tells end

void TurnRelay::Settle(const std::string& tell_id, const absl::Status& outcome) {
  const PendingTell settled = tells_.Remove(tell_id);
  if (settled.has_text) text_bytes_ = 0;
  CountMemory();
  sink_.OnSettled(settled.id, NameTakeover(outcome, key_));
}

bool TurnRelay::SettleEach(const std::vector<std::string>& ids, const absl::Status& outcome) {
  const AliveWatch alive = alive_.Watch();
  for (const std::string& tell_id : ids) {
    if (tells_.Find(tell_id) != nullptr) Settle(tell_id, outcome);
    if (!alive) return false;
  }
  return true;
}

bool TurnRelay::SettleAll(const absl::Status& outcome) {
  const std::deque<PendingTell> tells = tells_.TakeAll();
  text_bytes_ = 0;
  CountMemory();
  const AliveWatch alive = alive_.Watch();
  for (const PendingTell& tell : tells) {
    sink_.OnSettled(tell.id, outcome);
    if (!alive) return false;
  }
  return true;
}

}  // namespace iris
