#ifndef IRIS_COORDINATOR_ORCHESTRATOR_OPEN_TELLS_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_OPEN_TELLS_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/host_ids.h"
#include "coordinator/orchestrator/tell.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// The tells that were accepted and are not stored as over, by their ids and by those that hosts
// know them by, and whoever follows them. A tell stays where it is until it is taken out; whoever
// calls an observer has to find it again. Lives on the coordinator's loop.
class OpenTells {
 public:
  OpenTells() = default;
  OpenTells(const OpenTells&) = delete;
  OpenTells& operator=(const OpenTells&) = delete;

  // There is none with its id yet.
  AcceptedTell& Add(std::unique_ptr<AcceptedTell> tell);
  // Null: it is not open.
  AcceptedTell* Find(const std::string& tell_id);
  const AcceptedTell* Find(const std::string& tell_id) const;
  // It is open.
  AcceptedTell& At(const std::string& tell_id);
  // The one that a host calls so; null: there is none that is not over, or what a host says is of
  // an earlier attempt.
  AcceptedTell* FindSent(const std::string& id_on_host);
  // The id of the tell that hosts know so; the id itself where no other tell is known by it.
  std::string TellOf(const std::string& id_on_host) const { return host_ids_.TellOf(id_on_host); }
  // That one was open, and is not now; empty: there was none.
  bool IsOver(const std::string& tell_id) const;

  bool empty() const { return by_id_.empty(); }
  size_t size() const { return by_id_.size(); }
  // `what` adds and takes none.
  void ForEach(absl::FunctionRef<void(AcceptedTell& tell)> what);
  bool Any(absl::FunctionRef<bool(const AcceptedTell& tell)> what) const;

  // Its text need not be read from the store again, if there is room for it.
  void KeepText(AcceptedTell& tell, std::string text);
  // As AcceptedTell::SendAgain(): its host knows it by another id from now on.
  void SendAgain(AcceptedTell& tell);
  // It is stored how it ended, and nobody finds it any more.
  std::unique_ptr<AcceptedTell> Take(const std::string& tell_id);

  // Whoever follows it hears this, and who joins does. Who hears of it may call anything. Nothing
  // where it is not open. Both by value: they may be of what changes meanwhile.
  void SetProgress(std::string tell_id, v1::TellProgress progress);
  // Nothing where it does not follow the tell.
  void RemoveObserver(const std::string& tell_id, const TellObserver* observer);

  // The end of this life: whoever follows or cancels a tell hears that it goes on with the next
  // one, and none is open here any more.
  void Leave(absl::Time now);
  // Leave() was called: none is added any more.
  bool has_left() const { return has_left_; }

 private:
  bool has_left_ = false;
  HostIds host_ids_;
  size_t texts_kept_bytes_ = 0;  // Of all.
  absl::flat_hash_map<std::string, std::unique_ptr<AcceptedTell>> by_id_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_OPEN_TELLS_H_
