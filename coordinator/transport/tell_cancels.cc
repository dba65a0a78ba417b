#include "coordinator/transport/tell_cancels.h"

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "common/log/log.h"

namespace iris {
namespace {

// Where the call failed and the link stands.
constexpr absl::Duration kAskAgain = absl::Seconds(5);

}  // namespace

void TellCancels::Ask(const std::string& tell_id, const std::string& host) {
  if (pending_.IsForOtherThan(host, tell_id)) return;
  calls_.CancelTell(tell_id, [this, alive = alive_.Watch(), tell_id, host,
                              life = calls_.life().get()](const absl::Status& answer) {
    if (!alive) return;
    // It knows no such message.
    if (answer.ok() || KindOf(answer) == v1::FAILURE_BAD_REQUEST) return OnHeard(tell_id);
    LogWarn("cancelling tell ", tell_id, ": ", answer.message());
    // Somebody else has the session: only another contact may change that.
    if (KindOf(answer) == v1::FAILURE_PERMISSION_DENIED) return;
    loop_.After(kAskAgain, [this, alive, tell_id, host, life] {
      if (!alive || calls_.life().get() != life || calls_.stream() == nullptr) return;
      if (pending_.Has(tell_id)) Ask(tell_id, host);
    });
  });
}

void TellCancels::AskAll(const std::string& host) {
  for (const std::string& tell_id : pending_.TellIds()) Ask(tell_id, host);
}

void TellCancels::OnHeard(const std::string& tell_id) {
  // It may be of what goes, and so may this.
  const std::string id = tell_id;  // NOLINT(performance-unnecessary-copy-initialization)
  if (pending_.Remove(id)) on_heard_(id);
}

}  // namespace iris
