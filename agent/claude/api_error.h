#ifndef IRIS_AGENT_CLAUDE_API_ERROR_H_
#define IRIS_AGENT_CLAUDE_API_ERROR_H_

#include "absl/strings/string_view.h"
#include "common/json/peer_json.h"

namespace iris {

// What to do about the error with which a turn ended, by the HTTP status of the API's answer: one
// of those in common/failure/agent_fix.h, or empty where the error is not the API's. `result` is
// claude's result line, `text` what it says of the error. Facts (claude 2.1.330):
// `api_error_status` is the status, or null where there was no answer; a claude too old for it has
// "API Error: 529 …" in the text.
absl::string_view FixForApiError(const PeerJson& result, absl::string_view text);

}  // namespace iris

#endif  // IRIS_AGENT_CLAUDE_API_ERROR_H_
