#include "common/endpoint/dial_or_start.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "common/endpoint/daemon.h"
#include "common/failure/failure.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {

absl::StatusOr<Dialed> DialOrStart(const std::string& socket, const std::vector<std::string>& argv,
                                   const std::vector<std::string>& env, absl::Time deadline) {
  // How long a daemon that said it is ready, or there already, may take to answer before another is
  // started.
  constexpr absl::Duration kTurn = absl::Seconds(1);
  absl::StatusOr<Dialed> dialed = Dial(socket, absl::InfinitePast());
  while (!dialed.ok() && KindOf(dialed.status()) == v1::FAILURE_UNREACHABLE &&
         absl::Now() < deadline) {
    if (absl::Status status = StartDaemon(argv, env, deadline); !status.ok()) return status;
    dialed = Dial(socket, std::min(deadline, absl::Now() + kTurn));
  }
  return dialed;
}

}  // namespace iris
