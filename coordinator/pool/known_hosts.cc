#include "coordinator/pool/known_hosts.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/base/sha256.h"
#include "common/log/log.h"

namespace iris {
namespace {

// Well within Store::kAnswerCounts.
constexpr absl::Duration kNoteEvery = absl::Hours(24);
constexpr absl::Duration kNoteAgain = absl::Minutes(1);

// What decides which host is meant, as far as the configuration says it: a digest, since what a
// variable in it stands for may be a secret.
std::string WayTo(const Team& team) {
  if (!team.remote.has_value()) return "";  // The agent of this machine is always found.
  return Sha256Hex(absl::StrCat(team.remote->text, "\n", team.remote_options.port, "\n",
                                team.remote_options.agent_dir));
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
  const absl::Status noted = store_.NoteAnswer(team.name, way);
  note->second = {.tried = now, .stored = noted.ok()};
  if (!noted.ok()) LogWarn("that the host of ", team.name, " answers: ", noted.message());
}

}  // namespace iris
