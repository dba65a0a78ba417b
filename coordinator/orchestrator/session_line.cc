#include "coordinator/orchestrator/session_line.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/kept/answers_kept.h"
#include "coordinator/orchestrator/kept_text.h"
#include "coordinator/orchestrator/limit_wait.h"
#include "coordinator/orchestrator/progress.h"
#include "coordinator/orchestrator/tell.h"

namespace iris {
namespace {

constexpr absl::Duration kStartAgain = absl::Seconds(1);  // Where the store did not take it.
// For a limit: the clock may be set, and the machine may sleep.
constexpr absl::Duration kLookAgain = absl::Minutes(1);

absl::Status NobodyAsked() {
  return MakeFailure(
      v1::FAILURE_DROPPED,
      absl::StrCat("nobody whose variables the team's passEnv could take asked in the ",
                   kAnswersKeptDays, " days that the message waited"),
      "Send it again.");
}

}  // namespace

SessionLine::SessionLine(const Parts& parts, PooledSession& session)
    : parts_(parts),
      session_id_(session.session_id()),
      session_(&session),
      settings_(session, order_, wakes_, parts.tells, parts.teams),
      host_({parts.store, parts.tells, parts.settling, parts.teams, parts.limits}, session, order_,
            settings_),
      places_({parts.store, parts.pool, parts.tells, parts.wayless}, session_id_, order_, settings_,
              host_) {}

// ------------------------------------------------------------------------------------- what starts

bool SessionLine::TakesAtOnce() const { return order_.size() == 0 && session_->takes_at_once(); }

void SessionLine::TakeUp(StoredTell stored) {
  // Two were under way only where an earlier version lost sight of one. A session that is changing
  // has still the way of somebody else.
  const bool is_free = !order_.is_busy() && !session_->ending() && !session_->settings_are_due() &&
                       places_.GivenElsewhere() == 0;
  if (stored.state == TellState::kQueued || !is_free) {
    order_.PushBack(stored.tell_id);
    return PostStartNext();
  }
  order_.GoOnWith(stored.tell_id);
  session_->Resume(IdOnHost(stored.tell_id, stored.limit_waits), std::move(stored.text),
                   /*given=*/true);
}

void SessionLine::PostStartNext() {
  parts_.loop.Post([this, alive = alive_.Watch()] {
    if (alive) StartNext();
  });
}

void SessionLine::StartNext() {
  if (has_left()) return;
  const absl::Time not_before = places_.NotBefore();
  const bool is_due = not_before == absl::InfinitePast();
  if (!is_due) WaitForLimit(not_before);
  const bool lacks_asker = !order_.is_busy() && settings_.FirstLacksVariables();
  const bool is_held = places_.GivenElsewhere() > 0;
  if (lacks_asker || is_held) places_.Report();
  const bool tell_is_next = !order_.is_busy() && order_.any_waits() && is_due && !host_.awaited() &&
                            !lacks_asker && !is_held;
  if (!tell_is_next && !wakes_.waiting()) return;
  settings_.UseThoseOfNow();
  if (parts_.pool.Admit(*session_)) return StartWhatWaits();
  places_.Report();
}

void SessionLine::OnRoom() {
  settings_.UseThoseOfNow();
  if (!session_->ending()) return StartWhatWaits();
  parts_.pool.Admit(*session_);  // A child with the old ones is to end first: OnRoom() comes again.
}

void SessionLine::StartWhatWaits() {
  if (wakes_.waiting()) {
    wakes_.AwaitChild() ? session_->TakeOver() : session_->Wake();
  }
  if (order_.is_busy() || !order_.any_waits()) return;
  // The start that is under way has other settings than the message is to have: its end goes on.
  if (session_->settings_are_due()) return;
  if (host_.awaited() || places_.NotBefore() != absl::InfinitePast()) return;
  if (settings_.FirstLacksVariables() || places_.GivenElsewhere() > 0) return;
  const std::string tell_id = order_.waiting().front();
  const std::string id_on_host = parts_.tells.At(tell_id).id_on_host();
  if (absl::Status status = Start(tell_id); !status.ok()) return StartAgainSoon(status);
  if (order_.IsFirst(tell_id)) {
    order_.StartFirst();
  } else if (!has_left()) {
    // Somebody who heard that the store does not take it has cancelled it: it is not to stay in the
    // way of the next.
    session_->Cancel(id_on_host);
  }
  places_.Report();
}

absl::Status SessionLine::Start(const std::string& tell_id) {
  AcceptedTell& tell = parts_.tells.At(tell_id);
  absl::StatusOr<std::string> text = TextOf(tell);
  if (!text.ok()) return text.status();
  if (tell.giving().may_be_there()) {
    session_->Resume(tell.id_on_host(), *std::move(text), tell.given());
  } else {
    session_->Tell(tell.id_on_host(), *std::move(text));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> SessionLine::TextOf(AcceptedTell& tell) {
  if (const std::unique_ptr<KeptText> kept = tell.TakeText(); kept != nullptr) return kept->Take();
  absl::StatusOr<absl::optional<StoredTell>> stored = parts_.store.FindTell(tell.id());
  if (!stored.ok()) return stored.status();
  if (stored->has_value()) return std::move((*stored)->text);
  return MakeFailure(v1::FAILURE_STORAGE,
                     absl::StrCat("message ", tell.id(), " is in the store no more"));
}

// Nobody got the message: it keeps its place.
void SessionLine::StartAgainSoon(const absl::Status& why) {
  const std::string tell_id = order_.waiting().front();
  parts_.tells.SetProgress(tell_id, NotStoredProgress("the message cannot be taken up yet", why));
  if (std::exchange(starts_again_, true)) return;
  LogError("tell ", tell_id, " to start: ", why.message());
  parts_.loop.After(kStartAgain, [this, alive = alive_.Watch()] {
    if (!alive) return;
    starts_again_ = false;
    StartNext();
  });
}

void SessionLine::WaitForLimit(absl::Time not_before) {
  if (std::exchange(waits_for_limit_, true)) return;
  places_.Report();
  const absl::Duration left = std::min(not_before - parts_.store.Now(), kLookAgain);
  parts_.loop.After(left, [this, alive = alive_.Watch()] {
    if (!alive) return;
    waits_for_limit_ = false;
    StartNext();
  });
}

// ------------------------------------------------------------------------------------- who asks

void SessionLine::TryNow() {
  settings_.UseThoseOfNow();
  PostTryNow();
}

// Whoever asks lends the link what it has in the same task of the loop.
void SessionLine::PostTryNow() {
  parts_.loop.Post([this, alive = alive_.Watch()] {
    if (alive && !has_left()) session_->TryNow();
  });
}

void SessionLine::Lend(AcceptedTell& tell, const SharedEnvironment& environment, bool by_sender) {
  const std::string& tell_id = tell.id();
  const bool waited = settings_.FirstLacksVariables() && order_.IsFirst(tell_id);
  if (!settings_.Lend(tell, environment, by_sender)) return;
  if (waited) PostStartNext();
  const bool is_awaited = host_.awaited() && order_.IsFirst(tell_id);
  // Of others it is asked for when their turn comes.
  if (order_.in_flight() != tell_id && !is_awaited) return;
  if (settings_.UseThoseOf(environment)) PostTryNow();
}

void SessionLine::LendWhatIsNext() {
  for (const std::string& tell_id : std::deque<std::string>(order_.waiting())) {
    AcceptedTell* const tell = parts_.tells.Find(tell_id);
    if (tell == nullptr || !tell->asker().has_next()) continue;
    Lend(*tell, tell->asker().TakeNext(), /*by_sender=*/false);
  }
}

// ------------------------------------------------------------------------------------- what ends

void SessionLine::CancelQueued(const std::string& tell_id) {
  order_.Remove(tell_id);
  parts_.cancels.EndQueued(parts_.tells.At(tell_id), session_);
  LetGoOfWaits();
  places_.Report();
}

void SessionLine::CancelInFlight(const AcceptedTell& tell) {
  parts_.cancels.Note(tell);
  session_->Cancel(tell.id_on_host());
}

void SessionLine::LetGoOfWaits() {
  if (order_.any_waits()) return;
  host_.End();
  session_->StopAwaiting();
  if (!wakes_.waiting()) parts_.pool.LeaveLine(session_id_);
}

void SessionLine::EndOverdue() {
  if (has_left() || !order_.any_waits()) return;
  std::vector<std::pair<std::string, absl::Status>> ends;
  for (const std::string& waiting : order_.waiting()) {
    absl::Status end = EndIfOverdue(waiting);
    if (!end.ok()) ends.emplace_back(waiting, std::move(end));
  }
  if (ends.empty()) return;
  for (const auto& [tell_id, end] : ends) {
    order_.Remove(tell_id);
    parts_.settling.End(tell_id, end);
  }
  LetGoOfWaits();
  places_.Report();
  PostStartNext();
}

// OK: it does not.
absl::Status SessionLine::EndIfOverdue(const std::string& tell_id) const {
  const AcceptedTell* const tell = parts_.tells.Find(tell_id);
  const bool is_overdue =
      tell != nullptr && tell->IsOverdue(parts_.store.Now(), parts_.limits.host_wait_max);
  if (!is_overdue || tell->given()) return absl::OkStatus();
  if (const absl::optional<absl::Status> end = host_.EndOf(*tell); end.has_value()) return *end;
  const bool lacks_asker = order_.IsFirst(tell_id) && settings_.FirstLacksVariables();
  return lacks_asker ? NobodyAsked() : absl::OkStatus();
}

// --------------------------------------------------------------------------------- what it hears

void SessionLine::OnProgress(const TransportProgress& progress) {
  if (!host_.awaited()) return parts_.tells.SetProgress(order_.in_flight(), ToProto(progress));
  host_.Say(ToProto(progress));
  places_.Report();
}

void SessionLine::OnReady(int64_t child_pid) {
  trouble_.OnReady();
  v1::WakeResponse response;
  response.set_child_pid(child_pid);
  wakes_.Answer(response);
  if (order_.any_waits()) PostStartNext();
}

void SessionLine::OnDown(const absl::Status& why) {
  trouble_.OnDown(why);
  wakes_.Answer(why);
  if (order_.any_waits()) PostStartNext();
}

void SessionLine::OnHostAway(const HostAway& away) {
  parts_.loop.Post([this, alive = alive_.Watch(), away] {
    if (alive && !has_left()) UseOfAway(away);
  });
}

void SessionLine::UseOfAway(const HostAway& away) {
  const bool is_tried_again = host_.OnAway(away);
  places_.Report();
  LetGoOfWaits();
  // What is wrong may be the name of the host: what somebody mended counts from the next attempt.
  if (order_.is_busy() || host_.awaited()) settings_.UseThoseOfNow();
  LendWhatIsNext();
  if (is_tried_again) session_->TryLater();
}

void SessionLine::OnHostBack() {
  host_.End();
  PostStartNext();
}

void SessionLine::OnMarkStored(const ReadMark& mark) {
  if (!has_left()) session_->Acknowledge(mark);
}

void SessionLine::OnSentAgain(AcceptedTell& tell) {
  order_.PutBack(tell.id());
  if (tell.cancels() > 0) return CancelQueued(tell.id());
  places_.Report();
  PostStartNext();
}

void SessionLine::OnSettled(const AcceptedTell& tell) {
  order_.End(tell.id());
  PostStartNext();
  last_turn_ = tell.answer().account();
  trouble_.OnSettled(tell.outcome());
}

void SessionLine::Describe(v1::SessionStatus& status) const {
  if (IsKnown(last_turn_)) *status.mutable_last_turn() = last_turn_;
  if (!trouble_.status().ok()) *status.mutable_trouble() = ToProto(trouble_.status());
  places_.Describe(status);
}

void SessionLine::Leave(const absl::Status& why) {
  order_.Clear();
  host_.End();
  wakes_.CancelWaiting(why);
  wakes_.Answer(why);
  session_ = nullptr;
}

}  // namespace iris
