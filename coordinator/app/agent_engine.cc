#include "coordinator/app/agent_engine.h"

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/alive_flag.h"
#include "common/base/hostname.h"
#include "common/environment/environment.h"
#include "common/log/check.h"
#include "common/process/wait_exit.h"
#include "coordinator/app/program_path.h"
#include "coordinator/config/config.h"
#include "coordinator/link/host_report.h"
#include "coordinator/link/link_table.h"
#include "coordinator/link/target.h"
#include "coordinator/reach/local/local_agent.h"
#include "coordinator/reach/reaches.h"
#include "coordinator/reach/shell/agent_bundle.h"
#include "coordinator/reach/ssh/ssh_reach.h"
#include "coordinator/transport/agent_transport_factory.h"

namespace iris {
namespace {

constexpr absl::Duration kGoneWithin = absl::Seconds(5);
constexpr absl::Duration kLookEvery = absl::Milliseconds(5);

// "user@host", shown to a coordinator that finds a session taken.
std::string Label() {
  const char* user = getenv("USER");
  return absl::StrCat(user != nullptr ? user : absl::StrCat("uid ", getuid()), "@", Hostname());
}

class AgentEngine final : public Engine {
 public:
  AgentEngine(EventLoop& loop, const EngineOptions& options)
      : loop_(loop),
        bundle_(AgentBundle::Find(DefaultBundleDirectories(options.agent_bundle, ProgramPath()))),
        links_(MakeLinkTable(
            loop,
            {.target_of = [this](const RemoteWay& way) { return reaches_.To(way); },
             .connect_here =
                 [this, home = options.iris_home] { return MakeLocalConnector(*bundle_, home); },
             .hello_here = [home = options.iris_home] { return LocalAgentHello(home); },
             .coordinator_id = options.coordinator_id,
             .placed = options.placed})),
        transports_(MakeTransportFactory(
            loop, *links_, {.id = options.coordinator_id, .label = Label()}, *options.budget,
            [this](const RemoteWay& way) { return reaches_.WithoutAgent(way); })) {
    reaches_.Add("ssh",
                 MakeSshReach({.bundle = bundle_.get(), .runtime_dir = options.runtime_dir}));
    Check(reaches_.complete(), "a kind of host that is read and not reached");
  }

  TransportFactory& transports() override { return *transports_; }
  std::vector<v1::LinkStatus> Links() const override { return links_->Status(); }
  void AskHosts(HostReportsDone done) override {
    links_->AskHosts(
        [alive = alive_.Watch(), done = std::move(done)](const std::vector<HostReport>& hosts) {
          if (alive) done(hosts);
        });
  }
  void KeepTeams(const std::set<std::string>& names) override { links_->KeepTeams(names); }
  void StopAgents(bool force, const SharedEnvironment& env, StopAgentsDone done) override {
    links_->StopAgents(force, env,
                       [this, alive = alive_.Watch(), done = std::move(done)](
                           std::vector<std::string> stopped, std::vector<std::string> problems) {
                         if (!alive) return;
                         WhenGone(absl::Now() + kGoneWithin,
                                  [stopped = std::move(stopped), problems = std::move(problems),
                                   done] { done(stopped, problems); });
                       });
  }

 private:
  // Agents that were ended answer a moment before they are gone.
  void WhenGone(absl::Time deadline, std::function<void()> then) {
    if (AllGone() || absl::Now() > deadline) return then();
    loop_.After(kLookEvery,
                [this, alive = alive_.Watch(), deadline, then = std::move(then)]() mutable {
                  if (alive) WhenGone(deadline, std::move(then));
                });
  }

  // A wire through ssh ends after its agent; of the one here the process can be seen.
  bool AllGone() {
    bool gone = true;
    for (const v1::LinkStatus& link : links_->Status()) {
      if (link.mode() == "local" && link.agent_pid() > 0) local_pid_ = link.agent_pid();
      gone = gone && link.state() != v1::LinkStatus::UP &&
             link.state() != v1::LinkStatus::SUSPECT && link.state() != v1::LinkStatus::ENDING;
    }
    const pid_t local = static_cast<pid_t>(local_pid_);
    return gone && (local == 0 || WaitForExit(local, absl::InfinitePast()));
  }

  EventLoop& loop_;
  const std::unique_ptr<AgentBundle> bundle_;
  Reaches reaches_;  // Every kind's.
  const std::unique_ptr<LinkTable> links_;
  const std::unique_ptr<TransportFactory> transports_;
  int64_t local_pid_ = 0;  // Of the local agent that is being ended; 0 = not seen.
  AliveFlag alive_;        // For timers.
};

}  // namespace

std::unique_ptr<Engine> MakeAgentEngine(EventLoop& loop, const EngineOptions& options) {
  return std::make_unique<AgentEngine>(loop, options);
}

}  // namespace iris
