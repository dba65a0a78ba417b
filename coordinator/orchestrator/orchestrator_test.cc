#include "coordinator/orchestrator/orchestrator.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/testing/fake_transport.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

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
    EXPECT_TRUE(settled.WaitForNotificationWithTimeout(absl::Seconds(20)));
    return outcome;
  }

  std::string session_id;
  std::vector<std::string> texts;
  int times_settled = 0;
  TellOutcome outcome;
  std::function<void()> on_settled;
  absl::Notification settled;
};

// Holds every tell until the test settles it.
void HoldScript(FakeTransport&, const std::string&, const std::string&) {}

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
      store_ = *Store::Open({.path = dir_.File("iris.db")});
      factory_ = std::make_unique<FakeTransportFactory>(thread_.loop(), std::move(script));
      config_ = std::make_unique<LiveConfig>(dir_.File("config.json"), [this](const std::string&) {
        return config_status_.ok() ? absl::StatusOr<Config>(file_) : config_status_;
      });
      orchestrator_ =
          std::make_unique<Orchestrator>(thread_.loop(), *store_, *config_, *factory_, limits);
      ASSERT_TRUE(orchestrator_->SettleLeftovers().ok());
    });
  }

  void OnLoop(const std::function<void()>& task) {
    absl::Notification done;
    thread_.loop().Post([&] {
      task();
      done.Notify();
    });
    done.WaitForNotification();
  }

  absl::Status Tell(TellSpec spec, TellObserver& observer) {
    absl::Status status;
    OnLoop([&] { status = orchestrator_->Tell(std::move(spec), &observer); });
    return status;
  }
  static TellSpec ToGpu(std::string text) {
    return {.tell_id = NewUuid(), .from = "cli", .to = "gpu", .text = std::move(text)};
  }
  v1::SessionStatus OnlySession() {
    std::vector<v1::SessionStatus> sessions;
    OnLoop([&] { sessions = *orchestrator_->Status(); });
    EXPECT_THAT(sessions, SizeIs(1));
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
  LoopThread thread_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<LiveConfig> config_;
  std::unique_ptr<FakeTransportFactory> factory_;
  std::unique_ptr<Orchestrator> orchestrator_;
};

TEST_F(OrchestratorTest, ATellIsAnsweredAndTheAnswerIsKept) {
  Recorder recorder;
  const TellSpec spec = ToGpu("hello");
  ASSERT_TRUE(Tell(spec, recorder).ok());

  const TellOutcome& outcome = recorder.Wait();
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(*outcome.answer, "hello");
  EXPECT_TRUE(IsUuid(recorder.session_id));
  OnLoop([&] {
    EXPECT_EQ(store_->FindTell(spec.tell_id)->value().answer, "hello");
    EXPECT_TRUE(orchestrator_->idle());
  });
}

TEST_F(OrchestratorTest, TwentyColdTellsAtOnceAreAnsweredInOrderByOneSession) {
  std::vector<std::string> order;
  size_t most_at_once = 0;
  Start([&](FakeTransport& transport, const std::string& id, const std::string& text) {
    most_at_once = std::max(most_at_once, transport.open_tells().size());
    order.push_back(text);
    EchoScript(transport, id, text);
  });
  std::vector<Recorder> recorders(20);
  std::vector<std::string> expected;
  OnLoop([&] {
    for (int i = 0; i < 20; ++i) {
      expected.push_back(std::to_string(i));
      ASSERT_TRUE(orchestrator_->Tell(ToGpu(expected.back()), &recorders[i]).ok());
    }
  });
  for (int i = 0; i < 20; ++i) EXPECT_EQ(*recorders[i].Wait().answer, expected[i]);
  EXPECT_EQ(order, expected);
  EXPECT_EQ(most_at_once, 1u);
  EXPECT_EQ(factory_->made(), 1);
  EXPECT_EQ(OnlySession().tells_done(), 20u);
}

