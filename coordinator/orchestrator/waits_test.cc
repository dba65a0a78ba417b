// Teams that ask each other back, and teams that hold every process while they wait.

#include <deque>
#include <string>
#include <utility>

#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/orchestrator_fixture.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Teams a, b and c, whose turns end when the test says so.
class WaitsTest : public OrchestratorTest {
 protected:
  struct Question {
    TellSpec spec;
    Recorder recorder;
    absl::Status told;
  };

  WaitsTest() {
    file_.teams.clear();
    for (const char* name : {"a", "b", "c"}) file_.teams.push_back({.name = name, .path = "/p"});
    Start(HoldScript);
  }
  // Sent in the turn of `asker`; null: by a person.
  Question& Ask(const Question* asker, const std::string& to, bool waits = true) {
    Question& question = questions_.emplace_back();
    question.spec = {.tell_id = NewUuid(),
                     .from = asker == nullptr ? Caller("cli") : Caller::Named(asker->spec.to),
                     .to = to,
                     .text = "x",
                     .asker_session = asker == nullptr ? "" : asker->recorder.session_id,
                     .asker_waits = waits};
    question.told = Tell(question.spec, question.recorder);
    Drain();
    return question;
  }
  // The answer to `question` is fetched by its id in the turn of `asker`, which waits for it.
  absl::Status Fetch(const Question& asker, const Question& question, Recorder& recorder) {
    absl::Status status;
    OnLoop([&] {
      status =
          orchestrator_->Follow(question.spec.tell_id, "cli", &recorder, asker.recorder.session_id);
    });
    return status;
  }
  FakeTransport& Transport(const Question& question) {
    return factory_->Between(question.spec.from.name(), question.spec.to);
  }
  void Answer(const Question& question) {
    OnLoop([&] { Transport(question).Settle(question.spec.tell_id, absl::OkStatus()); });
    Drain();
    Drain();
  }

  std::deque<Question> questions_;
};

