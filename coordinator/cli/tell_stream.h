#ifndef IRIS_COORDINATOR_CLI_TELL_STREAM_H_
#define IRIS_COORDINATOR_CLI_TELL_STREAM_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "proto/iris/v1/coordinator.grpc.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// What one submission of a tell came to.
struct TellStreamResult {
  absl::Status call;  // How the stream ended.
  bool accepted = false;
  absl::optional<v1::TellSettled> settled;
  std::string answer;         // With `settled`: all of it.
  bool timed_out = false;     // We stopped waiting after `accepted`.
  v1::TellProgress progress;  // The last that was said.

  // As `iris tells` has it; unspecified: it was not accepted. Queued also where nothing was said of
  // it since.
  v1::TellSummary::State state() const;
  // The coordinator went away, or is about to: connect again and submit the same tell.
  bool coordinator_lost() const;
};

struct TellStreamEvents {
  std::function<void()> accepted;
  std::function<void(const v1::TellProgress&)> progress;
};

// Submits the tell of `header` (everything but the text) and follows it until it is settled,
// detached, or `give_up` has passed and it was accepted. The answer counts as fetched once
// ConfirmFetched() says so. Blocks; a coordinator that does not accept
// within 30 s is FAILURE_TIMEOUT.
TellStreamResult StreamTell(v1::Coordinator::Stub& stub, const v1::TellRequest& header,
                            const std::string& text, absl::Time give_up,
                            const TellStreamEvents& events);
// Follows a tell that was submitted before, until it is settled, or as `request` says. Likewise.
TellStreamResult FollowTell(v1::Coordinator::Stub& stub, const v1::FollowTellRequest& request,
                            const TellStreamEvents& events);

// The answer of a tell that was followed so was given to whoever asked for it. What fails is
// nothing: then it is offered again.
void ConfirmFetched(v1::Coordinator::Stub& stub, const std::string& tell_id,
                    const std::string& from);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_TELL_STREAM_H_
