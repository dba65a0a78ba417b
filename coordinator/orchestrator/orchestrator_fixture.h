#ifndef IRIS_COORDINATOR_ORCHESTRATOR_ORCHESTRATOR_FIXTURE_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_ORCHESTRATOR_FIXTURE_H_

#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/ids.h"
#include "common/loop/event_loop.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/store/sqlite/sqlite_store.h"
#include "coordinator/store/store.h"
#include "coordinator/transport/testing/fake_transport.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// The vocabulary of the orchestrator's tests.
namespace iris {

// Writes down what it hears, and lets the test wait for the end.
class Recorder : public TellObserver {
 public:
  void OnAccepted(const std::string& id) override { session_id = id; }
  void OnProgress(const v1::TellProgress& progress) override { texts.push_back(progress.text()); }
  void OnSettled(const TellOutcome& result) override {
    ++times_settled;
    outcome = result;
    if (on_settled) on_settled();
    if (times_settled == 1) settled.Notify();
  }

  const TellOutcome& Wait() {
    EXPECT_TRUE(settled.WaitForNotificationWithTimeout(absl::Minutes(1)));
    return outcome;
  }

  std::string session_id;
  std::vector<std::string> texts;
  int times_settled = 0;
  TellOutcome outcome;
  std::function<void()> on_settled;
  absl::Notification settled;
};

// What there is, where the store reads at once.
inline absl::StatusOr<std::vector<v1::SessionStatus>> StatusOf(Orchestrator& orchestrator) {
  absl::StatusOr<std::vector<v1::SessionStatus>> status = absl::UnknownError("not read yet");
  orchestrator.Status([&](absl::StatusOr<std::vector<v1::SessionStatus>> now) { status = now; });
  return status;
}
inline absl::StatusOr<v1::ListTellsResponse> ListOf(Orchestrator& orchestrator, const Caller& from,
                                                    bool all) {
  absl::StatusOr<v1::ListTellsResponse> list = absl::UnknownError("not read yet");
  orchestrator.List(from, all, [&](absl::StatusOr<v1::ListTellsResponse> now) { list = now; });
  return list;
}

// Holds every tell until the test settles it.
inline void HoldScript(FakeTransport&, const std::string&, const std::string&) {}

class OrchestratorTest : public ::testing::Test {
 protected:
  OrchestratorTest() { Start(EchoScript); }
  ~OrchestratorTest() override {
    OnLoop([this] { orchestrator_.reset(); });
  }

  // A coordinator's life; the store's file stays from one to the next.
  void Start(FakeScript script, TellLimits limits = {}) {
    OnLoop([&] {
      orchestrator_.reset();
      store_.reset();
      store_options_.path = dir_.File("iris.db");
      store_ = *SqliteStore::Open(store_options_);
      factory_ = std::make_unique<FakeTransportFactory>(thread_.loop(), std::move(script));
      factory_->hosts().hold_starts = hold_starts_;
      config_ = std::make_unique<LiveConfig>(
          dir_.File("config.json"),
          [this](const EnvLookup& env) {
            absl::StatusOr<Config> config = file_;
            if (!config_status_.ok()) config = config_status_;
            if (config.ok() && on_load_) on_load_(env, *config);
            return config;
          },
          // What fails is asked again each time.
          [now = absl::UnixEpoch()]() mutable { return now += LiveConfig::kAskAgain; });
      orchestrator_ =
          std::make_unique<Orchestrator>(thread_.loop(), *store_, *config_, *factory_, limits);
      ASSERT_TRUE(orchestrator_->ResumeOpenTells().ok());
    });
  }

  void OnLoop(absl::FunctionRef<void()> task) { thread_.Run(task); }

  absl::Status Tell(TellSpec spec, TellObserver& observer) {
    absl::Status status;
    OnLoop([&] { status = orchestrator_->Tell(std::move(spec), &observer); });
    return status;
  }
  static TellSpec ToGpu(std::string text) {
    return {.tell_id = NewUuid(), .from = "cli", .to = "gpu", .text = std::move(text)};
  }
  // As if somebody had saved the configuration with this path of gpu's.
  void ChangePathOfGpu(const std::string& path) {
    file_.teams[1].path = path;
    SaveConfig();
  }
  // What file_ says counts from now on.
  void SaveConfig() { std::ofstream(dir_.File("config.json"), std::ios::app) << "changed "; }
  v1::SessionStatus OnlySession() {
    std::vector<v1::SessionStatus> sessions;
    OnLoop([&] { sessions = *StatusOf(*orchestrator_); });
    EXPECT_THAT(sessions, ::testing::SizeIs(1));
    return sessions.at(0);
  }
  FakeTransport& Transport() { return factory_->Between("cli", "gpu"); }
  // Lets everything run that was posted by what ran before.
  void Drain() {
    for (int i = 0; i < 5; ++i) OnLoop([] {});
  }

  ScratchDir dir_;
  Config file_ = {.file = "/etc/iris.json",
                  .teams = {{.name = "backend", .path = "/b"}, {.name = "gpu", .path = "/g"}}};
  absl::Status config_status_;
  // What ${VAR} in the file would make of it; may be empty.
  std::function<void(const EnvLookup& env, Config& config)> on_load_;
  StoreOptions store_options_;  // Of the next Start().
  bool hold_starts_ = false;    // As FakeHosts; likewise.
  LoopThread thread_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<LiveConfig> config_;
  std::unique_ptr<FakeTransportFactory> factory_;
  std::unique_ptr<Orchestrator> orchestrator_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_ORCHESTRATOR_FIXTURE_H_
