#include "coordinator/pool/known_hosts.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/log/log.h"
#include "coordinator/link/way_digest.h"

namespace iris {
namespace {

// Well within Store::kAnswerCounts.
constexpr absl::Duration kNoteEvery = absl::Hours(24);
constexpr absl::Duration kNoteAgain = absl::Minutes(1);

// The agent of this machine is always found.
std::string WayTo(const Team& team) {
  return team.remote.has_value() ? DigestOfWay(*team.remote, team.remote_options) : "";
}

}  // namespace

bool KnownHosts::HasAnswered(const Team& team) const {
  const std::string way = WayTo(team);
  if (notes_.count({team.name, way}) > 0) return true;
  const absl::StatusOr<bool> answered = store_.HasAnswered(team.name, way);
  return answered.ok() && *answered;
}

void KnownHosts::OnAnswer(const Team& team) {
  const std::string way = WayTo(team);
  const absl::Time now = store_.Now();
  const auto [note, is_first] = notes_.try_emplace({team.name, way});
  const absl::Duration every = note->second.stored ? kNoteEvery : kNoteAgain;
  // By a clock that may be set back.
  if (!is_first && absl::AbsDuration(now - note->second.tried) < every) return;
  note->second = {.tried = now, .stored = false};
  store_.Post([name = team.name, way](Store& store) { return store.NoteAnswer(name, way); },
              [this, alive = alive_.Watch(), name = team.name, way](const absl::Status& noted) {
                if (!noted.ok()) LogWarn("that the host of ", name, " answers: ", noted.message());
                if (alive) notes_[{name, way}].stored = noted.ok();
              });
}

}  // namespace iris
