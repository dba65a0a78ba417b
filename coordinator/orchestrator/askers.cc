// Whose environment a message has, and what becomes of those that an earlier life took, whose
// environment went with that.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "common/failure/failure.h"
#include "coordinator/config/way_variables.h"
#include "coordinator/orchestrator/check_tell.h"
#include "coordinator/orchestrator/no_way.h"
#include "coordinator/orchestrator/orchestrator.h"

namespace iris {
// The configuration may have been edited while the message waited behind another. Where it does not
// load, or has the team no more, what was accepted goes on with the settings that there were.
void Orchestrator::UseSettingsOfNow(Queue& queue) {
  const AcceptedTell* const tell = TellOfNow(queue);
  if (tell == nullptr && !queue.wakes.waiting()) return;
  const SharedEnvironment environment = EnvironmentOfNow(queue);
  const absl::optional<Team> team = teams_.Find(queue.session->to(), environment);
  if (!team.has_value()) return;
  // Nor does it go another way than its sender's, whatever the configuration names by now.
  if (tell != nullptr && !tell->asker().is_sender() && !LeadsAsFor(tell->asker().way(), *team)) {
    return;
  }
  queue.session->UseSettings(*team);
}

const AcceptedTell* Orchestrator::TellOfNow(const Queue& queue) const {
  const bool is_in_flight = !queue.in_flight.empty();
  if (!is_in_flight && (queue.wakes.waiting() || queue.waiting.empty())) return nullptr;
  return tells_.Find(is_in_flight ? queue.in_flight : queue.waiting.front());
}

SharedEnvironment Orchestrator::EnvironmentOfNow(const Queue& queue) const {
  const AcceptedTell* const tell = TellOfNow(queue);
  if (tell != nullptr) return tell->asker().environment();
  return queue.wakes.environment();
}

bool Orchestrator::LacksVariables(const AcceptedTell& tell) const {
  if (tell.asker().environment() != nullptr || !tell.giving().may_be_there() || tell.given())
    return false;
  const auto queue = queues_.find(tell.session_id());
  const bool has_way = queue != queues_.end() && queue->second.session != nullptr;
  return has_way && !queue->second.session->team().pass_env.empty();
}

bool Orchestrator::WaitsForAsker(const Queue& queue) const {
  if (queue.waiting.empty()) return false;
  auto* const open = tells_.Find(queue.waiting.front());
  return open != nullptr && LacksVariables(*open);
}

bool Orchestrator::LacksAsker(const std::string& tell_id) const {
  auto* const open = tells_.Find(tell_id);
  if (open == nullptr || open->is_over()) return false;
  if (open->asker().any()) return false;
  if (LacksVariables(*open) || wayless_.Has(tell_id)) return true;
  return !tells_.Any([&](const AcceptedTell& other) {
    return other.session_id() == open->session_id() && other.asker().any();
  });
}

bool Orchestrator::HasLentAsker(const std::string& tell_id) const {
  auto* const open = tells_.Find(tell_id);
  return open != nullptr && open->is_lent();
}

void Orchestrator::LendWhatIsNext(Queue& queue) {
  for (const std::string& tell_id : std::deque<std::string>(queue.waiting)) {
    AcceptedTell* const tell = tells_.Find(tell_id);
    if (tell == nullptr || !tell->asker().has_next()) continue;
    Lend(tell_id, tell->asker().TakeNext(), /*by_sender=*/false);
  }
}

void Orchestrator::AskFor(const std::string& tell_id, const SharedEnvironment& environment,
                          bool by_sender) {
  auto* const open = tells_.Find(tell_id);
  if (environment == nullptr || open == nullptr) return;
  for (const std::string& ahead : AheadOf(tell_id, open->session_id())) {
    Lend(ahead, environment, /*by_sender=*/false);
  }
  Lend(tell_id, environment, by_sender);
}

std::vector<std::string> Orchestrator::AheadOf(const std::string& tell_id,
                                               const std::string& session_id) const {
  std::vector<std::string> ahead;
  const auto found = queues_.find(session_id);
  if (found == queues_.end()) return ahead;
  const Queue& queue = found->second;
  const auto at = absl::c_find(queue.waiting, tell_id);
  if (at == queue.waiting.end()) return ahead;
  if (!queue.in_flight.empty()) ahead.push_back(queue.in_flight);
  ahead.insert(ahead.end(), queue.waiting.begin(), at);
  return ahead;
}

void Orchestrator::Lend(const std::string& tell_id, const SharedEnvironment& environment,
                        bool by_sender) {
  auto* const open = tells_.Find(tell_id);
  if (open == nullptr) return;
  const bool is_better = by_sender && !open->asker().is_sender();
  if (open->asker().any() && !is_better) {
    if (open->is_lent()) open->asker().NoteNext(environment);
    return;
  }
  if (wayless_.Has(tell_id)) return FindWay(tell_id, environment, by_sender);
  Queue& queue = queues_[open->session_id()];
  if (queue.session == nullptr) return;  // There is no way, and it is over.
  const std::string& to = queue.session->to();
  if (by_sender) open->asker().set_way(teams_.WayFor(to, environment));
  if (!teams_.LeadsItsWay(open->asker(), to, environment)) return;
  const bool waited = WaitsForAsker(queue) && queue.waiting.front() == tell_id;
  open->asker().Lend(environment, by_sender);
  if (waited) PostStartNext(open->session_id());
  const bool is_awaited =
      queue.awaits.has_value() && !queue.waiting.empty() && queue.waiting.front() == tell_id;
  // Of others it is asked for when their turn comes.
  if (queue.in_flight != tell_id && !is_awaited) return;
  const absl::optional<Team> team = teams_.Find(to, environment);
  if (!team.has_value()) return;
  queue.session->UseAskerOf(*team);
  queue.session->UseSettings(*team);
  PostTryNow(queue.session->session_id());
}

void Orchestrator::PostTryNow(const std::string& session_id) {
  loop_.Post([this, alive = alive_.Watch(), session_id] {
    if (!alive || tells_.has_left()) return;
    if (PooledSession* const session = queues_[session_id].session; session != nullptr) {
      session->TryNow();
    }
  });
}

absl::StatusOr<Orchestrator::Queue*> Orchestrator::QueueOf(const Caller& from,
                                                           const std::string& to,
                                                           const SharedEnvironment& environment) {
  const absl::StatusOr<std::shared_ptr<const Config>> config = teams_.Current(environment);
  if (!config.ok()) return config.status();
  if (absl::Status status = CheckTeams(from, to, **config); !status.ok()) return status;
  return QueueAgain(from.name(), to, environment);
}

// The caller may have left the configuration since: what it has sent goes on.
absl::StatusOr<Orchestrator::Queue*> Orchestrator::QueueAgain(
    const std::string& from, const std::string& to, const SharedEnvironment& environment) {
  const absl::StatusOr<std::shared_ptr<const Config>> config = teams_.Current(environment);
  if (!config.ok()) return config.status();
  pool_.SetProcessesMax(static_cast<size_t>((*config)->settings.max_processes));
  if (absl::Status status = CheckTeams(Caller::CommandLine(), to, **config); !status.ok()) {
    return status;
  }
  const absl::StatusOr<PooledSession*> session =
      pool_.GetOrCreate(from, LiveTeams::For(environment, *(*config)->FindTeam(to)));
  if (!session.ok()) return session.status();
  Queue& queue = queues_[(*session)->session_id()];
  queue.session = *session;
  team_of_[(*session)->session_id()] = to;
  if (absl::Status status = TakeUp(queue, environment); !status.ok()) return status;
  cancels_.PassOn(*queue.session);
  return &queue;
}

absl::Status Orchestrator::TakeUp(Queue& queue, const SharedEnvironment& environment) {
  absl::Status status;
  std::vector<std::string> stay;
  for (std::string& tell_id : wayless_.TakeAll()) {
    auto* const open = tells_.Find(tell_id);
    if (open == nullptr) continue;
    if (!status.ok() || open->session_id() != queue.session->session_id() ||
        !teams_.LeadsItsWay(open->asker(), queue.session->to(), environment)) {
      stay.push_back(std::move(tell_id));
      continue;
    }
    absl::StatusOr<absl::optional<StoredTell>> stored = store_.FindTell(tell_id);
    if (!stored.ok()) {
      status = stored.status();
      stay.push_back(std::move(tell_id));
    } else if (stored->has_value()) {
      open->asker().GoOnWith(environment);
      PutInLine(**std::move(stored), queue);
    }
  }
  wayless_.PutBack(std::move(stay));
  return status;
}

void Orchestrator::FindWay(const std::string& tell_id, const SharedEnvironment& environment,
                           bool by_sender) {
  const absl::StatusOr<absl::optional<StoredTellSummary>> stored = store_.FindSummary(tell_id);
  if (!stored.ok() || !stored->has_value()) return;
  AcceptedTell& tell = tells_.At(tell_id);
  if (by_sender) tell.asker().set_way(teams_.WayFor((*stored)->to, environment));
  if (!teams_.LeadsItsWay(tell.asker(), (*stored)->to, environment))
    return SayWhoseVariables(tell_id);
  tell.asker().Expect(by_sender);  // Of the environment that it gets, if it gets this one.
  const absl::StatusOr<Queue*> queue = QueueAgain((*stored)->from, (*stored)->to, environment);
  if (queue.ok() || SaysNothingOfTheTeam(queue.status())) return;
  if (!teams_.Current(environment).ok()) return;  // Nor has this one what it takes.
  settling_.End(tell_id, NoWay(queue.status(), tells_.At(tell_id).given()));
}

// Where the configuration did not load before, another reason was said.
void Orchestrator::SayWhoseVariables(const std::string& tell_id) {
  v1::TellProgress progress = NotItsSendersVariables();
  if (tells_.At(tell_id).Says(progress.text())) return;
  tells_.SetProgress(tell_id, std::move(progress));
}

size_t Orchestrator::GivenElsewhere(const Queue& queue) const {
  return queue.session == nullptr ? 0 : wayless_.GivenOf(queue.session->session_id());
}

void Orchestrator::EndWhatFoundNoWay() {
  absl::Status why = teams_.Current(nullptr).status();
  if (why.ok()) why = AwaitsItsSendersVariables();
  for (const std::string& tell_id : std::vector<std::string>(wayless_.ids())) {
    const AcceptedTell& tell = tells_.At(tell_id);
    if (IsOverdue(tell)) settling_.End(tell_id, NoWay(why, tell.given()));
  }
}

}  // namespace iris
