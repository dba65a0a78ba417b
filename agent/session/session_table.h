#ifndef IRIS_AGENT_SESSION_SESSION_TABLE_H_
#define IRIS_AGENT_SESSION_SESSION_TABLE_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/session/session.h"
#include "common/loop/event_loop.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// What every session of one agent life has in common.
struct AgentIdentity {
  std::string incarnation;    // UUID of this life.
  std::string boot_id;
  std::string pid_namespace;
  std::string keeper_program;  // Absolute path of this binary, started as `keeper` (agent/process).
  // The environment that children start from ("NAME=value"), before scrubbing and the team's `env`.
  std::vector<std::string> child_env;
  std::string home;            // The account's home directory, for ~/ paths.
};

// The sessions of this agent, by session id. Lives on the process loop.
class SessionTable {
 public:
  SessionTable(EventLoop& loop, AgentIdentity identity);
  ~SessionTable();

  // Each as the call of the same name in agent.proto. FAILURE_BAD_REQUEST: an id that is not a UUID.
  absl::StatusOr<uint64_t> Acquire(const v1::AcquireRequest& request);
  // The session, if `epoch` is the one in force. FAILURE_BAD_REQUEST: none such;
  // FAILURE_PERMISSION_DENIED: another coordinator holds it (said which).
  absl::StatusOr<Session*> Find(const std::string& session_id, uint64_t epoch);
  v1::ListResponse List() const;

  // Ends every child; `done` runs when no descendant is left.
  void CloseAll(absl::AnyInvocable<void(size_t sessions_ended)> done);

  // A child process of this agent that is no keeper's and no keeper ended; see agent/process/reaper.
  size_t running_children() const;
  // No child runs and no tell is open.
  bool idle() const;

  static constexpr size_t kSessionsMax = 4096;

 private:
  EventLoop& loop_;
  const AgentIdentity identity_;
  std::map<std::string, std::unique_ptr<Session>> sessions_;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_SESSION_TABLE_H_
