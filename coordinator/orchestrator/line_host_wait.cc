#include "coordinator/orchestrator/line_host_wait.h"

#include <deque>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "coordinator/caller/caller.h"
#include "coordinator/orchestrator/no_way.h"
#include "coordinator/orchestrator/post_note.h"
#include "coordinator/orchestrator/progress.h"
#include "coordinator/transport/transport.h"

namespace iris {

LeftMessage LineHostWait::Left(const AcceptedTell& tell, const HostAway& away) const {
  return tell.Left(away, parts_.store.Now(), parts_.limits.host_wait_max);
}

bool LineHostWait::OnAway(const HostAway& away) {
  TakeBack();
  away_ = away;
  EndWhatDoesNotWait(away);
  const bool is_tried_again = absl::c_any_of(order_.waiting(), [&](const std::string& waiting) {
    return IsTriedAgain(Left(parts_.tells.At(waiting), away), away);
  });
  if (awaited() && order_.any_waits()) {
    says_ = ToProto(
        {.stage = TransportProgress::Stage::kConnecting, .text = WhyItWaits(away, is_tried_again)});
  }
  return is_tried_again;
}

// One that somebody cancels is settled by the transport, in a moment.
void LineHostWait::TakeBack() {
  AcceptedTell* const tell = parts_.tells.Find(order_.in_flight());
  if (tell == nullptr || tell->is_over() || tell->cancels() > 0) return;
  if (!session_.Withdraw(tell->id_on_host())) return;
  // Where it was to be given at once it is stored as running. What is not stored now, a later life
  // takes for given, which it has to be able to do anyway.
  tell->giving().TakeBack();
  PostNote(parts_.store, absl::StrCat("that tell ", tell->id(), " waits again"),
           [tell_id = tell->id()](Store& store) { return store.MarkQueued(tell_id); });
  order_.TakeBack();
  says_.emplace();
}

void LineHostWait::EndWhatDoesNotWait(const HostAway& away) {
  const absl::Status there = parts_.teams.CheckStillThere(Caller::Named(session_.from()),
                                                          session_.to(), settings_.environment());
  std::deque<std::string> stay;
  std::vector<std::pair<std::string, absl::Status>> ends;
  for (const std::string& waiting : order_.waiting()) {
    AcceptedTell& tell = parts_.tells.At(waiting);
    absl::Status end =
        there.ok() ? EndWhileAway(Left(tell, away), away) : NoWay(there, tell.given());
    // What would be tried with its own environment is not, before the one in front has gone: that
    // may be days.
    const bool is_stuck = !stay.empty() && !away.retries && !away.asker_is_newer &&
                          tell.asker().is_sender() && !tell.wait_for_host();
    if (end.ok() && is_stuck) end = away.why;
    if (tell.given() || end.ok()) {
      stay.push_back(waiting);
      if (away.retries) tell.NoteHostWait();
      // What was lent does not serve; whoever asks next may have more, and may also where a login
      // with it is still to come.
      const bool is_blocked = !away.retries && !away.asker_is_newer;
      if (is_blocked) tell.asker().DidNotServe(/*login_comes=*/away.login_in.has_value());
    } else {
      ends.emplace_back(waiting, std::move(end));
    }
  }
  order_.Keep(std::move(stay));
  for (const auto& [tell_id, end] : ends) parts_.settling.End(tell_id, end);
}

absl::optional<absl::Status> LineHostWait::EndOf(const AcceptedTell& tell) const {
  if (!awaited() || !away_.has_value()) return absl::nullopt;
  HostAway away = *away_;
  away.asker_is_newer = false;
  return EndWhileAway(Left(tell, away), away);
}

void LineHostWait::End() {
  says_.reset();
  away_.reset();
}

}  // namespace iris
