#ifndef IRIS_COMMON_ENVIRONMENT_ENVIRONMENT_WIRE_H_
#define IRIS_COMMON_ENVIRONMENT_ENVIRONMENT_WIRE_H_

#include "common/environment/environment.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

v1::Environment EnvironmentToProto(const Environment& env);

// What somebody says is an environment: entries that are none, and what StaysBehind(), are left
// out. As large as what was said: whoever takes a stranger's cuts it.
Environment EnvironmentFromProto(const v1::Environment& said);

}  // namespace iris

#endif  // IRIS_COMMON_ENVIRONMENT_ENVIRONMENT_WIRE_H_
