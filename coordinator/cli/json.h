#ifndef IRIS_COORDINATOR_CLI_JSON_H_
#define IRIS_COORDINATOR_CLI_JSON_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "common/json/json.h"
#include "coordinator/cli/text.h"

// What --json prints: docs/JSON.md, and to the letter docs/iris.schema.json.
namespace iris {

// Raised when a key changes its meaning or goes; new keys may come without.
inline constexpr int kJsonSchema = 1;

// DumpJson(), in which what a terminal would obey is escaped.
inline std::string Dump(const Json& json) { return EscapeInJson(DumpJson(json)); }

// What every object begins with.
inline Json Reply(bool ok) {
  Json json = Json::object();
  json["schema"] = kJsonSchema;
  json["ok"] = ok;
  return json;
}

// A moment of Unix time, to the second: "2026-11-28T09:51:43Z".
inline std::string Moment(int64_t unix_ms) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(unix_ms), absl::UTCTimeZone());
}

inline Json FailureJson(const Failure& failure) {
  Json json = {
      {"kind", std::string(KindName(KindOf(failure)))},
      {"detail", failure.detail()},
      {"fix", failure.fix().empty() ? std::string(FixFor(KindOf(failure))) : failure.fix()}};
  if (failure.rate_limit().resets_at_ms() != 0) {
    json["resetsAt"] = Moment(failure.rate_limit().resets_at_ms());
  }
  return json;
}

inline Json FailedReply(const Failure& failure) {
  Json json = Reply(false);
  json["failure"] = FailureJson(failure);
  return json;
}

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_JSON_H_