TEST_F(OrchestratorTest, WhoWaitsIsToldHowManyAreAhead) {
  Start(HoldScript);
  const TellSpec first = ToGpu("1"), second = ToGpu("2"), third = ToGpu("3");
  Recorder a, b, c;
  ASSERT_TRUE(Tell(first, a).ok());
  ASSERT_TRUE(Tell(second, b).ok());
  ASSERT_TRUE(Tell(third, c).ok());
  EXPECT_THAT(c.texts, ElementsAre("waiting behind 2 messages"));
  EXPECT_EQ(OnlySession().tells_waiting(), 2u);
  EXPECT_EQ(OnlySession().tell_in_flight(), first.tell_id);
  EXPECT_EQ(OnlySession().state(), "busy");

  OnLoop([&] { Transport().Settle(first.tell_id, absl::OkStatus()); });
  Drain();
  EXPECT_EQ(c.texts.back(), "waiting behind 1 message");
  EXPECT_EQ(OnlySession().tell_in_flight(), second.tell_id);
}

TEST_F(OrchestratorTest, AFailureCarriesThePartialTextAndTheNextTellGoesOn) {
  Start([](FakeTransport& transport, const std::string& id, const std::string& text) {
    transport.Text(id, "half ");
    transport.Text(id, "of it");
    transport.Settle(
        id, text == "die" ? MakeFailure(v1::FAILURE_CHILD_EXITED, "signal 9") : absl::OkStatus());
  });
  Recorder first, second;
  ASSERT_TRUE(Tell(ToGpu("die"), first).ok());
  ASSERT_TRUE(Tell(ToGpu("live"), second).ok());

  EXPECT_EQ(KindOf(first.Wait().status), v1::FAILURE_CHILD_EXITED);
  EXPECT_EQ(*first.outcome.answer, "half of it");
  EXPECT_TRUE(second.Wait().status.ok());
}

TEST_F(OrchestratorTest, TheSameIdAgainJoinsTheOpenTellAndHearsItsProgress) {
  Start(HoldScript);
  const TellSpec spec = ToGpu("slow");
  Recorder first, second;
  ASSERT_TRUE(Tell(spec, first).ok());
  OnLoop([&] {
    Transport().Progress({.stage = TransportProgress::Stage::kWorking, .text = "working"});
  });
  ASSERT_TRUE(Tell(spec, second).ok());
  EXPECT_THAT(second.texts, ElementsAre("working"));

  OnLoop([&] { EchoScript(Transport(), spec.tell_id, "done"); });
  EXPECT_EQ(*first.Wait().answer, "done");
  EXPECT_EQ(*second.Wait().answer, "done");
  EXPECT_EQ(second.session_id, first.session_id);
  EXPECT_EQ(OnlySession().tells_done(), 1u);
}

TEST_F(OrchestratorTest, TheSameIdLaterHearsTheStoredOutcomeEvenInAnotherLife) {
  Start([](FakeTransport& transport, const std::string& id, const std::string&) {
    transport.Text(id, "partial");
    transport.Settle(id, MakeFailure(v1::FAILURE_CLAUDE_ERROR, "overloaded"));
  });
  const TellSpec spec = ToGpu("once");
  Recorder first;
  ASSERT_TRUE(Tell(spec, first).ok());
  first.Wait();

  Start(EchoScript);
  file_.teams.clear();  // The outcome is there whatever became of the team.
  Recorder again;
  ASSERT_TRUE(Tell(spec, again).ok());
  EXPECT_EQ(KindOf(again.Wait().status), v1::FAILURE_CLAUDE_ERROR);
  EXPECT_EQ(*again.outcome.answer, "partial");
  EXPECT_EQ(factory_->made(), 0);
}

