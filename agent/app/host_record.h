#ifndef IRIS_AGENT_APP_HOST_RECORD_H_
#define IRIS_AGENT_APP_HOST_RECORD_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/inventory/evidence.h"

namespace iris {

// Which host a folder of hosts/ belongs to, and which machine said so last:
//
//   hosts/PLACE/identity     one line of JSON, 0600, ≤ 4 KiB
struct HostRecord {
  std::string id;  // IsHostId().
  Evidence evidence;

  friend bool operator==(const HostRecord&, const HostRecord&) = default;
};

// 32 lower-case hex digits.
bool IsHostId(absl::string_view text);

// The record in `folder`; nothing: there is none. DataLoss: what is there is no record. Other
// errors are errno's, and say nothing about the record.
absl::StatusOr<std::optional<HostRecord>> ReadHostRecord(const std::string& folder);

// Durable when it returns OK; after an error the old record stands, whole.
absl::Status WriteHostRecord(const std::string& folder, const HostRecord& record);

}  // namespace iris

#endif  // IRIS_AGENT_APP_HOST_RECORD_H_
