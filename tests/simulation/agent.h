#ifndef IRIS_TESTS_SIMULATION_AGENT_H_
#define IRIS_TESTS_SIMULATION_AGENT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "agent/journal/journal.h"
#include "agent/process/child.h"
#include "agent/service/agent_service.h"
#include "agent/session/session_table.h"
#include "common/loop/event_loop.h"
#include "tests/simulation/claude.h"
#include "tests/simulation/desk.h"
#include "tests/simulation/server.h"
#include "tests/simulation/wire.h"
#include "tests/simulation/world.h"

namespace iris::simulation {

// A host: lives of the real agent (service, sessions, journal, ledger) over one directory.
class Host {
 public:
  enum class Loss {
    kKilled,  // The agent's process: all that it has written is there.
    kPower,   // The machine: of what was not synced, anything may be gone or torn.
    kWiped,   // The agent's process, and then somebody removes its files.
    // The machine: it is as it was at Copy(), claude's files too; without one, as at its beginning.
    kPutBack,
  };

  // `dir` exists and is empty.
  Host(World& world, const Desk& desk, std::string dir, const Journal::Limits& limits);
  ~Host();

  bool up() const { return agent_ != nullptr; }
  void Start();
  void Lose(Loss loss);
  // For kPutBack. While up.
  void Copy();
  // Of the agent that is up.
  void Accept(std::shared_ptr<Wire> wire);
  v1::Hello hello() const;

  // The claudes that run, one for each session at most.
  std::vector<std::shared_ptr<Claude>> running() const;
  // Whether one runs that an agent which is gone has left.
  bool draining() const { return agent_ == nullptr && !running().empty(); }

  bool RunReady();
  absl::Duration next() const;

  ClaudeWorld& claudes() { return claudes_; }

 private:
  // One life of the agent.
  struct Agent {
    std::unique_ptr<EventLoop> loop;
    std::unique_ptr<SessionTable> sessions;
    std::unique_ptr<AgentService> service;
    std::vector<std::shared_ptr<ServerChannel>> channels;
    std::string incarnation;
  };

  absl::StatusOr<std::unique_ptr<Child>> StartClaude(const ChildSpec& spec, ChildSink& sink);
  bool Runs(const std::string& session_id) const;
  absl::Status Sync(const std::string& path);
  void EndAgent();
  void LosePower();
  void PutBack();
  std::string CopyDir() const { return dir_ + "/copy"; }
  void CutFile(const std::string& path);

  World& world_;
  const Desk& desk_;
  const std::string dir_;
  const Journal::Limits limits_;
  ClaudeWorld claudes_;
  std::unique_ptr<Agent> agent_;
  std::map<std::string, std::shared_ptr<Claude>> started_;  // The last of each session.
  // What had begun when it was copied.
  std::map<std::string, int> copied_turns_;
  std::vector<std::string> copied_order_;
  int boots_ = 0;
  std::map<std::string, uintmax_t> synced_;  // Bytes of a file that are durable.
  std::set<std::string> durable_names_;      // Files that a synced directory has.
};

}  // namespace iris::simulation

#endif  // IRIS_TESTS_SIMULATION_AGENT_H_
