#include "coordinator/orchestrator/askers.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/no_way.h"
#include "coordinator/orchestrator/session_line.h"
#include "coordinator/store/stored.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

bool Askers::LacksAsker(const std::string& tell_id) const {
  const AcceptedTell* const tell = tells_.Find(tell_id);
  if (tell == nullptr || tell->is_over() || tell->asker().any()) return false;
  const SessionLine* const line = lines_.Find(tell->session_id());
  if (line != nullptr && line->LacksVariables(*tell)) return true;
  if (wayless_.Has(tell_id)) return true;
  return !tells_.Any([&](const AcceptedTell& other) {
    return other.session_id() == tell->session_id() && other.asker().any();
  });
}

bool Askers::HasLentAsker(const std::string& tell_id) const {
  const AcceptedTell* const tell = tells_.Find(tell_id);
  return tell != nullptr && tell->is_lent();
}

void Askers::AskFor(const std::string& tell_id, const SharedEnvironment& environment,
                    bool by_sender) {
  const AcceptedTell* const tell = tells_.Find(tell_id);
  if (environment == nullptr || tell == nullptr) return;
  if (const SessionLine* const line = lines_.Find(tell->session_id()); line != nullptr) {
    // They have to go first.
    for (const std::string& ahead : line->order().AheadOf(tell_id)) {
      Lend(ahead, environment, /*by_sender=*/false);
    }
  }
  Lend(tell_id, environment, by_sender);
}

void Askers::Lend(const std::string& tell_id, const SharedEnvironment& environment,
                  bool by_sender) {
  AcceptedTell* const tell = tells_.Find(tell_id);
  if (tell == nullptr) return;
  const bool is_better = by_sender && !tell->asker().is_sender();
  if (tell->asker().any() && !is_better) {
    if (tell->is_lent()) tell->asker().NoteNext(environment);
    return;
  }
  if (wayless_.Has(tell_id)) return FindWay(tell_id, environment, by_sender);
  SessionLine* const line = lines_.Find(tell->session_id());
  // None: there is no way, and it is over.
  if (line != nullptr) line->Lend(*tell, environment, by_sender);
}

void Askers::FindWay(const std::string& tell_id, const SharedEnvironment& environment,
                     bool by_sender) {
  const absl::StatusOr<absl::optional<StoredTellSummary>> stored = store_.FindSummary(tell_id);
  if (!stored.ok() || !stored->has_value()) return;
  TellAsker& asker = tells_.At(tell_id).asker();
  const std::string& to = (*stored)->to;
  if (by_sender) asker.set_way(teams_.WayFor(to, environment));
  if (!teams_.LeadsItsWay(asker, to, environment)) return SayWhoseVariables(tell_id);
  asker.Expect(by_sender);  // Of the environment that it gets, if it gets this one.
  const absl::StatusOr<SessionLine*> line = ways_.FindAgain((*stored)->from, to, environment);
  if (line.ok() || SaysNothingOfTheTeam(line.status())) return;
  if (!teams_.Current(environment).ok()) return;  // Nor has this one what it takes.
  const AcceptedTell* const tell = tells_.Find(tell_id);
  if (tell != nullptr) settling_.End(tell_id, NoWay(line.status(), tell->given()));
}

// Where the configuration did not load before, another reason was said.
void Askers::SayWhoseVariables(const std::string& tell_id) {
  v1::TellProgress progress = NotItsSendersVariables();
  if (tells_.At(tell_id).Says(progress.text())) return;
  tells_.SetProgress(tell_id, std::move(progress));
}

void Askers::EndOverdue() {
  absl::Status why = teams_.Current(nullptr).status();
  if (why.ok()) why = AwaitsItsSendersVariables();
  for (const std::string& tell_id : std::vector<std::string>(wayless_.ids())) {
    const AcceptedTell& tell = tells_.At(tell_id);
    const bool is_overdue = tell.IsOverdue(store_.Now(), limits_.host_wait_max);
    if (is_overdue) settling_.End(tell_id, NoWay(why, tell.given()));
  }
}

}  // namespace iris
