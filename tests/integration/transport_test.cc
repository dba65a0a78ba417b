// The coordinator's transport and link against the agent's engine, in one process, with the stub
// claude.

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "agent/testing/processes.h"
#include "agent/testing/programs.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "common/rpc/grpc_client_life.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/link/host_link.h"
#include "coordinator/transport/agent_transport.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/in_process_host.h"

namespace iris {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::Duration kPatience = absl::Minutes(1);

struct Outcome {
  absl::Status status;
  std::string text;
};

// Keeps what a transport says, for a test thread to wait for.
class Recorder final : public TransportSink {
 public:
  void OnProgress(const TransportProgress& progress) override {
    absl::MutexLock lock(&mutex_);
    stages_.push_back(progress.stage);
  }
  void OnReady(int64_t child_pid, uint64_t) override {
    absl::MutexLock lock(&mutex_);
    pids_.push_back(child_pid);
  }
  void OnDown(const absl::Status& why) override {
    absl::MutexLock lock(&mutex_);
    downs_.push_back(why);
  }
  void OnText(const std::string& tell_id, absl::string_view text) override {
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
  void OnApplied(const ReadMark& mark) override {
    {
      absl::MutexLock lock(&mutex_);
      mark_ = mark;
      texts_at_mark_ = texts_;
    }
    if (on_stored && stores.load()) on_stored(mark);
  }
  void OnSettled(const std::string& tell_id, const absl::Status& status) override {
    absl::MutexLock lock(&mutex_);
    EXPECT_EQ(settled_.count(tell_id), 0u) << "settled twice";
    settled_[tell_id] = {status, texts_[tell_id]};
    order_.push_back(tell_id);
  }

  std::function<void(const ReadMark&)> on_stored;
  std::atomic<bool> stores = true;

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
  // What a store would hold now: the mark, and the texts at it.
  ReadMark mark() {
    absl::MutexLock lock(&mutex_);
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
  }
  std::vector<v1::PendingRequest> WaitForRequests(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto as_many = [&] { return requests_.size() == count; };
    EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&as_many), kPatience));
    return requests_;
  }
  std::vector<int64_t> pids() {
    absl::MutexLock lock(&mutex_);
    return pids_;
  }
  std::vector<std::string> order() {
    absl::MutexLock lock(&mutex_);
    return order_;
  }

 private:
  absl::Mutex mutex_;
  std::vector<TransportProgress::Stage> stages_;
  std::vector<int64_t> pids_;
  std::vector<absl::Status> downs_;
  std::vector<v1::PendingRequest> requests_;
  ReadMark mark_;
  std::map<std::string, std::string> texts_, texts_at_mark_;
  std::map<std::string, Outcome> settled_;
  std::vector<std::string> order_;
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
      transport_ = std::make_unique<RemoteAgentTransport>(
          loop_.loop(), calls_, *link_, identity_, team_,
          SessionKey{.session_id = session_id_, .from = "cli", .to = "gpu"}, after, sink_);
    });
  }
  std::string Tell(const std::string& text) {
    const std::string id = NewUuid();
    OnLoop([&] { transport_->Tell(id, text); });
    return id;
  }
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
    OnLoop([&] { bytes = transport_->metrics().bytes_in; });
    return bytes;
  }
  Outcome Ask(const std::string& text) { return sink_.WaitFor(Tell(text)); }

  ScratchDir home_;
  InProcessHost host_{home_.path(), KeeperProgram(), "/usr/bin:/bin"};
  LoopThread loop_;
  OutstandingCalls calls_;
  Recorder sink_;
  Team team_;
  const CoordinatorIdentity identity_{NewUuid(), "me@here"};
  const std::string session_id_ = NewUuid();
  std::unique_ptr<HostLink> link_;
  std::unique_ptr<Transport> transport_;
};

TEST_F(TransportTest, ATellIsAnswered) {
  const Outcome outcome = Ask("hello");
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.text, "ECHO: hello");
}