TEST_F(WaitsTest, AQuestionThatWouldWaitForItselfIsRefusedAndTheRestGoesOn) {
  Question& a = Ask(nullptr, "a");
  Question& b = Ask(&a, "b");
  Question& a_again = Ask(&b, "a");
  ASSERT_TRUE(a_again.told.ok());
  const Question& refused = Ask(&a_again, "b");
  EXPECT_EQ(KindOf(refused.told), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(ToProto(refused.told).detail(),
              AllOf(HasSubstr("b is waiting"), HasSubstr(a_again.spec.tell_id)));

  const Question& other = Ask(&a_again, "c");
  EXPECT_TRUE(other.told.ok());
  EXPECT_TRUE(Ask(&a_again, "b", /*waits=*/false).told.ok());
  EXPECT_TRUE(Ask(nullptr, "b").told.ok());
  Answer(other);
  Answer(a_again);
  EXPECT_TRUE(a_again.recorder.Wait().status.ok());
  Answer(b);
  EXPECT_TRUE(b.recorder.Wait().status.ok());
}

TEST_F(WaitsTest, WhoDoesNotWaitAnyMoreIsNotWaitedFor) {
  Question& a = Ask(nullptr, "a");
  Question& b = Ask(&a, "b");
  Question& a_again = Ask(&b, "a");
  OnLoop([&] { orchestrator_->RemoveObserver(a_again.spec.tell_id, &a_again.recorder); });
  EXPECT_TRUE(Ask(&a_again, "b").told.ok());
}

// `iris tell` in the background of a turn that has ended.
TEST_F(WaitsTest, WhatAnEarlierTurnAskedIsNotWaitedForByTheNextOne) {
  Question& a = Ask(nullptr, "a");
  Question& b = Ask(&a, "b");
  Question& a_again = Ask(&b, "a");
  Answer(b);
  ASSERT_TRUE(Ask(&a, "b").told.ok());
  EXPECT_TRUE(Ask(&a_again, "b").told.ok());
}

TEST_F(WaitsTest, WhoComesBackAfterTheCoordinatorWaitsAgain) {
  Question& a = Ask(nullptr, "a");
  Question& b = Ask(&a, "b");
  Question& a_again = Ask(&b, "a");
  Start(HoldScript);
  EXPECT_TRUE(Ask(&a_again, "b", /*waits=*/false).told.ok());
  Recorder again;
  ASSERT_TRUE(Tell(a_again.spec, again).ok());
  EXPECT_EQ(KindOf(Ask(&a_again, "b").told), v1::FAILURE_BAD_REQUEST);
}

TEST_F(WaitsTest, TheLastProcessIsNotLeftToAnotherOneThatWaitsForOne) {
  file_.settings.max_processes = 2;
  Start(HoldScript);
  const Question& a = Ask(nullptr, "a");
  Question& b = Ask(nullptr, "b");
  Question& waits = Ask(&a, "c");  // b goes on by itself, and gives it its process then.
  ASSERT_TRUE(waits.told.ok());
  const Question& refused = Ask(&b, "c");
  EXPECT_EQ(KindOf(refused.told), v1::FAILURE_BUSY_LIMIT);
  EXPECT_THAT(ToProto(refused.told).fix(), HasSubstr("Raise settings.maxProcesses"));
  EXPECT_TRUE(Ask(&b, "c", /*waits=*/false).told.ok());
  Answer(b);
  EXPECT_TRUE(b.recorder.Wait().status.ok());
  EXPECT_THAT(Transport(waits).open_tells(), ElementsAre(waits.spec.tell_id));
}

TEST_F(WaitsTest, AnAnswerIsNotFetchedInATurnThatItsTeamWaitsForAndIsKept) {
  Question& a = Ask(nullptr, "a");
  Question& b = Ask(&a, "b");
  Question& a_again = Ask(&b, "a");
  Question& later = Ask(&a_again, "b", /*waits=*/false);
  Recorder recorder;
  const absl::Status refused = Fetch(a_again, later, recorder);
  EXPECT_EQ(KindOf(refused), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(ToProto(refused).detail(),
              AllOf(HasSubstr("message " + later.spec.tell_id),
                    HasSubstr("the turn of message " + a_again.spec.tell_id)));
  EXPECT_THAT(ToProto(refused).fix(),
              AllOf(HasSubstr("End your turn"), HasSubstr("iris tells " + later.spec.tell_id)));
  EXPECT_EQ(recorder.session_id, "") << "it was told that it follows";

  Answer(a_again);
  Answer(b);
  ASSERT_THAT(Transport(later).open_tells(), ElementsAre(later.spec.tell_id));
  ASSERT_TRUE(Fetch(a, later, recorder).ok());
  Answer(later);
  EXPECT_TRUE(recorder.Wait().status.ok());
  Recorder after;
  EXPECT_TRUE(Fetch(a, later, after).ok());
  EXPECT_TRUE(after.Wait().status.ok());
}

TEST_F(WaitsTest, NobodyFetchesTheAnswerOfTheTurnThatItIsIn) {
  const Question& a = Ask(nullptr, "a");
  Recorder recorder;
  EXPECT_EQ(KindOf(Fetch(a, a, recorder)), v1::FAILURE_BAD_REQUEST);
}

TEST_F(WaitsTest, AQuestionBackToATurnThatFetchesIsRefusedAndSoIsFetchingItsAnswer) {
  Question& a = Ask(nullptr, "a");
  Question& b = Ask(&a, "b");
  Question& a_again = Ask(&b, "a", /*waits=*/false);
  Recorder fetches;
  ASSERT_TRUE(Fetch(b, a_again, fetches).ok());
  const absl::Status refused = Ask(&a_again, "b").told;
  EXPECT_EQ(KindOf(refused), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(ToProto(refused).fix(), HasSubstr("in a later turn, not in this one"));
  const Question& sent = Ask(&a_again, "b", /*waits=*/false);
  ASSERT_TRUE(sent.told.ok());
  Recorder recorder;
  EXPECT_EQ(KindOf(Fetch(a_again, sent, recorder)), v1::FAILURE_BAD_REQUEST);

  OnLoop([&] { orchestrator_->RemoveObserver(a_again.spec.tell_id, &fetches); });
  EXPECT_TRUE(Fetch(a_again, sent, recorder).ok());
}

TEST_F(WaitsTest, EveryTurnThatWaitsForAnAnswerCounts) {
  Question& a = Ask(nullptr, "a");
  Question& b = Ask(&a, "b");
  Question& a_again = Ask(&b, "a");
  const Question& c = Ask(nullptr, "c");
  Recorder of_c, of_b;
  ASSERT_TRUE(Fetch(c, a_again, of_c).ok());
  ASSERT_TRUE(Fetch(b, a_again, of_b).ok());
  EXPECT_EQ(KindOf(Ask(&a_again, "b").told), v1::FAILURE_BAD_REQUEST);
  OnLoop([&] { orchestrator_->RemoveObserver(a_again.spec.tell_id, &of_c); });
  OnLoop([&] { orchestrator_->RemoveObserver(a_again.spec.tell_id, &a_again.recorder); });
  EXPECT_EQ(KindOf(Ask(&a_again, "b").told), v1::FAILURE_BAD_REQUEST);
  OnLoop([&] { orchestrator_->RemoveObserver(a_again.spec.tell_id, &of_b); });
  EXPECT_TRUE(Ask(&a_again, "b").told.ok());
}

TEST_F(WaitsTest, AMessageThatIsSentAgainIsNotWaitedForWhereFetchingItIsRefused) {
  Question& a = Ask(nullptr, "a");
  Question& b = Ask(&a, "b");
  Question& a_again = Ask(&b, "a");
  const Question& later = Ask(&a_again, "b", /*waits=*/false);
  TellSpec again = later.spec;
  Recorder recorder;
  EXPECT_TRUE(Tell(again, recorder).ok());
  again.asker_waits = true;
  Recorder waits;
  const absl::Status refused = Tell(again, waits);
  EXPECT_EQ(KindOf(refused), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(ToProto(refused).fix(), HasSubstr("End your turn"));
}

TEST_F(WaitsTest, WhoComesBackLaterThanAQuestionThatWaitsForItIsRefused) {
  Question& a = Ask(nullptr, "a");
  Question& b = Ask(&a, "b");
  Question& a_again = Ask(&b, "a");
  Start(HoldScript);
  ASSERT_TRUE(Ask(&a_again, "b").told.ok()) << "b's front end has not said yet that b waits";
  TellSpec spec = a_again.spec;
  spec.accepted_before = true;
  Recorder again;
  EXPECT_EQ(KindOf(Tell(spec, again)), v1::FAILURE_BAD_REQUEST);
}

TEST_F(WaitsTest, TheLastProcessIsNotLeftToATurnThatFetchesAnAnswerOfOneThatWaitsForOne) {
  file_.settings.max_processes = 2;
  Start(HoldScript);
  const Question& a = Ask(nullptr, "a");
  Question& b = Ask(nullptr, "b");
  const Question& of_a = Ask(&a, "c", /*waits=*/false);
  const Question& of_b = Ask(&b, "c", /*waits=*/false);
  Recorder first, second;
  ASSERT_TRUE(Fetch(a, of_a, first).ok());
  EXPECT_TRUE(Fetch(a, of_a, second).ok()) << "it waits for that already";
  Recorder recorder;
  const absl::Status refused = Fetch(b, of_b, recorder);
  EXPECT_EQ(KindOf(refused), v1::FAILURE_BUSY_LIMIT);
  EXPECT_THAT(ToProto(refused).fix(), HasSubstr("End your turn"));
  Answer(b);
  EXPECT_TRUE(b.recorder.Wait().status.ok());
  EXPECT_THAT(Transport(of_a).open_tells(), ElementsAre(of_a.spec.tell_id));
}

// b asks a, which has a process and waits for c, which has none.
TEST_F(WaitsTest, TheLastProcessIsNotLeftToATurnThatWaitsForOneThroughAnother) {
  file_.settings.max_processes = 2;
  Start(HoldScript);
  const Question& a = Ask(nullptr, "a");
  const Question& b = Ask(nullptr, "b");
  ASSERT_TRUE(Ask(&a, "c").told.ok());
  Recorder recorder;
  const TellSpec back = {.tell_id = NewUuid(),
                         .from = "cli",
                         .to = "a",
                         .text = "x",
                         .asker_session = b.recorder.session_id,
                         .asker_waits = true};
  EXPECT_EQ(KindOf(Tell(back, recorder)), v1::FAILURE_BUSY_LIMIT);
}

}  // namespace
}  // namespace iris
