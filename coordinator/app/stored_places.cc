#include "coordinator/app/stored_places.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "common/log/log.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {
namespace {

// Well within Store::kPlacedCounts.
constexpr absl::Duration kNoteEvery = absl::Hours(24);
constexpr absl::Duration kNoteAgain = absl::Minutes(1);

}  // namespace

void StoredPlaces::Note(const PlacedAgent& agent) {
  std::string way = ToProto(agent.target).SerializeAsString();
  const absl::Time now = store_.Now();
  Noted& noted = noted_[agent.place];
  const absl::Duration every = noted.stored ? kNoteEvery : kNoteAgain;
  // By a clock that may be set back.
  if (noted.way == way && absl::AbsDuration(now - noted.tried) < every) return;
  const absl::Status stored =
      store_.NotePlaced({.place = agent.place, .name = agent.name, .way = way});
  noted = {.way = std::move(way), .tried = now, .stored = stored.ok()};
  if (!stored.ok()) LogWarn("that there is an agent on ", agent.name, ": ", stored.message());
}

void StoredPlaces::Forget(const std::string& place) {
  noted_.erase(place);
  const absl::Status forgotten = store_.ForgetPlaced(place);
  if (!forgotten.ok()) LogWarn("that an agent was ended: ", forgotten.message());
}

absl::StatusOr<std::vector<PlacedAgent>> StoredPlaces::All() {
  const absl::StatusOr<std::vector<Store::Placed>> stored = store_.AllPlaced();
  if (!stored.ok()) return stored.status();
  std::vector<PlacedAgent> all;
  for (const Store::Placed& agent : *stored) {
    v1::HostWay way;
    absl::optional<SshTarget> target;
    if (way.ParseFromString(agent.way)) target = FromProto(way);
    if (target.has_value()) {
      all.push_back({.place = agent.place, .name = agent.name, .target = *std::move(target)});
    } else {
      LogWarn("the way to the agent on ", agent.name, " cannot be read");
    }
  }
  return all;
}

}  // namespace iris