TEST_F(TransportTest, SpawnMakesReadyWithoutATurn) {
  OnLoop([this] {
    EXPECT_FALSE(transport_->ready());
    transport_->Spawn();
  });
  EXPECT_EQ(Ask("COUNT").text, "1");  // The first user message that the session ever saw.
  OnLoop([this] {
    EXPECT_TRUE(transport_->ready());
    EXPECT_FALSE(transport_->busy());
    EXPECT_EQ(transport_->metrics().spawns, 1u);
    EXPECT_EQ(transport_->metrics().tells_settled, 1u);
  });
}

TEST_F(TransportTest, TwentyColdTellsAreAnsweredInOrderByOneChild) {
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(Tell("PID"));
  std::vector<std::string> answers;
  for (const std::string& id : ids) answers.push_back(sink_.WaitFor(id).text);
  EXPECT_EQ(sink_.order(), ids);
  EXPECT_EQ(std::count(answers.begin(), answers.end(), answers[0]), 20);
  EXPECT_EQ(sink_.pids().size(), 1u);
}

TEST_F(TransportTest, SixteenMegabytesArriveByteExact) {
  const Outcome outcome = Ask("BIG 16777216");
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.text.size(), 16777216u);
  // Again, over the same stream: credit was given back in full.
  EXPECT_EQ(Ask("BIG 16777216").text, outcome.text);
}

TEST_F(TransportTest, ALargeTextReachesTheChildWhole) {
  const std::string text = absl::StrCat("SUM ", std::string(3 << 20, 'x'));
  EXPECT_THAT(Ask(text).text, HasSubstr(absl::StrCat(3 << 20)));
}

TEST_F(TransportTest, ACrashIsAFailureWithThePartialTextAndTheNextTellResumes) {
  EXPECT_EQ(Ask("COUNT").text, "1");
  const Outcome crashed = Ask("CRASH 3");
  EXPECT_EQ(KindOf(crashed.status), v1::FAILURE_CHILD_EXITED) << crashed.status;
  EXPECT_THAT(std::string(crashed.status.message()), HasSubstr("code 3"));
  EXPECT_NE(crashed.text, "");
  EXPECT_EQ(Ask("COUNT").text, "3");
  EXPECT_EQ(sink_.pids().size(), 2u);
}

TEST_F(TransportTest, AnErrorResultIsAnErrorAndTheChildGoesOn) {
  EXPECT_EQ(KindOf(Ask("ISERROR 500").status), v1::FAILURE_CLAUDE_ERROR);
  EXPECT_TRUE(Ask("hello").status.ok());
  EXPECT_EQ(sink_.pids().size(), 1u);
}

TEST_F(TransportTest, ATellOutlivesTheLinkAndItsAnswerIsWhole) {
  const std::string first_pid = Ask("PID").text;
  const std::string id = Tell("SLOW 1");
  sink_.WaitForText(id);
  host_.CutWires();
  const Outcome outcome = sink_.WaitFor(id);
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.text, Ask("SLOW 1").text);
  EXPECT_EQ(Ask("PID").text, first_pid);
  EXPECT_EQ(Ask("COUNT").text, "5");  // The child got it once.
}

TEST_F(TransportTest, ManyCutsDoNotChangeALongAnswer) {
  const std::string id = Tell("BIG 16777216");
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(Eventually([&] { return BytesIn() > (i + 1) * (1u << 20); }));
    host_.CutWires();
  }
  const Outcome outcome = sink_.WaitFor(id);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.text, Ask("BIG 16777216").text);
}

TEST_F(TransportTest, TellsThatWaitWhileTheLinkIsLostAreAnsweredInOrder) {
  Ask("hello");
  const std::string id = Tell("SLOW 1");
  sink_.WaitForText(id);
  host_.RefuseWith(MakeFailure(v1::FAILURE_UNREACHABLE, "gpu1: No route to host"));
  host_.CutWires();
  sink_.WaitForStage(TransportProgress::Stage::kConnecting);
  const std::string later = Tell("hello");
  host_.RefuseWith(absl::OkStatus());
  EXPECT_EQ(sink_.WaitFor(later).text, "ECHO: hello");
  EXPECT_TRUE(sink_.WaitFor(id).status.ok());
}

