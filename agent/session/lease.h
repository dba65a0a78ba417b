#ifndef IRIS_AGENT_SESSION_LEASE_H_
#define IRIS_AGENT_SESSION_LEASE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/session/session_files.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// Which coordinator has a say in a session: one at a time, by a number that grows with every grant
// and outlives the agent. Lives on the process loop.
class Lease {
 public:
  struct Grant {
    uint64_t epoch = 0;
    std::optional<uint64_t> fenced;  // The epoch that another coordinator loses by it.
  };

  // `hostname` is for people. `files` has what is granted, and outlives this.
  Lease(std::string session_id, std::string hostname, SessionFiles& files)
      : session_id_(std::move(session_id)), hostname_(std::move(hostname)), files_(files) {}

  // Grants it by the condition in `request`; durable then. FAILURE_PERMISSION_DENIED: another
  // coordinator holds it, named with its label. FAILURE_STORAGE: it could not be stored, and the
  // holder stays.
  absl::StatusOr<Grant> Acquire(const v1::AcquireRequest& request);
  // FAILURE_PERMISSION_DENIED: not the epoch in force.
  absl::Status CheckEpoch(uint64_t epoch) const;
  // What was granted last: holder, label, epoch.
  const saved::State& state() const { return files_.state(); }
  void Describe(v1::SessionInfo& info) const;

 private:
  const std::string session_id_;
  const std::string hostname_;
  SessionFiles& files_;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_LEASE_H_
