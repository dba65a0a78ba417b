#ifndef IRIS_TESTS_SIMULATION_DESK_H_
#define IRIS_TESTS_SIMULATION_DESK_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "coordinator/store/sqlite/testing/failing_disk.h"
#include "coordinator/store/store.h"
#include "tests/simulation/world.h"

namespace iris::simulation {

// What the schedules of one runner have in common, because it takes longer to make than a schedule
// takes to run: a store, and a home for claude. Each schedule has a team of its own, and so sees
// nothing of the others.
class Desk {
 public:
  // In `dir`, which exists and is empty.
  explicit Desk(std::string dir);

  // A schedule begins, with its clock, and with ids by a seed: where that was used before, in a new
  // store. With so many teams, at least one. `twin`: a second coordinator has the same sessions.
  void Begin(const World& world, uint64_t ids_seed, size_t teams = 1, bool twin = false);

  // The store. Where it was closed, its file is opened again.
  absl::StatusOr<Store*> OpenStore();
  // That of the second coordinator, which has a disk that never fails.
  absl::StatusOr<Store*> OpenTwinStore();
  // As when its process dies: everything that it had said is durable.
  void CloseStore() { store_.reset(); }
  // The disk below it.
  FailingDisk& disk() { return disk_; }
  // A copy of its file, and that copy in the file's place. The store is closed.
  bool Copy();  // False: the disk does not let it.
  void PutBack();
  std::string store_path() const { return dir_ + "/iris.db"; }

  const std::vector<std::string>& teams() const { return teams_; }  // Of the schedule.
  std::string team_path() const { return dir_ + "/w"; }
  std::string home() const { return dir_ + "/home"; }
  // Where claude keeps the session.
  std::string TranscriptOf(const std::string& session_id) const;
  // Where an agent claims it.
  std::string ClaimOf(const std::string& session_id) const;

 private:
  absl::StatusOr<Store*> Open(std::unique_ptr<Store>& store, const std::string& path,
                              const std::string& vfs);
  void ShareSessions(uint64_t ids_seed);
  std::string twin_path() const { return dir_ + "/twin.db"; }

  const std::string dir_;
  const World* world_ = nullptr;
  absl::Duration before_;  // How long the schedules before this one took.
  absl::Duration last_;
  int schedules_ = 0;
  std::set<uint64_t> ids_;  // Seeds whose ids are in the store.
  std::vector<std::string> teams_;
  FailingDisk disk_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Store> twin_;  // Of the second coordinator, as long as there is one.
};

}  // namespace iris::simulation

#endif  // IRIS_TESTS_SIMULATION_DESK_H_
