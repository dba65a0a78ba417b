#ifndef IRIS_COORDINATOR_CLI_TEAM_LINE_H_
#define IRIS_COORDINATOR_CLI_TEAM_LINE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "coordinator/cli/table.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// What a person hears of one team in a line: of its connection, and of everybody's sessions with
// it.
struct TeamLine {
  std::string team;
  std::string host;   // "this machine", or as its link is called; empty: it was not used yet.
  std::string state;  // "ready", "busy", "✗ unreachable"; empty: it was not used yet.
  Tint tint = Tint::kNone;
  std::string now;           // What it does or waits for.
  int64_t last_used_ms = 0;  // Unix time; 0 = never.
  int urgency = 0;           // Problems first: the larger, the earlier.
};

// The state of a session of `status`, as people read it. "unknown" too: one of a newer coordinator.
absl::string_view SessionStateWords(const v1::SessionStatus& session,
                                    const v1::GetStatusResponse& status);

// It dropped while nobody waited for anything: the next message connects, and nothing is to mend.
bool WasLostIdle(const v1::LinkStatus& link);

TeamLine LineOf(absl::string_view team, const v1::GetStatusResponse& status);

// Of every team that `status` names: the most urgent first, then by name.
std::vector<TeamLine> TeamLines(const v1::GetStatusResponse& status);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_TEAM_LINE_H_
