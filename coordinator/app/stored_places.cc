#include "coordinator/app/stored_places.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/app/places.h"
#include "coordinator/config/config_source.h"
#include "coordinator/config_file/expand_way.h"
#include "coordinator/link/stored_way.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {
namespace {

constexpr absl::Duration kNoteEvery = absl::Hours(24);
constexpr absl::Duration kNoteAgain = absl::Minutes(1);

EnvLookup VariablesOf(const SharedEnvironment& asker) {
  if (asker == nullptr) return ProcessEnv;
  return [asker](absl::string_view name) -> absl::optional<std::string> {
    const auto found = asker->find(std::string(name));
    if (found == asker->end()) return absl::nullopt;
    return found->second;
  };
}

// Of what is stored of it.
absl::StatusOr<RemoteWay> WayOf(const std::string& stored, const EnvLookup& env,
                                const std::string& home) {
  v1::HostWay proto;
  absl::optional<RemoteWay> way;
  if (proto.ParseFromString(stored)) way = FromProto(proto);
  if (!way.has_value()) {
    return MakeFailure(v1::FAILURE_STORAGE, "the store does not say how it is reached",
                       "Send its team a message and run `iris stop --agents` again, or end "
                       "`iris-agent serve` there.");
  }
  std::vector<std::string> programs;
  if (!way->remote.program.empty()) programs.push_back(way->remote.program);
  absl::Status expanded = ExpandWay(env, home, programs, way->remote, way->options);
  if (!expanded.ok()) return expanded;
  return *std::move(way);
}

}  // namespace

StoredPlaces::StoredPlaces(StoreQueue& store, std::string home)
    : store_(store), home_(std::move(home)) {
  const absl::StatusOr<std::vector<Store::Placed>> stored = store_.AllPlaced();
  if (!stored.ok()) {
    LogWarn("where agents are: ", stored.status().message());
    return;
  }
  for (const Store::Placed& agent : *stored) {
    if (IsAttempt(agent.place)) may_have_started_.insert(agent.place);
  }
}

absl::optional<Store::Placed> StoredPlaces::NewsOf(const std::string& place,
                                                   const std::string& name, const RemoteWay& way) {
  std::string stored_way = ToProto(way).SerializeAsString();
  const absl::Time now = store_.Now();
  Noted& noted = noted_[place];
  const absl::Duration every = noted.stored ? kNoteEvery : kNoteAgain;
  // By a clock that may be set back.
  if (noted.way == stored_way && absl::AbsDuration(now - noted.tried) < every) return absl::nullopt;
  noted = {.way = stored_way, .tried = now, .stored = false};
  return Store::Placed{.place = place, .name = name, .way = std::move(stored_way)};
}

void StoredPlaces::OnStored(const Store::Placed& agent, const absl::Status& stored) {
  if (!stored.ok()) LogWarn("that there is an agent on ", agent.name, ": ", stored.message());
  const auto noted = noted_.find(agent.place);
  if (noted != noted_.end() && noted->second.way == agent.way) noted->second.stored = stored.ok();
}

void StoredPlaces::Note(const std::string& place, const std::string& name, const RemoteWay& way) {
  const absl::optional<Store::Placed> agent = NewsOf(place, name, way);
  if (!agent.has_value()) return;
  store_.Post([agent = *agent](Store& store) { return store.NotePlaced(agent); },
              [this, alive = alive_.Watch(), agent = *agent](const absl::Status& stored) {
                if (alive) OnStored(agent, stored);
              });
}

void StoredPlaces::Forget(const std::string& place) {
  noted_.erase(place);
  may_have_started_.erase(place);
  store_.Post([place](Store& store) { return store.ForgetPlaced(place); },
              [](const absl::Status& forgotten) {
                if (!forgotten.ok()) LogWarn("that an agent was ended: ", forgotten.message());
              });
}

void StoredPlaces::NoteAttempt(const std::string& place, const std::string& name,
                               const RemoteWay& way) {
  ++under_way_[place];
  const absl::optional<Store::Placed> agent = NewsOf(place, name, way);
  if (agent.has_value()) OnStored(*agent, store_.NotePlaced(*agent));
}

void StoredPlaces::NoteAttemptEnd(const std::string& place, bool may_have_started) {
  const auto under_way = under_way_.find(place);
  if (under_way != under_way_.end() && --under_way->second == 0) under_way_.erase(under_way);
  if (may_have_started) may_have_started_.insert(place);
  if (under_way_.count(place) == 0 && may_have_started_.count(place) == 0) Forget(place);
}

void StoredPlaces::NoteTried(const std::vector<std::string>& places) {
  store_.Post([places](Store& store) { return store.NoteTriedPlaces(places); },
              [](const absl::Status& noted) {
                if (!noted.ok()) {
                  LogWarn("which agents a stop tries to reach: ", noted.message());
                }
              });
}

absl::StatusOr<std::vector<PlacedAgent>> StoredPlaces::All(const SharedEnvironment& asker) {
  const absl::StatusOr<std::vector<Store::Placed>> stored = store_.AllPlaced();
  if (!stored.ok()) return stored.status();
  const EnvLookup env = VariablesOf(asker);
  std::vector<PlacedAgent> all;
  for (const Store::Placed& agent : *stored) {
    if (IsAttempt(agent.place)) {
      // Only its own end, which is to come, can say whether there is anything.
      if (may_have_started_.count(agent.place) == 0) continue;
      // By a clock that may be set back.
      if (absl::AbsDuration(store_.Now() - agent.at) > kAttemptCounts) {
        Forget(agent.place);
        continue;
      }
    }
    all.push_back({.place = agent.place, .name = agent.name, .way = WayOf(agent.way, env, home_)});
  }
  return all;
}

}  // namespace iris
