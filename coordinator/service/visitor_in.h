#ifndef IRIS_COORDINATOR_SERVICE_VISITOR_IN_H_
#define IRIS_COORDINATOR_SERVICE_VISITOR_IN_H_

#include <string>

#include "common/environment/environment.h"
#include "coordinator/caller/caller.h"
#include "coordinator/desk/desk.h"
#include "google/protobuf/map.h"
#include "proto/iris/v1/agent.pb.h"

// Who asks, as a request says it.
namespace iris {

// What a front end says is its environment, cut to the bounds (CutEnvironment()).
SharedEnvironment EnvironmentOf(const v1::Environment& said);

// That of one which is too old to say it: this process's own, with kSshVariables of what it lends,
// each at most 4 KiB.
SharedEnvironment EnvironmentWith(const google::protobuf::Map<std::string, std::string>& lent);

// Of a request that has both fields.
template <typename Request>
SharedEnvironment EnvironmentIn(const Request& request) {
  return request.has_environment() ? EnvironmentOf(request.environment())
                                   : EnvironmentWith(request.lent_env());
}

// Of a request that has the first alone; null: it is unset, and nothing is lent.
template <typename Request>
SharedEnvironment EnvironmentLentIn(const Request& request) {
  return request.has_environment() ? EnvironmentOf(request.environment()) : nullptr;
}

// Of a request with `from` and what EnvironmentLentIn() reads.
template <typename Request>
Visitor VisitorIn(const Request& request) {
  return {.caller = Caller::Named(request.from()), .environment = EnvironmentLentIn(request)};
}

}  // namespace iris

#endif  // IRIS_COORDINATOR_SERVICE_VISITOR_IN_H_
