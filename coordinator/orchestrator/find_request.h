#ifndef IRIS_COORDINATOR_ORCHESTRATOR_FIND_REQUEST_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_FIND_REQUEST_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// What the claude of one session asks now.
struct AskingSession {
  std::string from;
  std::string to;
  const std::vector<v1::PendingRequest>* requests;
};

struct FoundRequest {
  size_t session;  // Its index.
  const v1::PendingRequest* request;
};

// The only request with that id: it or how it begins, behind "TEAM:" or "FROM:TEAM:" where several
// teams ask with the same. FAILURE_BAD_REQUEST: there is none, or several; the fix says how to name
// one of them.
absl::StatusOr<FoundRequest> FindRequest(const std::vector<AskingSession>& sessions,
                                         const std::string& id);

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_FIND_REQUEST_H_