TEST_F(TransportTest, AChildThatEndedWhileTheLinkWasLostIsSaidToBeDown) {
  Ask("hello");
  const std::string id = Tell("SLOW 0.3");
  sink_.WaitForText(id);
  host_.RefuseWith(MakeFailure(v1::FAILURE_UNREACHABLE, "gpu1: No route to host"));
  host_.CutWires();
  sink_.WaitForStage(TransportProgress::Stage::kConnecting);
  ASSERT_TRUE(Eventually([this] { return !host_.busy(); }));
  ASSERT_EQ(kill(static_cast<pid_t>(sink_.pids().back()), SIGKILL), 0);
  host_.RefuseWith(absl::OkStatus());
  EXPECT_TRUE(sink_.WaitFor(id).status.ok());
  EXPECT_EQ(KindOf(sink_.WaitForDown()), v1::FAILURE_CHILD_EXITED);
}

TEST_F(TransportTest, AnotherLifeOfTheCoordinatorGoesOnFromItsMark) {
  const std::string id = NewUuid(), text = "BLOCKS 20\nSLOW 1";
  OnLoop([&] { transport_->Tell(id, text); });
  sink_.WaitForText(id);
  OnLoop([this] { transport_.reset(); });  // It was killed.
  sink_.ForgetAllBut(sink_.mark());
  Renew(sink_.mark());
  OnLoop([&] { transport_->Resume(id, text); });
  const Outcome outcome = sink_.WaitFor(id);
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.text, Ask(text).text);
  EXPECT_EQ(Ask("COUNT").text, "3");
}

TEST_F(TransportTest, ALifeThatStoredNothingYetLosesNothing) {
  sink_.stores = false;
  const std::string id = NewUuid(), text = "BLOCKS 20\nSLOW 1";
  OnLoop([&] { transport_->Tell(id, text); });
  sink_.WaitForText(id);
  OnLoop([this] { transport_.reset(); });
  sink_.ForgetAll();
  Renew();
  OnLoop([&] { transport_->Resume(id, text); });
  const Outcome outcome = sink_.WaitFor(id);
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.text, Ask(text).text);
}

TEST_F(TransportTest, WhatWasAnsweredWhileNobodyListenedIsHeardLater) {
  Ask("hello");
  const std::string id = NewUuid();
  OnLoop([&] { transport_->Tell(id, "SLOW 0.3"); });
  sink_.WaitForText(id);
  const ReadMark mark = sink_.mark();
  OnLoop([this] { transport_.reset(); });
  sink_.ForgetAllBut(mark);
  ASSERT_TRUE(Eventually([this] { return !host_.busy(); }));
  Renew(mark);
  OnLoop([&] { transport_->Resume(id, "SLOW 0.3"); });
  EXPECT_TRUE(sink_.WaitFor(id).status.ok());
  EXPECT_EQ(Ask("COUNT").text, "3");
}

TEST_F(TransportTest, AHostThatRefusesFailsTheTellWithItsKindAndLaterWorks) {
  host_.RefuseWith(MakeFailure(v1::FAILURE_AUTH, "gpu1: Permission denied (publickey)"));
  EXPECT_EQ(KindOf(Ask("hello").status), v1::FAILURE_AUTH);
  host_.RefuseWith(absl::OkStatus());
  EXPECT_TRUE(Ask("hello").status.ok());
}

TEST_F(TransportTest, AMissingClaudeIsSaid) {
  team_.claude_path = "/nonexistent/claude";
  Renew();
  EXPECT_EQ(KindOf(Ask("hello").status), v1::FAILURE_CLAUDE_MISSING);
}

