#ifndef IRIS_COMMON_REQUEST_REQUEST_TEXT_H_
#define IRIS_COMMON_REQUEST_REQUEST_TEXT_H_

#include <string>

#include "proto/iris/v1/agent.pb.h"

namespace iris {

// What a claude asks, for people: "Bash: npm test". ≤ 200 bytes of UTF-8. The words are those of a
// claude on some host: to be shown, and not to be trusted.
std::string RequestText(const v1::PendingRequest& request);

// What it would give to the tool, as JSON for people: indented, UTF-8. "" where the request has
// none.
std::string RequestInput(const v1::PendingRequest& request);

}  // namespace iris

#endif  // IRIS_COMMON_REQUEST_REQUEST_TEXT_H_
