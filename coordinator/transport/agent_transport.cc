#include "coordinator/transport/agent_transport.h"

#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/transport/launch_spec.h"
#include "coordinator/transport/prose.h"

namespace iris {
namespace {

// From this build on an agent knows TellFrame.begun and OpenRequest.renew.
constexpr uint32_t kBuildThatKnows = 5;

}  // namespace

AgentTransport::AgentTransport(EventLoop& loop, Link& link, CoordinatorIdentity identity,
                               const Team& team, SessionKey key, const ReadMark& after,
                               TransportSink& sink, ByteBudget* budget)
    : loop_(loop),
      link_(link),
      team_(team),
      key_(std::move(key)),
      sink_(sink),
      calls_(loop, key_.session_id, std::move(identity)),
      host_(after.host),
      sender_(loop, tells_, calls_, sink,
              [this] {
                if (state() == State::kOpen) SendTells();
              }),
      turns_(loop, tells_, key_, after, sink, metrics_, budget),
      child_(key_.session_id, turns_.progress(), sink),
      cancels_(loop, calls_, [this](const std::string& tell_id) { OnCancelHeard(tell_id); }),
      end_(loop),
      retry_(loop, [this] { Handle(Event::kSought); }) {
  link_.AddObserver(this);
  LendToLink();
}

AgentTransport::~AgentTransport() {
  *alive_ = false;
  Handle(Event::kDone);
  link_.RemoveObserver(this);
}

void AgentTransport::Later(std::function<void()> task) {
  loop_.Post([alive = alive_, task = std::move(task)] {
    if (*alive) task();
  });
}

void AgentTransport::Handle(Event event) {
  const TransportActions actions = machine_.Handle(event);
  if (actions.lose_contact) LoseContact();
  if (actions.let_go) LetGo();
  if (actions.await_verdict) AwaitVerdict();
  if (actions.seek) SeekLink();
  if (actions.acquire) Acquire();
  if (actions.attach) Attach();
  if (actions.open) Open();
  if (actions.close) Close();
}

// ------------------------------------------------------------------------------- the way to open

void AgentTransport::Spawn() {
  LendToLink();
  if (state() == State::kOpen && child_.ready() && leads_here()) {
    return Later([this] { child_.SayReadyAgain(); });
  }
  spawning_ = true;
  UpdateUrgency();
  // Open: the child has ended since; the agent starts another.
  if (machine_.Possible(Event::kChildNeeded)) return Handle(Event::kChildNeeded);
  SeekOrTryNow();
}

void AgentTransport::TakeOver() {
  take_lease_ = take_claim_ = spawning_ = true;
  UpdateUrgency();
  // Whether the lease is still ours only the host knows: the whole way is gone anew.
  Handle(Event::kStartedOver);
}

void AgentTransport::SeekOrTryNow() { state() == State::kDown ? Handle(Event::kSought) : TryNow(); }

void AgentTransport::SeekLink() {
  is_trying_ = true;
  LendToLink();
  link_.Want(this);  // Also where it is up: it is not to stay down once it is lost.
  if (std::shared_ptr<LinkLife> life = link_.life(); life != nullptr) OnLinkUp(life);
}

void AgentTransport::LendToLink() {
  if (calls_.has_contact() && (tells_.any_given() || end_.asked())) return;
  link_.Lend(team_.asker.environment);
}

// Another sender's environment leads to the host of this contact, or elsewhere.
void AgentTransport::OnAskedAnew(const std::shared_ptr<LinkLife>& life) {
  if (life != calls_.life()) {
    Handle(Event::kLinkLost);
    return OnLinkUp(life);
  }
  if (std::exchange(spawning_, false)) Spawn();
  if (state() == State::kOpening && !calls_.is_opening()) return Open();
  if (state() == State::kOpen) SendTells();
}

void AgentTransport::OnLinkUp(const std::shared_ptr<LinkLife>& life) {
  if (calls_.has_contact()) return OnAskedAnew(life);
  // The contact of before has ended while it was asked.
  if (state() == State::kAway && !tells_.empty()) Handle(Event::kLinkLost);
  if (state() != State::kLinking) return;
  was_lost_ = is_trying_ = asker_is_newer_ = false;
  retry_.Cancel();
  retry_.Reset();
  if (std::exchange(awaits_host_, false)) {
    Later([this] { sink_.OnHostBack(); });
    if (IsIdle()) return Handle(Event::kDone);
  }
  calls_.Begin(life);
  LeaveOtherHostBehind();
  // A lease that was ours most likely is still: that saves a round trip. Where not, Attach says so.
  // A Close that was never answered may still come there: only a new lease keeps it from counting.
  const bool may_have_lease =
      calls_.has_lease() && !take_lease_ && !end_.asked() && !end_.may_still_come();
  Handle(may_have_lease ? Event::kLinkedWithLease : Event::kLinked);
}

void AgentTransport::LeaveOtherHostBehind() {
  const absl::Status why = host_.OnLinkUp(calls_.hello());
  if (why.ok()) return;
  calls_.ForgetLease();
  for (const std::string& tell_id : tells_.GivenIds()) {
    Later([this, tell_id, why] { SettleEach({tell_id}, why); });
  }
}

void AgentTransport::Acquire() {
  calls_.Acquire(take_lease_, [this](const absl::Status& acquired) {
    if (!acquired.ok()) return OnContactLost(acquired);
    take_lease_ = false;
    end_.OnNewLease();
    // How what the host has ended is read first: OnAttached() goes on.
    Handle(end_.asked() && tells_.empty() ? Event::kLeasedToEnd : Event::kLeased);
  });
}

void AgentTransport::Attach() {
  tells_.OnNewStream();
  calls_.Attach(turns_.point(), *this);
}

void AgentTransport::OnAttached(const SessionNews& attached) {
  const std::shared_ptr<bool> alive = alive_;
  SettleWhatCannotBeAsked(attached.known);
  if (!*alive) return;
  if (!attached.known) tells_.OnJournalLost();
  const bool any_sent = tells_.any_sent();
  // Where the store is a copy that was put back, it does not say what the host has got; and where
  // the host has lost its files, nobody but the transcript knows.
  const bool host_forgot = !attached.known && (any_sent || !turns_.mark().journal_id.empty());
  if (host_forgot || attached.store_is_old) sender_.RepeatAll();
  child_.OnAttached(attached.requests);
  if (!*alive) return;
  if (end_.asked()) {
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
    child_.SayGone(
        MakeFailure(v1::FAILURE_CHILD_EXITED, "claude ended while the host was out of reach"));
  }
  if (*alive && state() == State::kOpen) Renew();
}

// Nothing was opened. True: nothing is to be. What the host would start a child with may be
// settings that an earlier coordinator knew.
bool AgentTransport::OnAttachedToCancel() {
  const bool nothing_else = tells_.empty() && !spawning_;
  if (nothing_else) Handle(Event::kAttachedToCancel);
  cancels_.AskAll(host_.mark().key);
  LetGoAfterCancels();
  return nothing_else;
}

// An agent that does not know TellFrame.begun would have claude run it again.
void AgentTransport::SettleWhatCannotBeAsked(bool journal_is_known) {
  if (calls_.hello().build_number() >= kBuildThatKnows) return;
  SettleEach(tells_.BegunElsewhereIds(journal_is_known, turns_.mark().in_flight),
             MakeFailure(v1::FAILURE_AMBIGUOUS,
                         "claude had begun the message, and the host, whose agent is of an older "
                         "build, has lost what became of it"));
}

void AgentTransport::Open() {
  if (!leads_here()) return;  // OnAskedAnew() comes back here.
  if (AgentIsTooOld()) return;
  calls_.Open(launch_.Make(team_, key_.from, *calls_.life()), take_claim_,
              team_.session_init_timeout, [this](const absl::StatusOr<v1::OpenResponse>& opened) {
                opened.ok() ? OnOpened(*opened) : OnNotOpened(opened.status());
              });
  Later([this] {
    if (!calls_.is_opening()) return;
    sink_.OnProgress(
        {.stage = TransportProgress::Stage::kStarting, .text = StartText(launch_.offered())});
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

void AgentTransport::OnOpened(const v1::OpenResponse& response) {
  Handle(Event::kOpened);
  take_claim_ = false;
  launch_.OnHeard();
  const std::shared_ptr<bool> alive = alive_;
  BecomeReady(response.child());
  if (!*alive) return;
  if (state() == State::kOpen) SendTells();
  UpdateUrgency();
}

// What is started next has this connection's SSH_AUTH_SOCK, and the settings of now. It starts
// nothing: the answers that are about to be read may need no child any more.
void AgentTransport::Renew() {
  if (calls_.hello().build_number() < kBuildThatKnows) return SendTells();
  calls_.Renew(launch_.Make(team_, key_.from, *calls_.life()), [this](const absl::Status& renewed) {
    if (renewed.ok()) {
      launch_.OnHeard();
    } else {  // Before the next new tell it is opened.
      LogWarn(renewed.message());
    }
    if (state() == State::kOpen) SendTells();
  });
}

void AgentTransport::BecomeReady(const v1::ChildInfo& child) {
  launch_.LearnFrom(child);
  if (child_.ready() && child_.Is(child)) return;
  spawning_ = take_claim_ = false;
  if (!child_.Is(child)) ++metrics_.spawns;
  child_.OnReady(child);
}

// The host hears of it with the next new tell, which may be what starts the child.
void AgentTransport::UseAskerOf(const Team& team) {
  const bool is_other =
      team.asker.environment != nullptr && team.asker.environment != team_.asker.environment;
  if (is_other && state() == State::kLinking && is_trying_) asker_is_newer_ = true;
  team_ = team;
  LendToLink();
  // Else it is told all of it when there is contact.
  if (calls_.has_contact()) launch_.OnOtherAsker(team_, key_.from, calls_.hello());
}

// While somebody waits here, a host that is gone is to be noticed soon.
void AgentTransport::UpdateUrgency() {
  link_.SetUrgent(this, state() != State::kOpen || spawning_ || busy() || end_.asked());
}

// ------------------------------------------------------------------------------------------ tells

void AgentTransport::Tell(const std::string& tell_id, std::string text) {
  metrics_.last_used = absl::Now();
  metrics_.bytes_out += text.size();
  LendToLink();
  tells_.Add({.id = tell_id, .text = AsProse(std::move(text))});
  UpdateUrgency();
  if (state() == State::kCancelling) return Handle(Event::kChildNeeded);
  if (state() == State::kOpen) return SendTells();
  SeekOrTryNow();
}

void AgentTransport::Resume(const std::string& tell_id, std::string text, bool given) {
  const ReadMark& mark = turns_.mark();
  // A store from before marks said so has `in_flight` alone.
  const bool begun = tell_id == mark.begun || tell_id == mark.in_flight;
  // An earlier build said so of what waited for its first host too. Which host it is was stored
  // before anything was sent there; a store from before hosts were noted has the journal alone.
  const bool had_host = !host_.mark().key.empty() || !mark.journal_id.empty();
  tells_.Add({.id = tell_id,
              .text = AsProse(std::move(text)),
              .sent = true,
              .given = given && had_host,
              .has_text = true,
              .begun = begun});
  UpdateUrgency();
  Later([this] {
    if (state() == State::kCancelling) return Handle(Event::kChildNeeded);
    if (state() == State::kOpen) return SendTells();
    if (state() == State::kDown && busy()) return Handle(Event::kSought);
    TryNow();
  });
}

void AgentTransport::Acknowledge(const ReadMark& mark) {
  if (host_.OnStored(mark.host) && state() == State::kOpen) SendTells();
  AttachCall* const stream = calls_.stream();
  if (stream != nullptr && mark.journal_id == turns_.mark().journal_id) stream->Acknowledge(mark);
}

void AgentTransport::SendTells() {
  if (!host_.is_stored()) return;  // Acknowledge() says when.
  if (calls_.is_renewing() || !leads_here()) return;
  if (!sender_.Send(launch_.is_current(), turns_.mark().in_flight)) Handle(Event::kChildNeeded);
}

void AgentTransport::OnNews(std::vector<SessionNews> news, uint64_t wire_bytes,
                            const ReadPoint& point) {
  metrics_.bytes_in += wire_bytes;
  link_.OnTraffic();
  const std::shared_ptr<bool> alive = alive_;
  const AttachCall* const stream = calls_.stream();
  for (SessionNews& item : news) {
    Apply(item);
    // What the sink did may have ended all this: then the rest is read again.
    if (!*alive || calls_.stream() != stream) return;
  }
  // Together with the text before it: what is read again from there must not be told twice.
  const bool has_moved = turns_.OnRead(point, host_.mark());
  if (has_moved || !host_.is_stored()) sink_.OnReadUpTo(ReadMark(turns_.mark()));
  if (!*alive || calls_.stream() == nullptr) return;
  EndIfQuiet();
  if (*alive) UpdateUrgency();
}

void AgentTransport::Apply(SessionNews& item) {
  switch (item.kind) {
    case SessionNews::Kind::kAttached:
      return OnAttached(item);
    case SessionNews::Kind::kStarted:
      return BecomeReady(item.child);
    case SessionNews::Kind::kExited:
      // Where a start is under way, its end says how it stands.
      if (!child_.OnExited() && state() != State::kOpen) return;
      return child_.SayGone(item.outcome);
    case SessionNews::Kind::kAsked:
      return child_.OnAsked(item.requests.front());
    case SessionNews::Kind::kAnswered:
      return child_.OnAnswered(item.request_id);
    case SessionNews::Kind::kSettled: {
      const std::shared_ptr<bool> alive = alive_;
      cancels_.OnHeard(item.tell_id);
      if (*alive) turns_.Apply(item);
      return;
    }
    default:
      return turns_.Apply(item);
  }
}

bool AgentTransport::SettleEach(const std::vector<std::string>& ids, const absl::Status& outcome) {
  const std::shared_ptr<bool> alive = alive_;
  for (const std::string& tell_id : ids) {
    if (tells_.Find(tell_id) != nullptr) turns_.Settle(tell_id, outcome);
    if (!*alive) return false;
  }
  return true;
}

void AgentTransport::Answer(const std::string& request_id, const std::string& json,
                            AnswerDone done) {
  if (calls_.stream() == nullptr) {
    return loop_.Post([done = std::move(done)] {
      done(MakeFailure(v1::FAILURE_UNREACHABLE,
                       "the host is out of reach, and what claude asks waits there",
                       "Answer again when `iris status` shows the link up."));
    });
  }
  calls_.Answer(request_id, json, std::move(done));
}

}  // namespace iris