TEST_F(TransportTest, WhatClaudeAsksWaitsAlsoForALinkThatReturnsAndForAnotherCoordinator) {
  team_.ask_permissions = true;
  Renew();
  const std::string id = Tell("PERMIT");
  EXPECT_EQ(sink_.WaitForRequests(1)[0].tell_id(), id);
  host_.CutWires();
  sink_.WaitForStage(TransportProgress::Stage::kWorking);
  const ReadMark mark = sink_.mark();
  OnLoop([this] { transport_.reset(); });
  sink_.ForgetAllBut(mark);
  sink_.OnRequests({});
  Renew(mark);
  OnLoop([&] { transport_->Resume(id, "PERMIT"); });
  const std::vector<v1::PendingRequest> asked = sink_.WaitForRequests(1);
  absl::Notification done;
  OnLoop([&] {
    transport_->Answer(asked[0].request_id(), R"({"behavior":"allow"})",
                       [&](const absl::StatusOr<v1::AnswerRequestResponse>& answered) {
                         EXPECT_TRUE(answered.ok() && answered->was_first()) << answered.status();
                         done.Notify();
                       });
  });
  EXPECT_TRUE(done.WaitForNotificationWithTimeout(kPatience));
  EXPECT_THAT(sink_.WaitFor(id).text, HasSubstr("TOOL-DONE: permitted"));
  sink_.WaitForRequests(0);
  // What is read again must not make it wait again.
  sink_.ForgetAllBut(mark);
  Renew(mark);
  EXPECT_EQ(Ask("hello").text, "ECHO: hello");
  sink_.WaitForRequests(0);
}

TEST_F(TransportTest, AnAnswerToAHostThatIsAwaySaysSo) {
  absl::Notification done;
  OnLoop([&] {
    transport_->Answer("q1", R"({"behavior":"allow"})",
                       [&](const absl::StatusOr<v1::AnswerRequestResponse>& answered) {
                         EXPECT_EQ(KindOf(answered.status()), v1::FAILURE_UNREACHABLE);
                         done.Notify();
                       });
  });
  EXPECT_TRUE(done.WaitForNotificationWithTimeout(kPatience));
}

TEST_F(TransportTest, SkipPermissionsReachesTheChild) {
  EXPECT_THAT(Ask("ARGS").text, Not(HasSubstr("--dangerously-skip-permissions")));
  team_.skip_permissions = true;
  Terminate();
  Renew();
  EXPECT_THAT(Ask("ARGS").text, HasSubstr("--dangerously-skip-permissions"));
}

TEST_F(TransportTest, TheIdleTimeoutEndsTheChildAndTheNextTellResumes) {
  team_.idle_timeout = absl::Milliseconds(200);
  Renew();
  EXPECT_EQ(Ask("COUNT").text, "1");
  const absl::Status down = sink_.WaitForDown();
  EXPECT_THAT(std::string(down.message()), HasSubstr("idle"));
  EXPECT_EQ(Ask("COUNT").text, "2");
}

TEST_F(TransportTest, TheSessionInitTimeoutIsTheAgentsLimit) {
  std::ofstream(home_.File(".stub-hang-at-start"));
  team_.session_init_timeout = absl::Milliseconds(700);
  Renew();
  const Outcome outcome = Ask("hello");
  EXPECT_EQ(KindOf(outcome.status), v1::FAILURE_TIMEOUT) << outcome.status;
  EXPECT_THAT(std::string(outcome.status.message()), HasSubstr("700ms"));
}

TEST_F(TransportTest, TerminateEndsTheChildAndTheNextTellResumes) {
  EXPECT_EQ(Ask("COUNT").text, "1");
  EXPECT_TRUE(Terminate());
  OnLoop([this] { EXPECT_FALSE(transport_->ready()); });
  EXPECT_EQ(KindOf(sink_.WaitForDown()), v1::FAILURE_CHILD_EXITED);
  EXPECT_FALSE(Terminate());
  EXPECT_EQ(Ask("COUNT").text, "2");
}

TEST_F(TransportTest, TerminateCancelsTheTellUnderWayWithItsPartialText) {
  const std::string id = Tell("SLOW 30");
  sink_.WaitForText(id);
  EXPECT_TRUE(Terminate());
  OnLoop([this] { EXPECT_FALSE(transport_->busy()); });
  const Outcome cancelled = sink_.WaitFor(id);
  EXPECT_EQ(KindOf(cancelled.status), v1::FAILURE_CANCELLED) << cancelled.status;
  EXPECT_THAT(cancelled.text, HasSubstr("word0"));
}

