#ifndef IRIS_TESTS_INTEGRATION_TRANSPORT_FIXTURE_H_
#define IRIS_TESTS_INTEGRATION_TRANSPORT_FIXTURE_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "agent/testing/held_turns.h"
#include "agent/testing/programs.h"
#include "common/base/ids.h"
#include "common/environment/environment.h"
#include "common/rpc/grpc_client_life.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/link/host_link.h"
#include "coordinator/transport/agent_transport.h"
#include "coordinator/transport/host_away.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/coordinator.pb.h"
#include "tests/integration/in_process_host.h"

// The coordinator's transport and link against the agent's engine, in one process, with the stub
// claude.
namespace iris {

inline constexpr absl::Duration kPatience = absl::Minutes(1);

struct Outcome {
  absl::Status status;
  std::string text;
};

// Keeps what a transport says, for a test thread to wait for.
class TransportRecorder final : public TransportSink {
 public:
  void OnProgress(const TransportProgress& progress) override {
    absl::MutexLock lock(&mutex_);
    stages_.push_back(progress.stage);
    last_progress_ = progress.text;
    last_words_ = progress.words;
  }
  void OnReady(int64_t child_pid, uint64_t) override {
    absl::MutexLock lock(&mutex_);
    pids_.push_back(child_pid);
  }
  void OnDown(const absl::Status& why) override {
    absl::MutexLock lock(&mutex_);
    downs_.push_back(why);
  }
  void OnText(const std::string& tell_id, std::string text) override {
    absl::MutexLock lock(&mutex_);
    absl::StrAppend(&texts_[tell_id], text);
  }
  void OnTextVoid(const std::string& tell_id) override {
    absl::MutexLock lock(&mutex_);
    texts_[tell_id].clear();
  }
  void OnRequests(const std::vector<v1::PendingRequest>& requests) override {
    absl::MutexLock lock(&mutex_);
    requests_ = requests;
  }
  void OnReadUpTo(const ReadMark& mark) override {
    {
      absl::MutexLock lock(&mutex_);
      mark_ = mark;
      texts_at_mark_ = texts_;
    }
    if (on_stored && stores.load()) on_stored(mark);
  }
  void OnStructured(const std::string&, size_t) override {}
  void OnAccount(const std::string& tell_id, const v1::TurnAccount& account) override {
    absl::MutexLock lock(&mutex_);
    accounts_[tell_id] = account;
  }
  void OnSettled(const std::string& tell_id, const absl::Status& status) override {
    absl::MutexLock lock(&mutex_);
    EXPECT_EQ(settled_.count(tell_id), 0u) << "settled twice";
    settled_[tell_id] = {status, texts_[tell_id]};
    order_.push_back(tell_id);
  }

  void OnCancelHeard(const std::string& tell_id) override {
    absl::MutexLock lock(&mutex_);
    cancels_heard_.push_back(tell_id);
  }
  bool HostHasAnswered() const override { return host_has_answered; }
  absl::Status EndWhileAway(const std::string&, const HostAway& away) const override {
    return iris::EndWhileAway(
        {.wait_for_host = waits_for_host.load(), .is_of_sender = is_of_sender.load()}, away);
  }
  bool MayGive(const std::string&) override {
    ++asked_to_give_;
    return may_give.load();
  }
  void OnHostAway(const HostAway& away) override {
    absl::MutexLock lock(&mutex_);
    aways_.push_back(away.why);
  }
  void OnHostBack() override {
    absl::MutexLock lock(&mutex_);
    ++backs_;
  }

  std::function<void(const ReadMark&)> on_stored;
  std::atomic<bool> stores = true;
  std::atomic<bool> host_has_answered = false;
  std::atomic<bool> waits_for_host = false;
  std::atomic<bool> is_of_sender = true;
  std::atomic<bool> may_give = true;

