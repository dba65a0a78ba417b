#include "coordinator/transport/host_wait.h"

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/alive_flag.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

std::string BlockedText(const absl::Status& why) {
  const Failure failure = ToProto(why);
  const absl::string_view fix =
      failure.fix().empty() ? FixFor(KindOf(failure)) : absl::string_view(failure.fix());
  return absl::StrCat(
      "the team has the message and may be working on it, but the way to it is "
      "blocked: ",
      failure.detail(), ". ", fix,
      " The answer is fetched then: it is tried again now and then, and when "
      "somebody sends something to the team");
}

}  // namespace

bool HostWait::TakeBack(const std::string& tell_id) {
  const PendingTell* const tell = tells_.Find(tell_id);
  if (tell == nullptr || tell->given) return false;
  tells_.Remove(tell_id);
  is_awaited_ = true;
  return true;
}

bool HostWait::OnUp() {
  is_lost_ = is_trying_ = asker_is_newer_ = false;
  retry_.Cancel();
  retry_.Reset();
  return std::exchange(is_awaited_, false);
}

// What the host has goes on there, whatever has to be mended here.
bool HostWait::OnAway(HostAway& away) {
  away.asker_is_newer = std::exchange(asker_is_newer_, false);
  is_trying_ = away.retries;
  std::vector<std::pair<std::string, absl::Status>> ends;
  for (const std::string& tell_id : tells_.NotGivenIds()) {
    absl::Status end = sink_.EndWhileAway(tell_id, away);
    if (!end.ok()) ends.emplace_back(tell_id, std::move(end));
  }
  const AliveWatch alive = alive_.Watch();
  for (const auto& [tell_id, end] : ends) {
    if (!turns_.SettleEach({tell_id}, end) || !alive) return false;
  }
  return true;
}

void HostWait::TryAgain(const HostAway& away) {
  if (away.retries) {
    retry_.Cancel();
  } else if (away.login_in.has_value()) {  // Whoever asked has not had a login yet.
    retry_.In(*away.login_in);
  } else if (tells_.any_given()) {  // Worth another login that is refused, most likely.
    retry_.Later();
  }
}

bool HostWait::Say(const HostAway& away) {
  const bool any_given = tells_.any_given();
  const AliveWatch alive = alive_.Watch();
  sink_.OnProgress({.stage = TransportProgress::Stage::kConnecting,
                    .text = any_given && !away.retries ? BlockedText(away.why) : WhyItWaits(away)});
  if (!alive) return false;
  // Behind what a host has nobody else waits for one that has not answered for long.
  const bool others_end = away.retries && !away.host_is_known && !tells_.empty();
  if (is_awaited_ || (!tells_.empty() && !any_given) || others_end) sink_.OnHostAway(away);
  return alive.is_set();
}

}  // namespace iris
