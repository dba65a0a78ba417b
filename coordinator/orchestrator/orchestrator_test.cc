#include <algorithm>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/orchestrator_fixture.h"
#include "coordinator/transport/testing/fake_transport.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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
  EXPECT_EQ(OnlySession().state(), v1::SessionStatus::BUSY);

  OnLoop([&] { Transport().Settle(first.tell_id, absl::OkStatus()); });
  Drain();
  EXPECT_EQ(c.texts.back(), "waiting behind 1 message");
  EXPECT_EQ(OnlySession().tell_in_flight(), second.tell_id);
}

TEST_F(OrchestratorTest, OnlyATellToAWarmAndIdleSessionIsStoredAsRunningAtOnce) {
  Start([](FakeTransport& transport, const std::string& tell_id, const std::string& text) {
    if (text == "answer") EchoScript(transport, tell_id, text);
  });
  const auto stored_as = [this](Recorder& caller, const std::string& text) {
    TellState state = TellState::kSettled;
    OnLoop([&] {
      const TellSpec spec = ToGpu(text);
      ASSERT_TRUE(orchestrator_->Tell(spec, &caller).ok());
      state = store_->FindTell(spec.tell_id)->value().state;
    });
    return state;
  };
  Recorder cold, warm, behind;
  EXPECT_EQ(stored_as(cold, "answer"), TellState::kQueued);
  cold.Wait();
  Drain();
  EXPECT_EQ(stored_as(warm, "hold"), TellState::kRunning);
  EXPECT_EQ(stored_as(behind, "hold"), TellState::kQueued);
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

TEST_F(OrchestratorTest, WhoStandsInLineAsksForTheLinkOfTheOneInFlight) {
  Start(HoldScript);
  const TellSpec spec = ToGpu("1");
  Recorder first, second;
  ASSERT_TRUE(Tell(spec, first).ok());
  Drain();
  OnLoop([&] { EXPECT_EQ(Transport().asked(), 0); });
  ASSERT_TRUE(Tell(ToGpu("2"), second).ok());
  OnLoop([&] {
    EXPECT_EQ(Transport().asked(), 1);
    EXPECT_TRUE(orchestrator_->SettleOpen().ok());
  });
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
  const Failure stranger = ToProto(Tell(spec, recorder));
  EXPECT_THAT(stranger.detail(), HasSubstr("the caller \"stranger\""));
  // Nobody reads for whom to speak instead.
  for (const char* team : {"gpu", "backend"}) {
    EXPECT_THAT(stranger.detail() + stranger.fix(), testing::Not(HasSubstr(team)));
  }
  OnLoop([&] { EXPECT_THAT(*StatusOf(*orchestrator_), IsEmpty()); });
}

TEST_F(OrchestratorTest, ACallerWhoseFolderIsNoTeamsHasASessionOfItsOwn) {
  TellSpec spec = ToGpu("x");
  spec.from = "notes@laptop";
  Recorder recorder;
  ASSERT_TRUE(Tell(spec, recorder).ok());
  EXPECT_EQ(recorder.Wait().status, absl::OkStatus());
  EXPECT_EQ(OnlySession().from(), "notes@laptop");
}

TEST_F(OrchestratorTest, ABadMessageIsRefused) {
  Recorder recorder;
  TellSpec spec = ToGpu("x");
  spec.tell_id = "not-a-uuid";
  EXPECT_EQ(KindOf(Tell(spec, recorder)), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(KindOf(Tell(ToGpu(""), recorder)), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(KindOf(Tell(ToGpu(" \n\t"), recorder)), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(KindOf(Tell(ToGpu("\xE2\x82"), recorder)), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(KindOf(Tell(ToGpu(std::string(kTellBytesMax + 1, 'x')), recorder)),
            v1::FAILURE_BAD_REQUEST);
  // The blank before it has to have room on the host, too.
  EXPECT_EQ(KindOf(Tell(ToGpu("/" + std::string(kTellBytesMax - 1, 'x')), recorder)),
            v1::FAILURE_BAD_REQUEST);
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
  OnLoop([&] { EXPECT_TRUE(orchestrator_->SettleOpen().ok()); });
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

}  // namespace
}  // namespace iris
