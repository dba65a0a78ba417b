#include "coordinator/transport/agent_transport.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "coordinator/transport/launch_spec.h"
#include "coordinator/transport/name_takeover.h"
#include "coordinator/transport/prose.h"

namespace iris {
namespace {}  // namespace

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
      point_{.mark = after} {
  if (budget != nullptr) memory_.emplace(*budget);
  link_.AddObserver(this);
  LendToLink();
}

AgentTransport::~AgentTransport() {
  *alive_ = false;
  Handle(Event::kDone);
  link_.RemoveObserver(this);
  if (ending_timer_ != 0) loop_.Cancel(ending_timer_);
}

void AgentTransport::Later(std::function<void()> task) {
  loop_.Post([alive = alive_, task = std::move(task)] {
    if (*alive) task();
  });
}

// ------------------------------------------------------------------------------- the way to open

void AgentTransport::Spawn() {
  LendToLink();
  if (state() == State::kOpen && ready_ && leads_here()) {
    return Later([this] { sink_.OnReady(child_pid_, child_start_time_); });
  }
  spawning_ = true;
  SayHowUrgent();
  // Open: the child has ended since; the agent starts another.
  if (machine_.Possible(Event::kChildNeeded)) return Handle(Event::kChildNeeded);
  SeekOrTryNow();
}

void AgentTransport::TakeOver() {
  take_lease_ = take_claim_ = spawning_ = true;
  SayHowUrgent();
  // Whether the lease is still ours only the host knows: the whole way is gone anew.
  Handle(Event::kStartedOver);
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

void AgentTransport::SeekOrTryNow() { state() == State::kDown ? Handle(Event::kSought) : TryNow(); }

void AgentTransport::SeekLink() {
  is_trying_ = true;
  LendToLink();
  link_.Want(this);  // Also where it is up: it is not to stay down once it is lost.
  if (std::shared_ptr<LinkLife> life = link_.life(); life != nullptr) OnLinkUp(life);
}

void AgentTransport::LendToLink() {
  if (calls_.has_contact() && (IsAnyGiven() || !ending_.empty())) return;
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
  loop_.Cancel(std::exchange(blocked_timer_, 0));
  blocked_wait_ = absl::ZeroDuration();
  if (std::exchange(awaits_host_, false)) {
    Later([this] { sink_.OnHostBack(); });
    if (IsIdle()) return Handle(Event::kDone);
  }
  calls_.Begin(life);
  LeaveOtherHostBehind();
  // A lease that was ours most likely is still: that saves a round trip. Where not, Attach says so.
  // A Close that was never answered may still come there: only a new lease keeps it from counting.
  const bool may_have_lease =
      calls_.has_lease() && !take_lease_ && ending_.empty() && !close_unanswered_;
  Handle(may_have_lease ? Event::kLinkedWithLease : Event::kLinked);
}

void AgentTransport::LeaveOtherHostBehind() {
  const absl::Status why = host_.OnLinkUp(calls_.hello());
  if (why.ok()) return;
  calls_.ForgetLease();
  for (const PendingTell& tell : tells_) {
    if (!tell.given) continue;
    Later([this, id = tell.id, why] {
      if (Find(id) != nullptr) SettleOne(id, why);
    });
  }
}

void AgentTransport::Acquire() {
  calls_.Acquire(take_lease_, [this](const absl::Status& acquired) {
    if (!acquired.ok()) return OnContactLost(acquired);
    take_lease_ = close_unanswered_ = false;
    // How what the host has ended is read first: OnAttached() goes on.
    Handle(!ending_.empty() && tells_.empty() ? Event::kLeasedToEnd : Event::kLeased);
  });
}

void AgentTransport::Attach() {
  for (PendingTell& tell : tells_) tell.on_stream = false;
  calls_.Attach(point_, *this);
}

void AgentTransport::Open() {
  if (!leads_here()) return;  // OnAskedAnew() comes back here.
  if (AgentIsTooOld()) return;
  calls_.Open(Launch(), take_claim_, team_.session_init_timeout,
              [this](const absl::StatusOr<v1::OpenResponse>& opened) {
                opened.ok() ? OnOpened(*opened) : OnNotOpened(opened.status());
              });
  Later([this] {
    if (!calls_.is_opening()) return;
    sink_.OnProgress({.stage = TransportProgress::Stage::kStarting, .text = StartText(offered_)});
  });
}

void AgentTransport::OnOpened(const v1::OpenResponse& response) {
  Handle(Event::kOpened);
  take_claim_ = false;
  launch_is_new_ = true;
  const std::shared_ptr<bool> alive = alive_;
  BecomeReady(response.child());
  if (!*alive) return;
  if (state() == State::kOpen) SendTells();
  SayHowUrgent();
}

void AgentTransport::BecomeReady(const v1::ChildInfo& child) {
  LearnEnvironment(child);
  const bool same = child_pid_ == child.pid() && child_start_time_ == child.start_time();
  if (ready_ && same) return;  // Both the event and the call's answer say so.
  ready_ = told_ready_ = true;
  spawning_ = take_claim_ = false;
  child_pid_ = child.pid();
  child_start_time_ = child.start_time();
  if (!same) ++metrics_.spawns;
  sink_.OnReady(child_pid_, child_start_time_);
}

void AgentTransport::TellDown(const absl::Status& why) {
  child_pid_ = 0;
  const bool asked = !std::exchange(requests_, {}).empty();
  if (std::exchange(told_ready_, false)) return sink_.OnDown(why);
  if (asked) sink_.OnRequests(requests_);
}

// ------------------------------------------------------------------------------------------ tells

AgentTransport::PendingTell* AgentTransport::Find(const std::string& tell_id) {
  const auto found = std::find_if(tells_.begin(), tells_.end(),
                                  [&](const PendingTell& tell) { return tell.id == tell_id; });
  return found == tells_.end() ? nullptr : &*found;
}

void AgentTransport::Tell(const std::string& tell_id, std::string text) {
  metrics_.last_used = absl::Now();
  metrics_.bytes_out += text.size();
  LendToLink();
  tells_.push_back({.id = tell_id, .text = AsProse(std::move(text))});
  SayHowUrgent();
  if (state() == State::kCancelling) return Handle(Event::kChildNeeded);
  if (state() == State::kOpen) return SendTells();
  SeekOrTryNow();
}

void AgentTransport::Resume(const std::string& tell_id, std::string text, bool given) {
  // A store from before marks said so has `in_flight` alone.
  const bool begun = tell_id == point_.mark.begun || tell_id == point_.mark.in_flight;
  // An earlier build said so of what waited for its first host too. Which host it is was stored
  // before anything was sent there; a store from before hosts were noted has the journal alone.
  const bool had_host = !host_.mark().key.empty() || !point_.mark.journal_id.empty();
  tells_.push_back({.id = tell_id,
                    .text = AsProse(std::move(text)),
                    .sent = true,
                    .given = given && had_host,
                    .has_text = true,
                    .begun = begun});
  SayHowUrgent();
  Later([this] {
    if (state() == State::kCancelling) return Handle(Event::kChildNeeded);
    if (state() == State::kOpen) return SendTells();
    if (state() == State::kDown && busy()) return Handle(Event::kSought);
    TryNow();
  });
}

std::vector<OpenTell> AgentTransport::tells_under_way() const {
  std::vector<OpenTell> open;
  for (const PendingTell& tell : tells_) {
    open.push_back({.id = tell.id, .text = tell.text, .sent = tell.sent, .given = tell.given});
  }
  return open;
}

void AgentTransport::Acknowledge(const ReadMark& mark) {
  if (host_.OnStored(mark.host) && state() == State::kOpen) SendTells();
  AttachCall* const stream = calls_.stream();
  if (stream != nullptr && mark.journal_id == point_.mark.journal_id) stream->Acknowledge(mark);
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
  const ReadMark before = std::exchange(point_, point).mark;
  point_.mark.host = host_.mark();
  point_.mark.begun = BegunTell();
  if (point_.mark.in_flight == unheard_) point_.mark.in_flight.clear();
  CountMemory();
  if (point_.mark != before || !host_.is_stored()) sink_.OnApplied(ReadMark(point_.mark));
  if (!*alive || calls_.stream() == nullptr) return;
  EndIfQuiet();
  if (*alive) SayHowUrgent();
}

// While somebody waits here, a host that is gone is to be noticed soon.
void AgentTransport::SayHowUrgent() {
  link_.SetUrgent(this, state() != State::kOpen || spawning_ || busy() || !ending_.empty());
}

// A turn says something. True: it is passed on, to who waits for it from its beginning.
bool AgentTransport::HearTurn(const SessionNews& item) {
  const bool begins =
      item.kind == SessionNews::Kind::kWritten || item.kind == SessionNews::Kind::kVoid;
  if (Find(item.tell_id) == nullptr) {
    unheard_ = item.tell_id;
  } else if (begins && unheard_ == item.tell_id) {
    unheard_.clear();
  }
  return unheard_ != item.tell_id;
}

void AgentTransport::Apply(SessionNews& item) {
  PendingTell* const tell = Find(item.tell_id);
  switch (item.kind) {
    case SessionNews::Kind::kAttached:
      return OnAttached(item);
    case SessionNews::Kind::kStarted:
      return BecomeReady(item.child);
    case SessionNews::Kind::kWritten: {
      if (!HearTurn(item)) return;
      const std::shared_ptr<bool> alive = alive_;
      text_bytes_ = 0;
      tell->begun = true;
      written_at_ = loop_.now();
      ForgetDoing();
      // Written once more: what an earlier child said of it does not count.
      if (std::exchange(tell->has_text, false)) sink_.OnTextVoid(item.tell_id);
      if (!*alive) return;
      return sink_.OnProgress({.stage = TransportProgress::Stage::kWorking,
                               .text = "claude has the message",
                               .working = Working()});
    }
    case SessionNews::Kind::kText:
      if (!HearTurn(item) || item.text.empty()) return;
      tell->has_text = true;
      text_bytes_ += item.text.size();
      return sink_.OnText(item.tell_id, item.text);
    case SessionNews::Kind::kVoid:
      if (!HearTurn(item)) return;
      tell->has_text = false;
      tell->begun = true;
      text_bytes_ = 0;
      return sink_.OnTextVoid(item.tell_id);
    case SessionNews::Kind::kDoing:
      if (tell != nullptr && unheard_ != item.tell_id) SeeDoing(item.doing);
      return;
    case SessionNews::Kind::kSettled: {
      const std::shared_ptr<bool> alive = alive_;
      CancelIsHeard(item.tell_id);
      if (tell == nullptr || !*alive) return;
      if (unheard_ == item.tell_id) {
        item.structured_bytes = 0;
        item.account.reset();
        if (item.outcome.ok()) item.outcome = NotReadWhole();
      }
      if (tell->begun) {
        written_at_.reset();
        ForgetDoing();
      }
      v1::TurnAccount account;
      const bool has_account = item.account != nullptr && account.ParseFromString(*item.account);
      if (has_account) sink_.OnAccount(item.tell_id, account);
      if (item.structured_bytes > 0) sink_.OnStructured(item.tell_id, item.structured_bytes);
      return SettleOne(item.tell_id, item.outcome);
    }
    case SessionNews::Kind::kExited:
      // Where a start is under way, its end says how it stands.
      if (!std::exchange(ready_, false) && state() != State::kOpen) return;
      return TellDown(item.outcome);
    case SessionNews::Kind::kAsked:
      return OnAsked(std::move(item.requests.front()));
    case SessionNews::Kind::kAnswered:
      return OnAnswered(item.request_id);
  }
}

void AgentTransport::SettleOne(const std::string& tell_id, const absl::Status& outcome) {
  const auto settled =
      std::find_if(tells_.begin(), tells_.end(),
                   [&tell_id](const PendingTell& tell) { return tell.id == tell_id; });
  if (settled->has_text) text_bytes_ = 0;
  CountMemory();
  tells_.erase(settled);
  ++metrics_.tells_settled;
  metrics_.last_used = absl::Now();
  sink_.OnSettled(tell_id, NameTakeover(outcome, key_));
}

}  // namespace iris
