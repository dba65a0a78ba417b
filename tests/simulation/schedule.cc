#include "tests/simulation/schedule.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "tests/simulation/schedule_run.h"

namespace iris::simulation {
namespace {

constexpr absl::Duration kPatience = absl::Hours(3);
constexpr absl::Duration kLinger = absl::Seconds(2);  // What would come late comes by then.

Journal::Limits LimitsBy(World& world) {
  Journal::Limits limits;
  if (world.OneIn(2)) return limits;
  limits.segment_bytes = 300 + world.Below(2000);
  limits.memory_bytes = 200 + world.Below(2000);
  limits.quota_bytes = 1500 + world.Below(8000);
  return limits;
}

// Half of them so little that it is used up.
RateWindow::Limits CreditBy(World& world) {
  RateWindow::Limits credit;
  if (world.OneIn(2)) credit.first = credit.least = credit.most = 100 + world.Below(4000);
  return credit;
}

}  // namespace

Schedule::Schedule(const Plan& plan, Desk& desk, const std::string& scratch)
    : plan_(plan), desk_(desk), world_(plan.seed) {
  world_.on_note = plan_.on_note;
  // Cuts of one exchange have ids of their own, which are as long.
  uint64_t cut =
      plan_.cut.has_value() ? 2 * plan_.cut->bytes + static_cast<uint64_t>(plan_.cut->side) + 1 : 0;
  if (plan_.failed_write.has_value()) {
    cut = (1 << 24) + 4 * plan_.failed_write->write + 2 * (plan_.failed_write->kill ? 1 : 0) +
          (plan_.failed_write->trouble == FailingDisk::Trouble::kFull ? 1 : 0);
  }
  desk_.Begin(world_, plan_.seed + (cut << 32), plan_.links, plan_.takeovers);
  host_ = std::make_unique<Host>(world_, desk_, scratch,
                                 plan_.faults ? LimitsBy(world_) : Journal::Limits());
  host_->claudes().asks = plan_.permissions;
  host_->claudes().on_asks = [this](const std::string& request_id) { OnAsked(request_id); };
  host_->claudes().on_answered = [this](const std::string& request_id, bool allowed) {
    OnAnswered(request_id, allowed);
  };
  host_->claudes().pace = plan_.faults ? world_.Within(absl::Seconds(2)) : absl::Milliseconds(20);
  for (size_t i = 0; i < (plan_.takeovers ? 2 : 1); ++i) senders_.push_back(MakeSender(i));
}

Schedule::Sender Schedule::MakeSender(size_t number) {
  Sender sender;
  sender.watch =
      std::make_unique<StreamWatch>(world_, [this, number](const std::string& session_id) {
        return senders_[number].coordinator->Mark(session_id);
      });
  StreamWatch* const watch = sender.watch.get();
  ClientTaps taps;
  taps.on_request = [this, watch](const void* stream, v1::AttachRequest& request) {
    watch->OnRequest(stream, request);
    if (!request.has_tell()) return;
    if (plan_.plant == Plant::kForgetRepeat) request.mutable_tell()->set_repeat(false);
    if (plan_.plant == Plant::kForgetBegun) request.mutable_tell()->set_begun(false);
  };
  taps.on_response = [watch](const void* stream, const v1::AttachResponse& response) {
    watch->OnResponse(stream, response);
  };
  sender.coordinator = std::make_unique<Coordinator>(
      world_, desk_,
      Coordinator::Options{.dial = [this] { return Dial(); },
                           .taps = std::move(taps),
                           .credit = plan_.faults ? CreditBy(world_) : RateWindow::Limits(),
                           .ask_permissions = plan_.permissions,
                           .is_twin = number > 0});
  return sender;
}

Schedule::~Schedule() {
  for (Sender& sender : senders_) sender.coordinator->Kill();
  host_.reset();
  world_.Drop();
}

// ------------------------------------------------------------------ the plan

void Schedule::PlanTells() {
  tells_.resize(plan_.faults && world_.OneIn(2) ? 1 + world_.Below(3) : 1);
  for (size_t i = 0; i < tells_.size(); ++i) {
    if (plan_.links > 1) tells_[i].team = world_.Below(plan_.links);
    tells_[i].id = NewUuid();
    tells_[i].text = plan_.slow.has_value()
                         ? plan_.slow->text
                         : absl::StrCat("tell ", world_.Below(1'000'000), " né\n\"", i, "\"");
    const absl::Duration at = i == 0 ? absl::ZeroDuration() : world_.Within(absl::Seconds(3));
    world_.After(at, [this, i] { Send(tells_[i]); });
  }
  if (plan_.takeovers) PlanTakeovers();
}

// The second coordinator sends to each team that it takes.
void Schedule::PlanTakeovers() {
  for (size_t team = 0; team < plan_.links; ++team) {
    const absl::Duration at = world_.Within(absl::Seconds(5));
    world_.After(at, [this, team] { TakeOver(1, team); });
    const size_t tell = tells_.size();
    SimTell& theirs = tells_.emplace_back();
    theirs.sender = 1;
    theirs.team = team;
    theirs.id = NewUuid();
    theirs.text = absl::StrCat("tell ", world_.Below(1'000'000), " of the other");
    world_.After(at + world_.Within(absl::Seconds(3)), [this, tell] { Send(tells_[tell]); });
    if (world_.OneIn(2)) continue;
    world_.After(at + world_.Within(absl::Seconds(4)), [this, team] { TakeOver(0, team); });
  }
}

// ------------------------------------------------------------------ what happens

void Schedule::Send(SimTell& tell) {
  tell.sent = true;
  Coordinator& coordinator = *senders_[tell.sender].coordinator;
  if (!coordinator.up()) return;  // StartCoordinator() sends it.
  followers_.push_back(std::make_unique<Follower>(*this, tell));
  const absl::Status taken =
      coordinator.Tell(tell.id, tell.team, tell.text, followers_.back().get());
  if (taken.ok()) return;
  if (disk_fails_ && KindOf(taken) == v1::FAILURE_STORAGE) {
    return world_.After(absl::Seconds(1), [this, &tell] {
      if (!tell.outcome.has_value()) Send(tell);
    });
  }
  world_.Violation(absl::StrCat("a tell is refused: ", taken.message()));
}

void Schedule::Follower::OnAccepted(const std::string&) {
  std::vector<std::string>& known = schedule_.accepted_;
  if (std::find(known.begin(), known.end(), tell_.id) == known.end()) known.push_back(tell_.id);
}

void Schedule::Follower::OnSettled(const TellOutcome& outcome) {
  World& world = schedule_.world_;
  world.Note(absl::StrCat("settled ", tell_.id, " ", KindName(KindOf(outcome.status))));
  if (!outcome.status.ok()) world.Detail(outcome.status.message());
  if (std::exchange(settled_, true)) {
    schedule_.Violation(tell_, "a follower hears of the end twice");
  }
  schedule_.last_settled_ = tell_.id;
  schedule_.last_settled_at_ = world.now();
  if (!tell_.outcome.has_value()) {
    tell_.outcome = outcome;
    return schedule_.CheckOutcome(tell_, outcome);
  }
  // Of what the copy did not have, the host may not know any more how it ended.
  if (schedule_.put_back_) return;
  if (tell_.outcome->status != outcome.status || *tell_.outcome->answer != *outcome.answer) {
    schedule_.Violation(tell_, absl::StrCat("tell ", tell_.id, " is settled twice, in two ways: ",
                                            tell_.outcome->status.ToString(), ", then ",
                                            outcome.status.ToString()));
  }
}

void Schedule::StartCoordinator(size_t sender) {
  Coordinator& coordinator = *senders_[sender].coordinator;
  const absl::Status started = coordinator.Start();
  if (!started.ok()) {
    if (!disk_fails_) world_.Violation(std::string(started.message()));
    return world_.After(absl::Seconds(1), [this, sender] { StartCoordinator(sender); });
  }
  const std::vector<std::string> open = coordinator.OpenTells();
  for (SimTell& tell : tells_) {
    if (tell.sender != sender) continue;
    const bool is_open = std::find(open.begin(), open.end(), tell.id) != open.end();
    if (is_open && tell.outcome.has_value() && !put_back_) {
      world_.Violation(absl::StrCat("tell ", tell.id, " was settled, and is open again"));
    }
    if (tell.sent && !tell.outcome.has_value()) Send(tell);
  }
}

void Schedule::StartHost() {
  // Draining is the agent's, and of real processes; here it is over when the agent comes.
  if (host_->draining()) {
    return world_.After(absl::Milliseconds(100), [this] { StartHost(); });
  }
  host_->Start();
}

Wire::Options Schedule::WireOptions() {
  if (!plan_.faults) {
    return {.latency = absl::Milliseconds(1),
            .bytes_per_second = plan_.slow.has_value() ? plan_.slow->bytes_per_second : 0,
            .notice_max = absl::Seconds(1)};
  }
  Wire::Options options{.latency = world_.Within(absl::Milliseconds(40)),
                        .bytes_per_second = world_.OneIn(4) ? 2000 + world_.Below(30'000) : 0,
                        .pieces = world_.OneIn(2),
                        .notice_max = world_.Within(absl::Seconds(world_.OneIn(4) ? 40 : 2)),
                        .silent = world_.OneIn(5),
                        .late_bytes = world_.OneIn(2)};
  if (!wire_faults_.rate) options.bytes_per_second = 0;
  if (!wire_faults_.slow_notice) options.notice_max = absl::ZeroDuration();
  options.silent = options.silent && wire_faults_.silent;
  options.late_bytes = options.late_bytes && wire_faults_.late_bytes;
  return options;
}

absl::StatusOr<Coordinator::Dialed> Schedule::Dial() {
  const bool stays_away =
      plan_.plant == Plant::kStaysAway && !wires_.empty() && wires_.back()->broken();
  if (!host_->up() || world_.now() < refuse_until_ || stays_away) {
    allowed_.insert(v1::FAILURE_UNREACHABLE);
    return MakeFailure(v1::FAILURE_UNREACHABLE, "the simulated host does not answer");
  }
  auto wire = std::make_shared<Wire>(world_, WireOptions());
  host_->Accept(wire);
  if (plan_.cut.has_value() && wires_.empty()) wire->CutBehind(plan_.cut->side, plan_.cut->bytes);
  wires_.push_back(wire);
  return Coordinator::Dialed{.wire = wire, .hello = host_->hello()};
}

// ------------------------------------------------------------------ the run

bool Schedule::AllHeard() const {
  return std::all_of(tells_.begin(), tells_.end(),
                     [](const SimTell& tell) { return tell.outcome.has_value(); });
}

// What was settled, and is open again since the store was put back, ends too.
bool Schedule::NothingIsOpen() {
  if (!put_back_) return true;
  Coordinator& coordinator = *senders_[0].coordinator;
  if (!coordinator.up()) return false;
  const std::vector<std::string> open = coordinator.OpenTells();
  return std::none_of(tells_.begin(), tells_.end(), [&open](const SimTell& tell) {
    return std::find(open.begin(), open.end(), tell.id) != open.end();
  });
}

bool Schedule::Step() {
  bool any = false;
  const bool host_last = world_.OneIn(2);
  if (!host_last) any = host_->RunReady() || any;
  for (Sender& sender : senders_) any = sender.coordinator->RunReady() || any;
  if (host_last) any = host_->RunReady() || any;
  any = world_.RunSoon() || any;
  any = world_.RunDue() || any;
  if (any) return true;
  absl::Duration next = std::min(world_.next(), host_->next());
  for (Sender& sender : senders_) next = std::min(next, sender.coordinator->next());
  if (next == absl::InfiniteDuration()) return false;
  world_.AdvanceTo(next);
  return true;
}

absl::Duration Schedule::GiveUpAt() const {
  return plan_.settles ? disturbed_until_ + kSettled : began_ + kPatience;
}

Report Schedule::Run() {
  host_->Start();
  for (size_t i = 0; i < senders_.size(); ++i) StartCoordinator(i);
  const uint64_t writes_before = desk_.disk().writes();
  began_ = world_.now();
  PlanTells();
  PlanFaults();
  if (plan_.failed_write.has_value()) FailOneWrite();
  while (!(AllHeard() && NothingIsOpen()) && world_.now() < GiveUpAt() && Step()) {
  }
  if (!NothingIsOpen()) world_.Violation("what the copy had open is never settled");
  if (!AllHeard()) {
    for (const SimTell& tell : tells_) {
      if (!tell.outcome.has_value()) {
        Violation(tell, absl::StrCat("tell ", tell.id, " is never settled"));
      }
    }
  } else {
    const absl::Duration end = world_.now() + kLinger;
    while (world_.now() < end && Step()) {
    }
    if (plan_.settles) CheckRest();
    desk_.disk().Heal();
    for (size_t i = 0; i < senders_.size(); ++i) {
      if (!senders_[i].coordinator->up()) StartCoordinator(i);
    }
    CheckStore();
  }
  CheckOrder();
  Report report{.violations = world_.violations(),
                .hash = world_.hash(),
                .writes = desk_.disk().writes() - writes_before,
                .wires = wires_.size(),
                .took = last_settled_at_ - began_};
  for (const Wire::Side side : {Wire::kCoordinator, Wire::kAgent}) {
    if (!wires_.empty()) report.bytes_to[side] = wires_.front()->delivered(side);
  }
  for (const SimTell& tell : tells_) {
    if (!tell.outcome.has_value()) continue;
    ++(tell.outcome->status.ok() ? report.ok : report.failed);
  }
  return report;
}

Report RunSchedule(const Plan& plan, Desk& desk, const std::string& scratch) {
  return Schedule(plan, desk, scratch).Run();
}

}  // namespace iris::simulation
