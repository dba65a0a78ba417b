#ifndef IRIS_COORDINATOR_ORCHESTRATOR_CHECK_FOUND_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_CHECK_FOUND_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"
#include "coordinator/caller/caller.h"

namespace iris {

// Of a tell that somebody asks for by its id, and that the store does not have.
inline absl::Status NoSuchTell(absl::string_view tell_id) {
  constexpr size_t kIdBytesShown = 100;
  return MakeFailure(v1::FAILURE_BAD_REQUEST,
                     absl::StrCat("there is no message \"",
                                  absl::Utf8SafeCEscape(CutUtf8(tell_id, kIdBytesShown)), "\""),
                     "Give the whole id, as quick_message, tell_status or `iris tell --detach` "
                     "returned it; old messages are forgotten.");
}

// Whether `found`, a StoredTell or its summary, is there, and for `caller`. FAILURE_BAD_REQUEST,
// FAILURE_PERMISSION_DENIED.
template <typename Stored>
absl::Status CheckFound(const absl::optional<Stored>& found, absl::string_view tell_id,
                        const Caller& caller) {
  if (!found.has_value()) return NoSuchTell(tell_id);
  if (caller.MaySee(Caller::Named(found->from))) return absl::OkStatus();
  return MakeFailure(v1::FAILURE_PERMISSION_DENIED,
                     absl::StrCat("message ", tell_id, " was sent by another team"),
                     "Ask for a message that your own team has sent.");
}

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_CHECK_FOUND_H_
