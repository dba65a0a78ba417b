#include "agent/app/serve.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "agent/app/agent_daemon.h"
#include "agent/app/complain.h"
#include "agent/app/data_dir.h"
#include "agent/app/host_folder.h"
#include "agent/handover/handover.h"
#include "agent/handover/handover.pb.h"
#include "agent/inventory/host_facts.h"
#include "common/budget/heap.h"
#include "common/endpoint/daemon.h"
#include "common/endpoint/data_lock.h"
#include "common/endpoint/endpoint.h"
#include "common/environment/environment.h"
#include "common/failure/exhausted.h"
#include "common/log/log.h"
#include "common/process/file_size_limit.h"
#include "common/rpc/grpc_life.h"

namespace iris {
namespace {

// Every thread made later inherits the mask: signals arrive on the loop's descriptor alone.
void PrepareProcess() {
  signal(SIGHUP, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  SurviveFileSizeLimit();
  sigset_t blocked;
  sigemptyset(&blocked);
  for (const int number : {SIGCHLD, SIGTERM, SIGINT}) sigaddset(&blocked, number);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  // What a killed keeper leaves behind becomes ours, and not init's.
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  umask(077);
  LeaveNoCores();
  RaiseFileSizeLimit();
  (void)!chdir("/");
}

// What the program before in this process has handed over. Null: nothing, or it cannot be read.
std::unique_ptr<const handover::Agent> TakeHandover(const Options& options) {
  if (options.handed_over < 0) return nullptr;
  absl::StatusOr<handover::Agent> before = ReadHandover(options.handed_over);
  if (before.ok()) return std::make_unique<handover::Agent>(*std::move(before));
  // As after the death of an agent: the children's pipes close, each finishes its turn, and what it
  // said is found again.
  CloseInherited();
  return nullptr;
}

absl::StatusOr<std::unique_ptr<AgentDaemon>> StartAgent(const Options& options) {
  const HostFacts facts = GatherHostFacts();
  // First: whoever meets the agent that runs makes no folder beside its, if this host was renamed.
  const absl::StatusOr<Endpoint> endpoint = FindEndpoint("agent", options.home);
  if (!endpoint.ok()) return endpoint.status();
  absl::StatusOr<ScopedFd> lock = LockEndpoint(*endpoint);
  if (!lock.ok()) return lock.status();
  absl::StatusOr<DataDir> data = OpenDataDir(options, facts);
  if (!data.ok()) return data.status();
  StartLogging(data->log, LogLevel::kInfo);
  for (const std::string& line : data->news) LogWarn(line);
  if (options.handed_over >= 0) LogError("an upgrade has lost its state");
  absl::StatusOr<ScopedFd> data_lock = LockData(data->lock);
  if (!data_lock.ok()) {
    // We hold the lock of the endpoint, so what is there is stale.
    if (const auto holder = FindDataHolder(data->lock); holder.has_value()) {
      LeadTo(holder->socket, *endpoint);
    }
    return data_lock.status();
  }
  absl::StatusOr<std::string> host_id = SettleHostId(data->host, facts);
  if (!host_id.ok()) return host_id.status();
  data->host_id = *std::move(host_id);
  return AgentDaemon::Start(options, facts, *data,
                            {*endpoint, *std::move(lock), *std::move(data_lock)});
}

// Goes on where the program before in this process was.
absl::StatusOr<std::unique_ptr<AgentDaemon>> GoOn(const Options& options,
                                                  const handover::Agent& before) {
  const HostFacts facts = GatherHostFacts();
  const absl::StatusOr<DataDir> data = DataDirOf(before, options, facts);
  if (!data.ok()) return data.status();
  StartLogging(data->log, LogLevel::kInfo);
  for (const std::string& line : data->news) LogWarn(line);
  if (absl::Status kept = KeepHostId(data->host, data->host_id, facts); !kept.ok()) return kept;
  absl::StatusOr<std::unique_ptr<AgentDaemon>> agent =
      AgentDaemon::GoOn(options, facts, *data, before);
  if (agent.ok()) return agent;
  LogError("an upgrade could not go on: ", agent.status().message());
  return StartAgent(options);
}

}  // namespace

int RunServe(const Options& options) {
  PrepareProcess();
  // Before gRPC: where there is nothing to go on with, every descriptor is closed.
  std::unique_ptr<const handover::Agent> before = TakeHandover(options);
  KeepHeapSmall();
  KeepGrpcUntilExit();
  absl::StatusOr<std::unique_ptr<AgentDaemon>> agent = OrExhausted("the agent cannot start", [&] {
    return before != nullptr ? GoOn(options, *before) : StartAgent(options);
  });
  before.reset();
  ReportReady(agent.status());
  if (!agent.ok()) {
    if (absl::IsAlreadyExists(agent.status())) return 0;
    LogError("cannot start: ", agent.status().message());
    Complain(agent.status());
    return 1;
  }
  (*agent)->RunUntilLeft();
  return 0;
}

}  // namespace iris