  Outcome WaitFor(const std::string& tell_id) {
    absl::MutexLock lock(&mutex_);
    const auto is_settled = [&] { return settled_.count(tell_id) > 0; };
    EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&is_settled), kPatience));
    return settled_[tell_id];
  }
  void WaitForText(const std::string& tell_id) {
    absl::MutexLock lock(&mutex_);
    const auto has_text = [&] { return !texts_[tell_id].empty(); };
    EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&has_text), kPatience));
  }
  void WaitForStage(TransportProgress::Stage stage) {
    absl::MutexLock lock(&mutex_);
    const auto reached = [&] { return !stages_.empty() && stages_.back() == stage; };
    EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&reached), kPatience));
  }
  absl::Status WaitForDown() {
    absl::MutexLock lock(&mutex_);
    const auto down = [&] { return !downs_.empty(); };
    EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&down), kPatience));
    return downs_.empty() ? absl::OkStatus() : downs_.back();
  }
  absl::Status WaitForAway() {
    absl::MutexLock lock(&mutex_);
    const auto away = [&] { return !aways_.empty(); };
    EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&away), kPatience));
    return aways_.empty() ? absl::OkStatus() : aways_.back();
  }
  void WaitForBacks(int count) {
    absl::MutexLock lock(&mutex_);
    const auto back = [&] { return backs_ >= count; };
    EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&back), kPatience));
  }
  void WaitForWords(absl::string_view words) {
    absl::MutexLock lock(&mutex_);
    const auto said = [&] { return absl::StrContains(last_words_, words); };
    EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&said), kPatience)) << last_words_;
  }
  int asked_to_give() const { return asked_to_give_; }
  void ForgetDowns() {
    absl::MutexLock lock(&mutex_);
    downs_.clear();
  }
  void ForgetAways() {
    absl::MutexLock lock(&mutex_);
    aways_.clear();
  }
  // What a store would hold now: the mark, and the texts at it.
  ReadMark mark() {
    absl::MutexLock lock(&mutex_);
    return mark_;
  }
  // Until what was said is applied, which is after those whom it settles heard of it.
  ReadMark WaitForMarkWithoutBegun() {
    absl::MutexLock lock(&mutex_);
    const auto none_begun = [&] { return mark_.begun.empty(); };
    EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&none_begun), kPatience));
    return mark_;
  }
  // Another life of the coordinator remembers only what it stored.
  void ForgetAllBut(const ReadMark&) {
    absl::MutexLock lock(&mutex_);
    texts_ = texts_at_mark_;
  }
  void ForgetAll() {
    absl::MutexLock lock(&mutex_);
    texts_.clear();
    mark_ = {};
  }
  std::vector<v1::PendingRequest> WaitForRequests(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto as_many = [&] { return requests_.size() == count; };
    EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&as_many), kPatience));
    return requests_;
  }
  v1::TurnAccount account(const std::string& tell_id) {
    absl::MutexLock lock(&mutex_);
    return accounts_[tell_id];
  }
  std::string last_progress() {
    absl::MutexLock lock(&mutex_);
    return last_progress_;
  }
  std::vector<int64_t> pids() {
    absl::MutexLock lock(&mutex_);
    return pids_;
  }
  std::vector<std::string> WaitForCancelsHeard(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto as_many = [&] { return cancels_heard_.size() >= count; };
    EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&as_many), kPatience));
    return cancels_heard_;
  }
  std::vector<std::string> order() {
    absl::MutexLock lock(&mutex_);
    return order_;
  }

 private:
  absl::Mutex mutex_;
  std::map<std::string, v1::TurnAccount> accounts_;
  std::vector<TransportProgress::Stage> stages_;
  std::string last_progress_, last_words_;
  int backs_ = 0;
  std::atomic<int> asked_to_give_ = 0;
  std::vector<int64_t> pids_;
  std::vector<absl::Status> downs_, aways_;
  std::vector<v1::PendingRequest> requests_;
  ReadMark mark_;
  std::map<std::string, std::string> texts_, texts_at_mark_;
  std::map<std::string, Outcome> settled_;
  std::vector<std::string> order_, cancels_heard_;
};

class TransportTest : public ::testing::Test {
 protected:
  TransportTest() {
    KeepGrpcClientThreads();
    team_.name = "gpu";
    team_.path = home_.path();
    team_.claude_path = StubClaude();
    team_.session_init_timeout = absl::Seconds(20);
    team_.idle_timeout = absl::Hours(1);
    // Else claude had that of whoever runs the test. IS_SANDBOX: as the host has it.
    team_.asker.environment = std::make_shared<const Environment>(
        Environment{{"PATH", "/usr/bin:/bin"}, {"IS_SANDBOX", "1"}});
    sink_.on_stored = [this](const ReadMark& mark) { transport_->Acknowledge(mark); };
    link_ = std::make_unique<HostLink>(loop_.loop(), calls_, "gpu1", host_.MakeConnector());
    Renew();
  }
  ~TransportTest() override {
    OnLoop([this] {
      transport_.reset();
      link_.reset();
    });
    EXPECT_TRUE(calls_.WaitForNone(absl::Now() + kPatience));
  }

  void OnLoop(std::function<void()> task) {
    absl::Notification done;
    loop_.loop().Post([&] {
      task();
      done.Notify();
    });
    done.WaitForNotification();
  }
  // The transport of another life of the coordinator, same session.
  void Renew(const ReadMark& after = {}) {
    OnLoop([&] {
      transport_.reset();
      transport_ = std::make_unique<AgentTransport>(
          loop_.loop(), *link_, identity_, team_,
          SessionKey{.session_id = session_id_, .from = "cli", .to = "gpu"}, after, sink_);
    });
  }
  std::string Tell(const std::string& text) {
    const std::string id = NewUuid();
    OnLoop([&] { transport_->Tell(id, text); });
    return id;
  }
  // In the middle of a turn: `word` waits for LetGo() (agent/testing/held_turns.h).
  std::string Held(const std::string& word) { return held_.Word(word); }
  void LetGo() { held_.LetGo(); }
  // Whether a child ran.
  bool Terminate() {
    absl::Notification done;
    absl::StatusOr<bool> outcome;
    OnLoop([&] {
      transport_->Terminate([&](const absl::StatusOr<bool>& was_running) {
        outcome = was_running;
        done.Notify();
      });
    });
    EXPECT_TRUE(done.WaitForNotificationWithTimeout(kPatience));
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    return outcome.value_or(false);
  }
  uint64_t BytesIn() {
    uint64_t bytes = 0;
    OnLoop([&] { bytes = transport_->bytes_read(); });
    return bytes;
  }
  Outcome Ask(const std::string& text) { return sink_.WaitFor(Tell(text)); }

  ScratchDir home_;
  HeldTurns held_{home_.path()};
  InProcessHost host_{home_.path(), KeeperProgram(), "/usr/bin:/bin"};
  LoopThread loop_;
  OutstandingCalls calls_;
  TransportRecorder sink_;
  Team team_;
  const CoordinatorIdentity identity_{NewUuid(), "me@here"};
  const std::string session_id_ = NewUuid();
  std::unique_ptr<HostLink> link_;
  std::unique_ptr<AgentTransport> transport_;
};

}  // namespace iris

#endif  // IRIS_TESTS_INTEGRATION_TRANSPORT_FIXTURE_H_