TEST_F(OrchestratorTest, AnIdIsNotReusedForAnotherMessage) {
  TellSpec spec = ToGpu("one");
  Recorder first, second;
  ASSERT_TRUE(Tell(spec, first).ok());
  first.Wait();
  spec.text = "two";
  EXPECT_EQ(KindOf(Tell(spec, second)), v1::FAILURE_BAD_REQUEST);
  spec.text = "one";
  spec.to = "backend";
  EXPECT_EQ(KindOf(Tell(spec, second)), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(second.times_settled, 0);
}

TEST_F(OrchestratorTest, AnUnknownTeamIsRefusedWithTheTeamsThatThereAre) {
  TellSpec spec = ToGpu("x");
  spec.to = "backnd";
  Recorder recorder;
  const Failure failure = ToProto(Tell(spec, recorder));
  EXPECT_EQ(failure.kind(), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(failure.detail(), HasSubstr("\"backnd\""));
  EXPECT_THAT(failure.fix(), HasSubstr("Did you mean backend?"));
  EXPECT_THAT(failure.fix(), HasSubstr("Teams: backend, gpu."));

  spec.to = "gpu";
  spec.from = "stranger";
  EXPECT_THAT(ToProto(Tell(spec, recorder)).detail(), HasSubstr("the caller \"stranger\""));
  OnLoop([&] { EXPECT_THAT(*orchestrator_->Status(), IsEmpty()); });
}

TEST_F(OrchestratorTest, ABadMessageIsRefused) {
  Recorder recorder;
  TellSpec spec = ToGpu("x");
  spec.tell_id = "not-a-uuid";
  EXPECT_EQ(KindOf(Tell(spec, recorder)), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(KindOf(Tell(ToGpu(""), recorder)), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(KindOf(Tell(ToGpu("\xE2\x82"), recorder)), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(KindOf(Tell(ToGpu(std::string(kTellBytesMax + 1, 'x')), recorder)),
            v1::FAILURE_BAD_REQUEST);
  Recorder longest;
  EXPECT_TRUE(Tell(ToGpu(std::string(kTellBytesMax, 'x')), longest).ok());
  EXPECT_EQ(longest.Wait().answer->size(), kTellBytesMax);
}

TEST_F(OrchestratorTest, ATellGoesOnWhenNobodyFollowsIt) {
  Start(HoldScript);
  const TellSpec spec = ToGpu("slow");
  Recorder gone, back;
  ASSERT_TRUE(Tell(spec, gone).ok());
  OnLoop([&] { orchestrator_->RemoveObserver(spec.tell_id, &gone); });
  Drain();
  OnLoop([&] { EchoScript(Transport(), spec.tell_id, "done"); });

  ASSERT_TRUE(Tell(spec, back).ok());
  EXPECT_EQ(*back.Wait().answer, "done");
  EXPECT_EQ(gone.times_settled, 0);
}

TEST_F(OrchestratorTest, AnObserverMayTellAgainWhenItHearsTheEnd) {
  Recorder first, second;
  first.on_settled = [&] { ASSERT_TRUE(orchestrator_->Tell(ToGpu("two"), &second).ok()); };
  ASSERT_TRUE(Tell(ToGpu("one"), first).ok());
  EXPECT_EQ(*second.Wait().answer, "two");
}

TEST_F(OrchestratorTest, ALineThatIsTooLongIsRefused) {
  Start(HoldScript, {.waiting_max = 2, .observers_max = 1});
  Recorder recorder;
  const TellSpec first = ToGpu("1");
  ASSERT_TRUE(Tell(first, recorder).ok());
  Drain();
  ASSERT_TRUE(Tell(ToGpu("2"), recorder).ok());
  ASSERT_TRUE(Tell(ToGpu("3"), recorder).ok());
  EXPECT_EQ(KindOf(Tell(ToGpu("4"), recorder)), v1::FAILURE_BUSY_LIMIT);
  EXPECT_EQ(KindOf(Tell(first, recorder)), v1::FAILURE_BUSY_LIMIT);
  OnLoop([&] { orchestrator_->SettleOpen(); });
}

TEST_F(OrchestratorTest, AnAnswerBeyondTheLimitFailsAndKeepsWhatFits) {
  Start(
      [](FakeTransport& transport, const std::string& id, const std::string& text) {
        transport.Text(id, "1234");
        transport.Text(id, text);
        transport.Settle(id, absl::OkStatus());
      },
      {.answer_bytes_max = 8});
  Recorder fits, too_long;
  ASSERT_TRUE(Tell(ToGpu("5678"), fits).ok());
  EXPECT_EQ(*fits.Wait().answer, "12345678");
  EXPECT_TRUE(fits.outcome.status.ok());

  ASSERT_TRUE(Tell(ToGpu("56789"), too_long).ok());
  EXPECT_EQ(*too_long.Wait().answer, "12345678");
  EXPECT_EQ(KindOf(too_long.outcome.status), v1::FAILURE_STORAGE);
}

TEST_F(OrchestratorTest, WhatAKilledCoordinatorLeftOpenIsSettledAsDropped) {
  Start(HoldScript);
  const TellSpec running = ToGpu("running"), waiting = ToGpu("waiting");
  Recorder a, b;
  ASSERT_TRUE(Tell(running, a).ok());
  Drain();
  ASSERT_TRUE(Tell(waiting, b).ok());

  Start(EchoScript);  // Nothing of the old life is settled by its destructors.
  EXPECT_EQ(a.times_settled + b.times_settled, 0);
  Recorder a_again, b_again;
  ASSERT_TRUE(Tell(running, a_again).ok());
  ASSERT_TRUE(Tell(waiting, b_again).ok());
  EXPECT_EQ(KindOf(a_again.Wait().status), v1::FAILURE_DROPPED);
  EXPECT_THAT(ToProto(a_again.outcome.status).fix(), HasSubstr("Look at what the team did"));
  EXPECT_EQ(KindOf(b_again.Wait().status), v1::FAILURE_DROPPED);
  EXPECT_THAT(ToProto(b_again.outcome.status).detail(), HasSubstr("never got it"));
  EXPECT_EQ(factory_->made(), 0);
}

TEST_F(OrchestratorTest, ALeavingCoordinatorSettlesEverythingWithThePartialText) {
  Start(HoldScript);
  const TellSpec running = ToGpu("running");
  Recorder a, b;
  ASSERT_TRUE(Tell(running, a).ok());
  ASSERT_TRUE(Tell(ToGpu("waiting"), b).ok());
  Drain();
  OnLoop([&] {
    Transport().Text(running.tell_id, "so far");
    orchestrator_->SettleOpen();
    EXPECT_TRUE(orchestrator_->idle());
    Transport().Settle(running.tell_id, absl::OkStatus());  // Too late.
  });
  EXPECT_EQ(KindOf(a.Wait().status), v1::FAILURE_DROPPED);
  EXPECT_EQ(*a.outcome.answer, "so far");
  EXPECT_EQ(KindOf(b.Wait().status), v1::FAILURE_DROPPED);
  EXPECT_EQ(KindOf(Tell(ToGpu("late"), b)), v1::FAILURE_DROPPED);
  Drain();
  EXPECT_EQ(a.times_settled, 1);
}

TEST_F(OrchestratorTest, AConfigurationThatBrokeIsReportedAndNothingIsStored) {
  config_status_ =
      MakeFailure(v1::FAILURE_BAD_REQUEST, "config.json:3: trailing comma", "Remove it.");
  Recorder recorder;
  const Failure failure = ToProto(Tell(ToGpu("x"), recorder));
  EXPECT_EQ(failure.kind(), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(failure.detail(), "config.json:3: trailing comma");
  OnLoop([&] { EXPECT_THAT(*orchestrator_->Status(), IsEmpty()); });
}

TEST_F(OrchestratorTest, LostContactIsNotDeath) {
  Recorder a, b;
  ASSERT_TRUE(Tell(ToGpu("x"), a).ok());
  a.Wait();
  Drain();
  EXPECT_EQ(OnlySession().state(), "ready");
  const int64_t pid = OnlySession().child_pid();
  EXPECT_NE(pid, 0);

  OnLoop([&] { Transport().GoDown(MakeFailure(v1::FAILURE_DROPPED, "ssh ended")); });
  EXPECT_EQ(OnlySession().state(), "unverifiable");
  EXPECT_EQ(OnlySession().child_pid(), pid);

  ASSERT_TRUE(Tell(ToGpu("y"), b).ok());
  b.Wait();
  OnLoop([&] { Transport().GoDown(MakeFailure(v1::FAILURE_CHILD_EXITED, "exit 0")); });
  EXPECT_EQ(OnlySession().state(), "stopped");
  EXPECT_EQ(OnlySession().child_pid(), 0);
}

}  // namespace
}  // namespace iris
