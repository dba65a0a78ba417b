#ifndef IRIS_COORDINATOR_CLI_OWN_CALLER_H_
#define IRIS_COORDINATOR_CLI_OWN_CALLER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "coordinator/caller/caller.h"
#include "proto/iris/v1/coordinator.grpc.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// For whom a front end that works in one folder speaks.
struct OwnCaller {
  Caller caller;  // A local team, or Caller::InFolder().
  // Further teams with the very same folder: the front end may speak for one of them instead.
  std::vector<Caller> also;
};

// CLAUDE_PROJECT_DIR, else the working directory; empty: there is none.
std::string OwnFolder();
// CLAUDE_CODE_SESSION_ID: that of the claude that has started this process; empty: none has.
std::string OwnClaudeSession();

// The team whose claude this is, where the coordinator knows (`own_team` of `teams`). Else the
// local team whose folder holds `folder`, by their real paths, whichever names and symbolic links
// led there; where several do the innermost, and of those with the same folder the first. Where
// none does: `folder`'s own name. Asks the file system, and so may block. `home` is what ~/ stands
// for; `host` is this host's name.
OwnCaller CallerIn(const std::string& folder, const v1::ListTeamsResponse& teams,
                   absl::string_view home, absl::string_view host);

// Who this process is, asked of a coordinator for its teams. `wanted` is who it is said to be;
// nobody: that is not said. FAILURE_BAD_REQUEST: it works for somebody else; and what else
// ListTeams() fails with.
absl::StatusOr<Caller> FindOwnCaller(v1::Coordinator::Stub& stub, const Caller& wanted);

// `named` as it is, since a person may look after anybody's conversation; nobody: who this process
// is.
absl::StatusOr<Caller> CallerOrOwn(v1::Coordinator::Stub& stub, const Caller& named);

// The same for a process that was started for `team`, which counts wherever it works, but for the
// claude of another team; empty: none. FAILURE_BAD_REQUEST: there is no such team.
absl::StatusOr<OwnCaller> FindBoundCaller(v1::Coordinator::Stub& stub, const std::string& team);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_OWN_CALLER_H_
