#ifndef IRIS_AGENT_APP_COMPLAIN_H_
#define IRIS_AGENT_APP_COMPLAIN_H_

#include "absl/status/status.h"

namespace iris {

// Writes "iris-agent: KIND: DETAIL" to stderr, in one line.
void Complain(const absl::Status& status);

}  // namespace iris

#endif  // IRIS_AGENT_APP_COMPLAIN_H_
