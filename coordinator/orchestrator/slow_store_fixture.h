#ifndef IRIS_COORDINATOR_ORCHESTRATOR_SLOW_STORE_FIXTURE_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_SLOW_STORE_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/ids.h"
#include "common/loop/event_loop.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/config/config.h"
#include "coordinator/kept/read_mark.h"
#include "coordinator/orchestrator/live_config.h"
#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/orchestrator/orchestrator_fixture.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/store/stored.h"
#include "coordinator/store/testing/held_executor.h"
#include "coordinator/store/testing/memory_store.h"
#include "coordinator/transport/testing/fake_transport.h"
#include "gtest/gtest.h"

namespace iris {

// The loop, the store's writes and the time go on as the test says.
class SlowStoreTest : public ::testing::Test {
 protected:
  SlowStoreTest()
      : config_(dir_.File("config.json"), [](const EnvLookup&) {
          return Config{
              .file = "/etc/iris.json",
              .teams = {{.name = "backend", .path = "/b"}, {.name = "gpu", .path = "/g"}}};
        }) {
    file_.set_on_write([this](absl::string_view) { return fate_; });
    EXPECT_TRUE(orchestrator_->ResumeOpenTells().ok());
  }
  ~SlowStoreTest() override { orchestrator_.reset(); }

  void RunLoop() {
    while (loop_.RunReady()) {
    }
  }
  // The clock goes on, and whatever waits for it.
  void Pass(absl::Duration time) {
    up_ += time;
    RunLoop();
  }
  // Everything goes on until there is no more to do.
  void StoreAll() {
    RunLoop();
    for (int i = 0; i < 5; ++i) {
      store_.Finish();
      RunLoop();
    }
  }
  // What is being written is.
  void Write() {
    executor_.RunNext();
    RunLoop();
  }
  // A tell that its team works on.
  std::string Running(Recorder& recorder, const std::string& to = "gpu") {
    const std::string id = NewUuid();
    TellSpec spec{.tell_id = id, .from = "cli", .to = to, .text = "x"};
    EXPECT_TRUE(orchestrator_->Tell(std::move(spec), &recorder).ok());
    StoreAll();
    EXPECT_TRUE(Transport(to).has_given(id));
    return id;
  }
  static TellSpec ToGpu() {
    return {.tell_id = NewUuid(), .from = "cli", .to = "gpu", .text = "x"};
  }
  FakeTransport& Transport(const std::string& to = "gpu") { return factory_.Between("cli", to); }
  ReadMark Mark(uint64_t seq) const { return {.journal_id = "journal", .seq = seq}; }
  // As the host says it, in one go.
  void Answer(const std::string& id, absl::string_view answer, uint64_t seq,
              const std::string& to = "gpu") {
    Transport(to).Text(id, answer);
    Transport(to).Settle(id, absl::OkStatus());
    Transport(to).BeReadUpTo(Mark(seq));
    RunLoop();
  }
  TellState StateOf(const std::string& id) { return (*file_.FindTell(id))->state; }
  // A session that is ready, and took a tell before.
  void Warm() {
    Recorder recorder;
    Answer(Running(recorder), "yes", ++warmed_);
    StoreAll();
  }

  const ScratchDir dir_;
  absl::Duration up_ = absl::Hours(1);
  EventLoop loop_{[this] { return up_; }};
  const std::shared_ptr<MemoryDisk> disk_ = std::make_shared<MemoryDisk>();
  MemoryStore file_{disk_, {}};
  MemoryStore::Fate fate_ = MemoryStore::Fate::kGoesWell;  // Of every write from now on.
  uint64_t warmed_ = 0;
  HeldExecutor executor_;
  StoreQueue store_{loop_, file_, executor_};
  LiveConfig config_;
  FakeTransportFactory factory_{loop_, HoldScript};
  std::unique_ptr<Orchestrator> orchestrator_ =
      std::make_unique<Orchestrator>(loop_, store_, config_, factory_);
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_SLOW_STORE_FIXTURE_H_
