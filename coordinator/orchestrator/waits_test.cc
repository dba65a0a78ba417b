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
                     .from = asker == nullptr ? "cli" : asker->spec.to,
                     .to = to,
                     .text = "x",
                     .asker_session = asker == nullptr ? "" : asker->recorder.session_id,
                     .asker_waits = waits};
    question.told = Tell(question.spec, question.recorder);
    Drain();
    return question;
  }
  FakeTransport& Transport(const Question& question) {
    return factory_->Between(question.spec.from, question.spec.to);
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

}  // namespace
}  // namespace iris