TEST_F(TransportTest, CancellingATellThatRunsLeavesItsTextAndTheOneThatWaitsToTheSameChild) {
  const std::string pid = Ask("PID").text;
  const std::string running = Tell("BLOCKS 1\nHANG");
  const std::string waiting = Tell("PID");
  sink_.WaitForText(running);
  OnLoop([&] { transport_->Cancel(running); });
  const Outcome cancelled = sink_.WaitFor(running);
  EXPECT_EQ(KindOf(cancelled.status), v1::FAILURE_CANCELLED) << cancelled.status;
  EXPECT_THAT(cancelled.text, HasSubstr("block 1"));
  EXPECT_EQ(sink_.WaitFor(waiting).text, pid);
}

TEST_F(TransportTest, CancellingATellThatWaitsLeavesTheOneThatRuns) {
  Ask("hello");
  const std::string running = Tell("SLOW 1");
  const std::string waiting = Tell("COUNT");
  const std::string last = Tell("COUNT");
  OnLoop([&] { transport_->Cancel(waiting); });
  EXPECT_EQ(KindOf(sink_.WaitFor(waiting).status), v1::FAILURE_CANCELLED);
  EXPECT_TRUE(sink_.WaitFor(running).status.ok());
  EXPECT_EQ(sink_.WaitFor(last).text, "3");
}

TEST_F(TransportTest, TerminateBeforeTheLinkIsUpCancelsAndStartsNothing) {
  std::string id;
  absl::Notification done;
  absl::StatusOr<bool> outcome;
  OnLoop([&] {
    transport_->Tell(id = NewUuid(), "PID");
    transport_->Terminate([&](const absl::StatusOr<bool>& was_running) {
      outcome = was_running;
      done.Notify();
    });
  });
  EXPECT_EQ(KindOf(sink_.WaitFor(id).status), v1::FAILURE_CANCELLED);
  ASSERT_TRUE(done.WaitForNotificationWithTimeout(kPatience));
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_FALSE(*outcome);
  EXPECT_TRUE(sink_.pids().empty());
  EXPECT_EQ(Ask("COUNT").text, "1");
}

TEST_F(TransportTest, TerminateReachesTheChildOfAnEarlierContact) {
  Ask("hello");
  Renew();
  EXPECT_TRUE(Terminate());
  Renew();
  EXPECT_FALSE(Terminate());
  EXPECT_EQ(Ask("COUNT").text, "2");
}

TEST_F(TransportTest, TerminateSaysWhyItCannotKnow) {
  host_.RefuseWith(MakeFailure(v1::FAILURE_AUTH, "gpu1: Permission denied (publickey)"));
  absl::Notification done;
  OnLoop([&] {
    transport_->Terminate([&](const absl::StatusOr<bool>& was_running) {
      EXPECT_EQ(KindOf(was_running.status()), v1::FAILURE_AUTH);
      done.Notify();
    });
  });
  EXPECT_TRUE(done.WaitForNotificationWithTimeout(kPatience));
}

TEST_F(TransportTest, ASecondCoordinatorIsRefusedTheSession) {
  EXPECT_TRUE(Ask("hello").status.ok());
  Recorder other_sink;
  std::unique_ptr<Transport> other;
  const std::string id = NewUuid();
  OnLoop([&] {
    other = std::make_unique<RemoteAgentTransport>(
        loop_.loop(), calls_, *link_, CoordinatorIdentity{NewUuid(), "you@there"}, team_,
        SessionKey{.session_id = session_id_, .from = "cli", .to = "gpu"}, ReadMark(), other_sink);
    other->Tell(id, "hello");
  });
  const Outcome refused = other_sink.WaitFor(id);
  EXPECT_EQ(KindOf(refused.status), v1::FAILURE_PERMISSION_DENIED);
  EXPECT_THAT(std::string(refused.status.message()), HasSubstr("me@here"));
  OnLoop([&] { other.reset(); });
}

}  // namespace
}  // namespace iris
