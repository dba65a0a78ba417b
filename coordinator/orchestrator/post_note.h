#ifndef IRIS_COORDINATOR_ORCHESTRATOR_POST_NOTE_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_POST_NOTE_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "common/log/log.h"
#include "coordinator/store/store_queue.h"

namespace iris {

// Posted to the store, and nothing waits for it. What fails is logged, as `what`.
inline void PostNote(StoreQueue& store, std::string what, StoreQueue::Write write) {
  store.Post(std::move(write), [what = std::move(what)](const absl::Status& noted) {
    if (!noted.ok()) LogWarn(what, ": ", noted.message());
  });
}

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_POST_NOTE_H_
