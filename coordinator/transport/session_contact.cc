#include "coordinator/transport/session_contact.h"

#include "common/base/alive_flag.h"
#include "common/failure/failure.h"
#include "common/log/check.h"
#include "common/log/log.h"
#include "coordinator/transport/launch_spec.h"

namespace iris {
namespace {

// The stream and the link end together; the link knows why, and says so a little later.
constexpr absl::Duration kLinkVerdict = absl::Seconds(3);
// From this build on an agent knows OpenRequest.renew.
constexpr uint32_t kBuildThatRenews = 5;

TransportProgress::Stage StageOf(ConnectProgress::Stage stage) {
  if (stage == ConnectProgress::Stage::kUploading) return TransportProgress::Stage::kUploading;
  if (stage == ConnectProgress::Stage::kStarting) return TransportProgress::Stage::kStarting;
  return TransportProgress::Stage::kConnecting;
}

// What a call to the agent says when its wire is gone.
bool IsLossOfTheWire(const absl::Status& why) {
  return KindOf(why) == v1::FAILURE_DROPPED || KindOf(why) == v1::FAILURE_UNREACHABLE;
}

}  // namespace

SessionContact::SessionContact(EventLoop& loop, Link& link, CoordinatorIdentity identity,
                               const Team& team, const SessionKey& key, const HostMark& host,
                               TransportSink& sink, ContactOwner& owner)
    : loop_(loop),
      link_(link),
      team_(team),
      from_(key.from),
      sink_(sink),
      owner_(owner),
      calls_(loop, key.session_id, std::move(identity)),
      host_(host) {
  link_.AddObserver(this);
  link_.Lend(team_.asker.environment);
}

SessionContact::~SessionContact() {
  alive_.Clear();
  loop_.Cancel(verdict_timer_);
  link_.RemoveObserver(this);
}

void SessionContact::Later(std::function<void()> task) {
  loop_.Post([alive = alive_.Watch(), task = std::move(task)] {
    if (alive) task();
  });
}

void SessionContact::Handle(Event event) {
  Check(!machine_.has_contact() || calls_.has_contact(), "contact with a host is lost unheard");
  const TransportActions actions = machine_.Handle(event);
  if (actions.lose_contact) EndContact();
  if (actions.let_go) LetGo();
  if (actions.await_verdict) AwaitVerdict();
  if (actions.seek) SeekLink();
  if (actions.acquire) Acquire();
  if (actions.attach) Attach();
  if (actions.open) Open();
  if (actions.close) owner_.CloseChild();
}

// --------------------------------------------------------------------------------- the way there

void SessionContact::UseAskerOf(const Team& team) {
  team_ = team;
  LendToLink();
  // The host hears of it with the next new tell, which may be what starts the child; or, where
  // there is no contact, with all the rest.
  if (calls_.has_contact()) launch_.OnOtherAsker(team_, from_, calls_.hello());
}

void SessionContact::LendToLink() {
  if (calls_.has_contact()) {
    const HostNeeds needs = owner_.Needs();
    if (needs.given || needs.end) return;
  }
  link_.Lend(team_.asker.environment);
}

void SessionContact::UpdateUrgency() {
  const HostNeeds needs = owner_.Needs();
  link_.SetUrgent(this, state() != State::kOpen || needs.start || needs.tells || needs.end);
}

void SessionContact::SeekLink() {
  owner_.OnSeeking();
  LendToLink();
  link_.Want(this);  // Also where it is up: it is not to stay down once it is lost.
  if (std::shared_ptr<LinkLife> life = link_.life(); life != nullptr) OnLinkUp(life);
}

void SessionContact::OnLinkProgress(const ConnectProgress& progress) {
  const bool is_asked_anew = calls_.has_contact() && !leads_here();
  if (state() != State::kLinking && !is_asked_anew) return;
  sink_.OnProgress({.stage = StageOf(progress.stage),
                    .text = progress.text,
                    .bytes_done = progress.bytes_done,
                    .bytes_total = progress.bytes_total,
                    .host_asks = progress.host_asks});
}

void SessionContact::OnLinkUp(const std::shared_ptr<LinkLife>& life) {
  if (calls_.has_contact()) return OnAskedAnew(life);
  // The contact of before has ended while it was asked.
  if (state() == State::kAway && owner_.Needs().tells) Handle(Event::kLinkLost);
  if (state() != State::kLinking) return;
  if (!owner_.OnLinkIsUp()) return Handle(Event::kDone);
  calls_.Begin(life);
  LeaveOtherHostBehind();
  // A lease that was ours most likely is still: that saves a round trip. Where not, Attach says so.
  const HostNeeds needs = owner_.Needs();
  const bool may_have_lease =
      calls_.has_lease() && !take_lease_ && !needs.end && !needs.other_lease;
  Handle(may_have_lease ? Event::kLinkedWithLease : Event::kLinked);
}

// Another sender's environment leads to the host of this contact, or elsewhere.
void SessionContact::OnAskedAnew(const std::shared_ptr<LinkLife>& life) {
  if (life != calls_.life()) {
    Handle(Event::kLinkLost);
    return OnLinkUp(life);
  }
  owner_.OnLeadsHere();
  if (state() == State::kOpening && !calls_.is_opening()) return Open();
  if (state() == State::kOpen) owner_.OnMaySend();
}

void SessionContact::LeaveOtherHostBehind() {
  const absl::Status why = host_.OnLinkUp(calls_.hello());
  if (why.ok()) return;
  calls_.ForgetLease();
  owner_.OnOtherHost(why);
}

void SessionContact::OnLinkDown(const absl::Status& why, bool retries) {
  if (state() == State::kDown) return;
  const bool had_contact = state() != State::kLinking;
  // Whatever ended the link, for who had contact it is one thing: dropped.
  const absl::Status what =
      had_contact && retries ? MakeFailure(v1::FAILURE_DROPPED, ToProto(why).detail()) : why;
  owner_.OnLinkIsDown(what, why, retries);
}

// ---------------------------------------------------------------------------- how contact begins

void SessionContact::Acquire() {
  calls_.Acquire(take_lease_, [this](const absl::Status& acquired) {
    if (!acquired.ok()) return OnContactLost(acquired);
    take_lease_ = false;
    owner_.OnLeased();
    // How what the host has ended is read first: kAttachedToHear follows.
    const HostNeeds needs = owner_.Needs();
    Handle(needs.end && !needs.tells ? Event::kLeasedToEnd : Event::kLeased);
  });
}

void SessionContact::Attach() { calls_.Attach(owner_.OnAttaching(), *this); }

void SessionContact::OnNews(std::vector<SessionNews> news, uint64_t wire_bytes,
                            const ReadPoint& point) {
  link_.OnTraffic();
  owner_.OnNews(std::move(news), wire_bytes, point);
}

void SessionContact::Open() {
  if (!leads_here()) return;  // OnAskedAnew() comes back here.
  if (AgentIsTooOld()) return;
  calls_.Open(launch_.Make(team_, from_, *calls_.life()), take_claim_, team_.session_init_timeout,
              [this](const absl::StatusOr<v1::OpenResponse>& opened) {
                opened.ok() ? OnOpened(*opened) : OnNotOpened(opened.status());
              });
  Later([this] {
    if (!calls_.is_opening()) return;
    sink_.OnProgress(
        {.stage = TransportProgress::Stage::kStarting, .text = StartText(launch_.offered())});
  });
}

// To take how the team is launched. Then what waits fails, but not from inside a call to this.
bool SessionContact::AgentIsTooOld() {
  const absl::Status takes = CheckAgentTakes(team_, calls_.hello());
  if (takes.ok()) return false;
  Later([this, takes] {
    if (state() == State::kOpening && !calls_.is_opening()) OnNotOpened(takes);
  });
  return true;
}

void SessionContact::OnOpened(const v1::OpenResponse& response) {
  Handle(Event::kOpened);
  take_claim_ = false;
  launch_.OnHeard();
  const AliveWatch alive = alive_.Watch();
  owner_.OnOpened(response.child());
  if (!alive) return;
  if (state() == State::kOpen) owner_.OnMaySend();
  UpdateUrgency();
}

void SessionContact::OnNotOpened(const absl::Status& why) {
  // Close has ended the start, and its answer is still to come: it says what ran.
  if (calls_.is_closing() && !IsLossOfTheWire(why)) return;
  OnContactLost(why);
}

void SessionContact::Renew() {
  if (calls_.hello().build_number() < kBuildThatRenews) return owner_.OnMaySend();
  calls_.Renew(launch_.Make(team_, from_, *calls_.life()), [this](const absl::Status& renewed) {
    if (renewed.ok()) {
      launch_.OnHeard();
    } else {  // Before the next new tell it is opened.
      LogWarn(renewed.message());
    }
    if (state() == State::kOpen) owner_.OnMaySend();
  });
}

void SessionContact::OnChild(const v1::ChildInfo& child) {
  launch_.LearnFrom(child);
  take_claim_ = false;
}

// ------------------------------------------------------------------------------ how contact ends

void SessionContact::EndContact() {
  calls_.Drop();
  loop_.Cancel(std::exchange(verdict_timer_, 0));
  launch_.OnContactEnd();
  owner_.OnContactEnd();
}

void SessionContact::LetGo() {
  EndContact();
  ForgetTakeOver();
  owner_.OnLetGo();
  link_.Unwant(this);
}

void SessionContact::OnDetached(const absl::Status& why) {
  calls_.ForgetStream();
  OnContactLost(why);
}

void SessionContact::OnContactLost(const absl::Status& why) {
  // The lease of before is over, or the host has lost the session: only now it is asked for.
  const bool refused =
      KindOf(why) == v1::FAILURE_PERMISSION_DENIED || KindOf(why) == v1::FAILURE_BAD_REQUEST;
  if (state() == State::kReattaching && refused) return Handle(Event::kLeaseRefused);
  if (owner_.Needs().ended) return owner_.Fail(why);
  // A lease that was ours is over: an Acquire of an earlier contact came late. Where somebody else
  // took it, the next Acquire is refused.
  const bool lost_lease =
      KindOf(why) == v1::FAILURE_PERMISSION_DENIED && state() != State::kAcquiring;
  if (!IsLossOfTheWire(why) && !lost_lease) return owner_.Fail(why);
  lost_ = why;
  Handle(Event::kContactLost);
}

// Not yet the last word: the link is about to say what happened.
void SessionContact::AwaitVerdict() {
  verdict_timer_ = loop_.After(kLinkVerdict, [this] {
    verdict_timer_ = 0;
    OnVerdictDue();
  });
}

// The link is still there: it was the agent who ended the stream.
void SessionContact::OnVerdictDue() {
  const HostNeeds needs = owner_.Needs();
  if (!needs.tells && !needs.end && !needs.cancels) return owner_.Fail(lost_);
  Handle(Event::kSought);
}

}  // namespace iris
