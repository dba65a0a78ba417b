// How a contact begins: what is open is sent again, and the host hears how to launch from now on.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/transport/agent_transport.h"
#include "coordinator/transport/launch_spec.h"

namespace iris {
namespace {

// From this build on an agent knows TellFrame.begun and OpenRequest.renew.
constexpr uint32_t kBuildThatKnows = 5;
constexpr absl::Duration kGiveAgain = absl::Seconds(1);  // Where a tell may not be given yet.
constexpr size_t kEnvironmentIdBytes = 8;

size_t HashOf(const v1::LaunchSpec& spec) {
  return std::hash<std::string>()(spec.environment().SerializeAsString());
}

}  // namespace

void AgentTransport::OnAttached(const SessionNews& attached) {
  const std::shared_ptr<bool> alive = alive_;
  SettleWhatCannotBeAsked(attached.known);
  if (!*alive) return;
  if (!attached.known) {
    for (PendingTell& tell : tells_) tell.begun_before |= tell.begun && tell.has_text;
  }
  const bool any_sent =
      std::any_of(tells_.begin(), tells_.end(), [](const PendingTell& tell) { return tell.sent; });
  // Where the store is a copy that was put back, it does not say what the host has got; and where
  // the host has lost its files, nobody but the transcript knows.
  const bool host_forgot = !attached.known && (any_sent || !point_.mark.journal_id.empty());
  if (host_forgot || attached.store_is_old) repeats_all_ = true;
  if (!requests_.empty() || !attached.requests.empty()) {
    requests_.clear();
    sink_.OnRequests(requests_);
    for (const v1::PendingRequest& request : attached.requests) {
      if (*alive) OnAsked(request);
    }
    if (!*alive) return;
  }
  if (!ending_.empty()) {
    if (calls_.is_closing()) return;
    return Handle(tells_.empty() ? Event::kAttachedToEnd : Event::kAttachedToHear);
  }
  if (OnAttachedToCancel()) return;
  const bool host_has_tells = attached.known && any_sent;
  // An Open that fails would fail tells whose answers are about to be read.
  if (!host_has_tells || spawning_) return Handle(Event::kAttachedToOpen);
  Handle(Event::kAttachedToRead);
  if (attached.child.pid() != 0) {
    BecomeReady(attached.child);
  } else {
    TellDown(MakeFailure(v1::FAILURE_CHILD_EXITED, "claude ended while the host was out of reach"));
  }
  if (*alive && state() == State::kOpen) Renew();
}

// What is started next has this connection's SSH_AUTH_SOCK, and the settings of now. It starts
// nothing: the answers that are about to be read may need no child any more.
void AgentTransport::Renew() {
  if (calls_.hello().build_number() < kBuildThatKnows) return SendTells();
  calls_.Renew(Launch(), [this](const absl::Status& renewed) {
    if (renewed.ok()) {
      launch_is_new_ = true;
    } else {  // Before the next new tell it is opened.
      LogWarn(renewed.message());
    }
    if (state() == State::kOpen) SendTells();
  });
}

// To be told how the team is launched. Then what waits fails, but not from inside a call to this.
bool AgentTransport::AgentIsTooOld() {
  const absl::Status takes = CheckAgentTakes(team_, calls_.hello());
  if (takes.ok()) return false;
  Later([this, takes] {
    if (state() == State::kOpening && !calls_.is_opening()) OnNotOpened(takes);
  });
  return true;
}

// As it is now, for the host of this contact.
v1::LaunchSpec AgentTransport::Launch() {
  v1::LaunchSpec spec = LaunchSpecFor(team_, key_.from, calls_.hello());
  NameLink(calls_.life()->identity, calls_.hello(), spec);
  const size_t hash_before = std::exchange(environment_hash_, HashOf(spec));
  environment_is_old_ = false;
  const EnvironmentNames before = std::exchange(offered_, NamesIn(spec, team_));
  if (!spec.has_environment()) return spec;
  const bool is_same = hash_before == environment_hash_ && before.from == offered_.from;
  offered_.id = is_same ? before.id : RandomHex(kEnvironmentIdBytes);
  spec.set_environment_id(offered_.id);
  return spec;
}

// The child says which one it was started with: one that runs keeps its own, whatever was offered.
void AgentTransport::LearnEnvironment(const v1::ChildInfo& child) {
  if (!given_.from.empty() && child.environment_id() == given_.id) return;
  given_ = child.environment_id() == offered_.id ? offered_ : EnvironmentNames();
}

// The host hears of it with the next new tell, which may be what starts the child.
void AgentTransport::UseAskerOf(const Team& team) {
  const bool is_other =
      team.asker.environment != nullptr && team.asker.environment != team_.asker.environment;
  if (is_other && state() == State::kLinking && is_trying_) asker_is_newer_ = true;
  team_ = team;
  LendToLink();
  if (!calls_.has_contact()) return;  // It is told all of it when there is contact.
  const v1::LaunchSpec spec = LaunchSpecFor(team_, key_.from, calls_.hello());
  environment_is_old_ = HashOf(spec) != environment_hash_;
}

void AgentTransport::SendTells() {
  if (!host_.is_stored()) return;  // Acknowledge() says when.
  if (calls_.is_renewing() || !leads_here()) return;
  for (PendingTell& tell : tells_) {
    if (tell.on_stream) continue;
    if (!tell.sent && (!launch_is_new_ || environment_is_old_)) {
      return Handle(Event::kChildNeeded);
    }
    if (!tell.given && !sink_.MayGive(tell.id)) return SendTellsLater();
    tell.on_stream = tell.given = true;
    const bool repeat = std::exchange(tell.sent, true) || repeats_all_;
    calls_.stream()->SendTell(tell.id, tell.text, repeat, BeganElsewhere(tell));
  }
}

void AgentTransport::SendTellsLater() {
  if (give_timer_ != 0) return;
  give_timer_ = loop_.After(kGiveAgain, [this] {
    give_timer_ = 0;
    if (state() == State::kOpen) SendTells();
  });
}

// In a journal that is gone, or at a place of it that is gone.
bool AgentTransport::BeganElsewhere(const PendingTell& tell) const {
  return tell.begun_before || (tell.begun && point_.mark.in_flight != tell.id);
}

std::string AgentTransport::BegunTell() const {
  for (const PendingTell& tell : tells_) {
    if (tell.begun) return tell.id;
  }
  return "";
}

// An agent that does not know TellFrame.begun would have claude run it again.
void AgentTransport::SettleWhatCannotBeAsked(bool journal_is_known) {
  if (calls_.hello().build_number() >= kBuildThatKnows) return;
  std::vector<std::string> lost;
  for (const PendingTell& tell : tells_) {
    if (tell.begun && (!journal_is_known || BeganElsewhere(tell))) lost.push_back(tell.id);
  }
  const std::shared_ptr<bool> alive = alive_;
  for (const std::string& tell_id : lost) {
    if (!*alive || Find(tell_id) == nullptr) continue;
    SettleOne(tell_id, MakeFailure(v1::FAILURE_AMBIGUOUS,
                                   "claude had begun the message, and the host, whose agent is of "
                                   "an older build, has lost what became of it"));
  }
}

}  // namespace iris
