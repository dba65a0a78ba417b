#ifndef IRIS_COMMON_REQUEST_REQUEST_TEXT_H_
#define IRIS_COMMON_REQUEST_REQUEST_TEXT_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// Bounds of agent.proto, for both ends: a host may say anything.
inline constexpr size_t kRequestsMax = 64;
inline constexpr size_t kRequestBytesMax = 256 << 10;
inline constexpr size_t kRequestsBytesMax = 512 << 10;  // Of a session's together.

// An id that can be shown, and typed: 1 to 64 of [A-Za-z0-9_-].
bool IsRequestId(absl::string_view id);

// What a claude asks, for people, in one line: "Bash: npm test". ≤ 200 bytes of UTF-8, with "…" at
// the end where that is not all. The words are those of a
// claude on some host: to be shown, and not to be trusted.
std::string RequestText(const v1::PendingRequest& request);

// What it would give to the tool, as JSON for people: indented (unless that makes it long), UTF-8.
// ≤ 768 KiB. "" where the request has none.
std::string RequestInput(const v1::PendingRequest& request);

}  // namespace iris

#endif  // IRIS_COMMON_REQUEST_REQUEST_TEXT_H_
