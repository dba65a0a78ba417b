#ifndef IRIS_COORDINATOR_DESK_DESK_FIXTURE_H_
#define IRIS_COORDINATOR_DESK_DESK_FIXTURE_H_

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/budget/byte_budget.h"
#include "common/loop/event_loop.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/config/config.h"
#include "coordinator/desk/coordinator_desk.h"
#include "coordinator/desk/daemon_control.h"
#include "coordinator/link/host_report.h"
#include "coordinator/orchestrator/live_config.h"
#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/store/sqlite/sqlite_store.h"
#include "coordinator/store/store.h"
#include "coordinator/transport/testing/fake_transport.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/coordinator.pb.h"

// The desk over fake sessions: the team gpu, and nobody else.
namespace iris {

// Leaves every tell open.
inline void HoldScript(FakeTransport&, const std::string&, const std::string&) {}

class FakeDaemon : public DaemonControl {
 public:
  v1::GetStatusResponse Status() const override {
    v1::GetStatusResponse response;
    response.set_uptime_ms(1234);
    *response.add_links() = link;
    return response;
  }
  void AskHosts(HostReportsDone done) override { done(reports); }
  void FollowConfig() override { ++config_looks; }
  void Stop(const StopSpec& spec, StopDone done) override {
    stopped = spec;
    v1::StopResponse response;
    response.set_agents_stopped(spec.agents ? 2 : 0);
    done(response);
  }

  v1::LinkStatus link = [] {
    v1::LinkStatus local;
    local.set_key("local");
    return local;
  }();
  std::vector<HostReport> reports;
  int config_looks = 0;
  StopSpec stopped;  // The last stop.
};

class DeskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    OnLoop([this] {
      budget_ = std::make_unique<ByteBudget>(thread_.loop(), budget_bytes_);
      store_ = *SqliteStore::Open({.path = dir_.File("iris.db")});
      factory_ = std::make_unique<FakeTransportFactory>(
          thread_.loop(), [this](FakeTransport& transport, const std::string& id,
                                 const std::string& text) { script_(transport, id, text); });
      orchestrator_ = std::make_unique<Orchestrator>(thread_.loop(), *store_, config_, *factory_);
      desk_ = std::make_unique<CoordinatorDesk>(thread_.loop(), *orchestrator_, config_, daemon_,
                                                /*first_change=*/100);
    });
  }
  void TearDown() override {
    OnLoop([this] {
      desk_.reset();
      orchestrator_.reset();
      budget_.reset();
    });
  }

  void OnLoop(absl::FunctionRef<void()> task) { thread_.Run(task); }
  // Until the claude of gpu has the message of `from`.
  void AwaitUnderWay(const std::string& tell_id, const std::string& from = "cli") {
    bool met = false;
    for (const absl::Time deadline = absl::Now() + absl::Minutes(1);
         !met && absl::Now() < deadline;) {
      OnLoop([&] {
        if (!factory_->made(from, "gpu")) return;
        const auto& open = factory_->Between(from, "gpu").open_tells();
        met = std::find(open.begin(), open.end(), tell_id) != open.end();
      });
    }
    ASSERT_TRUE(met);
  }

  ScratchDir dir_;
  Config file_ = {.teams = {{.name = "gpu", .path = "/g", .color = "#ff0000"}}};
  LiveConfig config_{dir_.File("config.json"), [this](const EnvLookup&) { return file_; }};
  FakeScript script_ = EchoScript;
  FakeDaemon daemon_;
  LoopThread thread_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<FakeTransportFactory> factory_;
  std::unique_ptr<Orchestrator> orchestrator_;
  size_t budget_bytes_ = ByteBudget::kDaemonBytes;  // Changed before SetUp().
  std::unique_ptr<ByteBudget> budget_;
  std::unique_ptr<CoordinatorDesk> desk_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_DESK_DESK_FIXTURE_H_
