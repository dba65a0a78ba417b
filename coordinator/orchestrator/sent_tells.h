#ifndef IRIS_COORDINATOR_ORCHESTRATOR_SENT_TELLS_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_SENT_TELLS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "common/base/alive_flag.h"
#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/open_tells.h"
#include "coordinator/orchestrator/settling.h"
#include "coordinator/orchestrator/tell_limits.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/transport/host_away.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// What hosts say of the tells that were sent to them, as TransportSink has it: brings it to the
// tell that is meant. What is said of one that is over, or of an earlier attempt, counts no more.
// Lives on the coordinator's loop.
class SentTells {
 public:
  // All outlive this.
  SentTells(StoreQueue& store, OpenTells& tells, Settling& settling, const TellLimits& limits)
      : store_(store), tells_(tells), settling_(settling), limits_(limits) {}
  SentTells(const SentTells&) = delete;
  SentTells& operator=(const SentTells&) = delete;

  void OnText(const std::string& id_on_host, std::string text);
  void OnTextVoid(const std::string& id_on_host);
  void OnStructured(const std::string& id_on_host, size_t bytes);
  void OnAccount(const std::string& id_on_host, const v1::TurnAccount& account);
  // It is over, or, where the account's limit is reached, put off.
  void OnSettled(const std::string& id_on_host, const absl::Status& outcome);

  absl::Status EndWhileAway(const std::string& id_on_host, const HostAway& away) const;
  // The last moment before it is sent: where this life ends now, the next one takes it for given.
  // False: the store does not know that yet; `give_now` is called once it does, if it comes to
  // that, and never from inside.
  bool MayGive(const std::string& id_on_host, absl::AnyInvocable<void()> give_now);

 private:
  void MarkRunning(AcceptedTell& tell, absl::AnyInvocable<void()> give_now);
  bool OnMarked(const std::string& tell_id, uint64_t round, const absl::Status& marked);

  StoreQueue& store_;
  OpenTells& tells_;
  Settling& settling_;
  const TellLimits& limits_;
  AliveFlag alive_;  // For what was posted.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_SENT_TELLS_H_
