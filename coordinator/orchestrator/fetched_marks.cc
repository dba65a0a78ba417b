#include "coordinator/orchestrator/fetched_marks.h"

#include "absl/status/status.h"
#include "common/log/check.h"
#include "common/log/log.h"

namespace iris {

void FetchedMarks::Mark(const std::string& tell_id) {
  marking_.insert(tell_id);
  // Who does not know of it after a loss of power is offered it again.
  store_.PostUnsynced([tell_id](Store& store) { return store.MarkFetched(tell_id); },
                      [this, alive = alive_.Watch(), tell_id](const absl::Status& marked) {
                        if (!marked.ok())
                          LogWarn("tell ", tell_id, " stays unfetched: ", marked.message());
                        if (!alive) return;
                        const auto marking = marking_.find(tell_id);
                        Check(marking != marking_.end(), "an answer is marked as fetched twice");
                        marking_.erase(marking);
                      },
                      /*durable=*/nullptr);
}

}  // namespace iris
