#ifndef IRIS_COORDINATOR_TRANSPORT_HOST_AWAY_H_
#define IRIS_COORDINATOR_TRANSPORT_HOST_AWAY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/environment/environment.h"

namespace iris {

// An attempt to reach a session's host has failed, or the way to it was lost.
struct HostAway {
  absl::Status why;
  // With which the attempt was made; null: nobody's.
  SharedEnvironment environment = nullptr;
  bool is_remote = true;
  bool retries = false;        // The link tries again by itself; else something has to be mended.
  bool host_is_known = false;  // It answered not long ago: where it is away, that is for a while.
  // Somebody asked while the attempt was under way, which had not yet what that one has: it is
  // tried once more.
  bool asker_is_newer = false;
  // No login was tried, since one was refused a moment ago: until the next one, which comes by
  // itself for what waits.
  absl::optional<absl::Duration> login_in = absl::nullopt;
};

// A message that no host has got, as far as that decides whether it waits for one.
struct LeftMessage {
  bool wait_for_host = false;  // As in TellSpec.
  bool is_overdue = false;     // It was accepted longer ago than kAnswersKept.
  // The attempt was made with the environment of its own sender, who asked for it in this life of
  // the coordinator.
  bool is_of_sender = false;
  bool has_waited = false;  // Its host was away before: it may have come back by halves.
};

// OK: the message waits for the host. Else how it ends.
absl::Status EndWhileAway(const LeftMessage& message, const HostAway& away);

// The host refuses the login of the message's own sender, and may be about to mend that by itself:
// its disks and homes come after its network. So the link is to be tried again now and then.
bool IsTriedAgain(const LeftMessage& message, const HostAway& away);

// Why what waits does so, for people; `is_tried_again`: as above.
std::string WhyItWaits(const HostAway& away, bool is_tried_again = false);

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_HOST_AWAY_H_
