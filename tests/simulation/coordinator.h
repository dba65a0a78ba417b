#ifndef IRIS_TESTS_SIMULATION_COORDINATOR_H_
#define IRIS_TESTS_SIMULATION_COORDINATOR_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "common/loop/event_loop.h"
#include "coordinator/link/calls.h"
#include "coordinator/link/host_link.h"
#include "coordinator/link/rate_window.h"
#include "coordinator/orchestrator/live_config.h"
#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/store/store.h"
#include "coordinator/transport/transport_factory.h"
#include "tests/simulation/client.h"
#include "tests/simulation/desk.h"
#include "tests/simulation/wire.h"
#include "tests/simulation/world.h"

namespace iris::simulation {

// Lives of the real coordinator (orchestrator, pool, transport, link, store) over one store's file.
class Coordinator {
 public:
  // Connects to the host, or says why not: the agent's end is there already.
  struct Dialed {
    std::shared_ptr<Wire> wire;
    v1::Hello hello;
  };
  struct Options {
    std::function<absl::StatusOr<Dialed>()> dial;
    ClientTaps taps;
    RateWindow::Limits credit;
    bool ask_permissions = false;  // Of each team.
    bool is_twin = false;          // The second one, with a store of its own.
  };

  Coordinator(World& world, Desk& desk, Options options)
      : world_(world), desk_(desk), options_(std::move(options)) {}
  ~Coordinator() { Kill(); }

  bool up() const { return life_ != nullptr; }
  // A life begins, and takes up what is open in the store. FAILURE_STORAGE: the disk does not let
  // it.
  absl::Status Start();
  // It ends without a word: what it had stored is there.
  void Kill();

  // As Orchestrator's, with the number of the team. While up.
  absl::Status Tell(const std::string& tell_id, size_t team, const std::string& text,
                    TellObserver* observer);
  // A person has it take the team's session; how that ends is seen by what it answers from then on.
  void TakeOver(size_t team);
  // A person's answer, which may be to nothing that it knows of.
  // `take_over`: its session too, where that is another coordinator's and so the answer is refused.
  void Answer(const std::string& request_id, bool allow, bool take_over);

  // What the store has, while up.
  absl::optional<StoredTell> Find(const std::string& tell_id);
  ReadMark Mark(const std::string& session_id);
  std::vector<std::string> OpenTells();

  bool RunReady();
  absl::Duration next() const;

 private:
  class Dialer;
  class Factory;
  void TakeOverFor(const std::string& request_id);
  // In this order they are made, and the other way round they go.
  struct Life {
    std::unique_ptr<EventLoop> loop;
    OutstandingCalls calls;
    Store* store = nullptr;
    std::unique_ptr<LiveConfig> config;
    // Each team's own way to the host that all of them work on.
    std::map<std::string, std::unique_ptr<HostLink>> ways;
    std::unique_ptr<TransportFactory> factory;
    std::unique_ptr<Orchestrator> orchestrator;
    std::vector<std::weak_ptr<ClientChannel>> channels;
  };
  absl::StatusOr<Store*> OpenStore() {
    return options_.is_twin ? desk_.OpenTwinStore() : desk_.OpenStore();
  }
  void OpenWay(Life& life, const std::string& team);

  World& world_;
  Desk& desk_;
  const Options options_;
  std::unique_ptr<Life> life_;
};

}  // namespace iris::simulation

#endif  // IRIS_TESTS_SIMULATION_COORDINATOR_H_
