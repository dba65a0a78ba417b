// A transport whose host is out of reach for a while, or whose coordinator lives on as another.

#include <signal.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "agent/testing/processes.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/transport_fixture.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(TransportTest, ATellOutlivesTheLinkAndItsAnswerIsWhole) {
  const std::string first_pid = Ask("PID").text;
  const std::string text = Held("SLOW"), id = Tell(text);
  sink_.WaitForText(id);
  host_.CutWires();
  LetGo();
  const Outcome outcome = sink_.WaitFor(id);
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.text, Ask(text).text);
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
  const std::string id = Tell(Held("SLOW"));
  sink_.WaitForText(id);
  host_.RefuseWith(MakeFailure(v1::FAILURE_UNREACHABLE, "gpu1: No route to host"));
  host_.CutWires();
  sink_.WaitForStage(TransportProgress::Stage::kConnecting);
  const std::string later = Tell("hello");
  LetGo();
  host_.RefuseWith(absl::OkStatus());
  EXPECT_EQ(sink_.WaitFor(later).text, "ECHO: hello");
  EXPECT_TRUE(sink_.WaitFor(id).status.ok());
}

TEST_F(TransportTest, AChildThatEndedWhileTheLinkWasLostIsSaidToBeDown) {
  Ask("hello");
  const std::string id = Tell(Held("SLOW"));
  sink_.WaitForText(id);
  host_.RefuseWith(MakeFailure(v1::FAILURE_UNREACHABLE, "gpu1: No route to host"));
  host_.CutWires();
  sink_.WaitForStage(TransportProgress::Stage::kConnecting);
  LetGo();
  ASSERT_TRUE(Eventually([this] { return !host_.busy(); }));
  ASSERT_EQ(kill(static_cast<pid_t>(sink_.pids().back()), SIGKILL), 0);
  host_.RefuseWith(absl::OkStatus());
  EXPECT_TRUE(sink_.WaitFor(id).status.ok());
  EXPECT_EQ(KindOf(sink_.WaitForDown()), v1::FAILURE_CHILD_EXITED);
}

TEST_F(TransportTest, WhoWakesOrTakesOverDoesNotWaitWithWhatAHostThatIsAwayHas) {
  Ask("hello");
  const std::string id = Tell(Held("SLOW"));
  sink_.WaitForText(id);
  host_.RefuseWith(MakeFailure(v1::FAILURE_UNREACHABLE, "gpu1: No route to host"));
  host_.CutWires();
  sink_.WaitForStage(TransportProgress::Stage::kConnecting);
  OnLoop([this] {
    EXPECT_TRUE(transport_->is_out_of_reach());
    transport_->Spawn();
  });
  EXPECT_EQ(KindOf(sink_.WaitForDown()), v1::FAILURE_UNREACHABLE);
  sink_.ForgetDowns();
  OnLoop([this] { transport_->TakeOver(); });
  EXPECT_EQ(KindOf(sink_.WaitForDown()), v1::FAILURE_UNREACHABLE);
  LetGo();
  host_.RefuseWith(absl::OkStatus());
  EXPECT_TRUE(sink_.WaitFor(id).status.ok());
}

// One that has never answered fails the tell: somebody has mistyped it.
TEST_F(TransportTest, AHostThatAnsweredAnEarlierLifeIsWaitedFor) {
  host_.RefuseWith(MakeFailure(v1::FAILURE_UNREACHABLE, "gpu1: No route to host"));
  EXPECT_EQ(KindOf(sink_.WaitFor(Tell("hello")).status), v1::FAILURE_UNREACHABLE);
  sink_.host_has_answered = true;
  const std::string id = Tell("hello");
  ASSERT_TRUE(Eventually([this] {
    bool tried = false;
    OnLoop([&] { tried = link_->Status().state() == v1::LinkStatus::WAITING; });
    return tried;
  }));
  host_.RefuseWith(absl::OkStatus());
  EXPECT_EQ(sink_.WaitFor(id).text, "ECHO: hello");
}

TEST_F(TransportTest, WhatIsLeftForAHostThatNeverAnsweredWaitsForIt) {
  host_.RefuseWith(MakeFailure(v1::FAILURE_UNREACHABLE, "gpu1: No route to host"));
  sink_.waits_for_host = true;
  const std::string id = Tell("hello");
  EXPECT_EQ(KindOf(sink_.WaitForAway()), v1::FAILURE_UNREACHABLE);
  EXPECT_THAT(sink_.last_progress(), HasSubstr("No route to host"));
  // Who wakes it does not wait.
  OnLoop([this] { transport_->Spawn(); });
  EXPECT_EQ(KindOf(sink_.WaitForDown()), v1::FAILURE_UNREACHABLE);
  host_.RefuseWith(absl::OkStatus());
  EXPECT_EQ(sink_.WaitFor(id).text, "ECHO: hello");
}

TEST_F(TransportTest, WhoCouldHaveLeftTheMessageHearsHow) {
  team_.remote = RemoteCommand{.text = "ssh gpu1", .program = "ssh", .destination = "gpu1"};
  Renew();
  host_.RefuseWith(MakeFailure(v1::FAILURE_UNREACHABLE, "gpu1: No route to host"));
  EXPECT_THAT(ToProto(Ask("hello").status).fix(),
              AllOf(HasSubstr(std::string(FixFor(v1::FAILURE_UNREACHABLE))),
                    HasSubstr("--when-away wait"), HasSubstr("whenAway")));
  host_.RefuseWith(MakeFailure(v1::FAILURE_AUTH, "gpu1: Permission denied (publickey)"));
  EXPECT_THAT(ToProto(Ask("hello").status).fix(), Not(HasSubstr("when-away")));
}

// Also in the next life, of a message that an earlier build noted as sent: there was no host to
// send it to.
TEST_F(TransportTest, WhatTryingAgainCannotMendEndsWhatWaitsForAHostThatNeverAnswered) {
  sink_.waits_for_host = true;
  for (const bool is_next_life : {false, true}) {
    host_.RefuseWith(MakeFailure(v1::FAILURE_UNREACHABLE, "gpu1: No route to host"));
    Renew();
    sink_.ForgetAways();
    const std::string id = NewUuid(), cancelled = NewUuid();
    OnLoop([&] {
      for (const std::string& tell : {id, cancelled}) {
        is_next_life ? transport_->Resume(tell, "hello", /*given=*/true)
                     : transport_->Tell(tell, "hello");
      }
    });
    EXPECT_EQ(KindOf(sink_.WaitForAway()), v1::FAILURE_UNREACHABLE);
    OnLoop([&] { transport_->Cancel(cancelled); });
    EXPECT_EQ(KindOf(sink_.WaitFor(cancelled).status), v1::FAILURE_CANCELLED);
    EXPECT_THAT(sink_.WaitForCancelsHeard(is_next_life ? 2 : 1), Contains(cancelled));
    host_.RefuseWith(MakeFailure(v1::FAILURE_AUTH, "gpu1: Permission denied (publickey)"));
    OnLoop([this] { transport_->TryNow(); });
    EXPECT_EQ(KindOf(sink_.WaitFor(id).status), v1::FAILURE_AUTH);
  }
}

TEST_F(TransportTest, AnotherLifeOfTheCoordinatorGoesOnFromItsMark) {
  const std::string id = NewUuid(), text = "BLOCKS 20\n" + Held("SLOW");
  OnLoop([&] { transport_->Tell(id, text); });
  sink_.WaitForText(id);
  OnLoop([this] { transport_.reset(); });  // It was killed.
  sink_.ForgetAllBut(sink_.mark());
  Renew(sink_.mark());
  OnLoop([&] { transport_->Resume(id, text, /*given=*/true); });
  LetGo();
  const Outcome outcome = sink_.WaitFor(id);
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.text, Ask(text).text);
  EXPECT_EQ(Ask("COUNT").text, "3");
}

TEST_F(TransportTest, ALifeThatStoredNothingOfTheAnswerLosesNothing) {
  OnLoop([this] { transport_->Spawn(); });
  ASSERT_TRUE(Eventually([this] { return !sink_.pids().empty(); }));
  sink_.stores = false;
  const std::string id = NewUuid(), text = "BLOCKS 20\n" + Held("SLOW");
  OnLoop([&] { transport_->Tell(id, text); });
  sink_.WaitForText(id);
  OnLoop([this] { transport_.reset(); });
  sink_.ForgetAll();
  sink_.stores = true;
  Renew();
  OnLoop([&] { transport_->Resume(id, text, /*given=*/true); });
  LetGo();
  const Outcome outcome = sink_.WaitFor(id);
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.text, Ask(text).text);
}

TEST_F(TransportTest, WhatWasAnsweredWhileNobodyListenedIsHeardLater) {
  Ask("hello");
  const std::string id = NewUuid(), text = Held("SLOW");
  OnLoop([&] { transport_->Tell(id, text); });
  sink_.WaitForText(id);
  OnLoop([this] { transport_.reset(); });
  const ReadMark mark = sink_.mark();  // The last: the host has dropped what came before it.
  sink_.ForgetAllBut(mark);
  LetGo();
  ASSERT_TRUE(Eventually([this] { return !host_.busy(); }));
  Renew(mark);
  OnLoop([&] { transport_->Resume(id, text, /*given=*/true); });
  EXPECT_TRUE(sink_.WaitFor(id).status.ok());
  EXPECT_EQ(Ask("COUNT").text, "3");
}

// The link is dead, and nobody here has noticed.
TEST_F(TransportTest, ACancelThatWasLostWithTheLinkIsAskedForAgain) {
  const std::string id = Tell("BLOCKS 1\nHANG");
  sink_.WaitForText(id);
  OnLoop([&] {
    host_.CutWires();
    transport_->Cancel(id);
  });
  EXPECT_EQ(KindOf(sink_.WaitFor(id).status), v1::FAILURE_CANCELLED);
  EXPECT_THAT(sink_.WaitForCancelsHeard(1), ElementsAre(id));
  EXPECT_EQ(Ask("hello").text, "ECHO: hello");
}

TEST_F(TransportTest, WhatWasCancelledOutOfReachIsPassedOnThoughNobodyWantsTheHost) {
  const std::string id = Tell("BLOCKS 1\nHANG");
  sink_.WaitForText(id);
  host_.RefuseWith(MakeFailure(v1::FAILURE_UNREACHABLE, "gpu1: No route to host"));
  host_.CutWires();
  sink_.WaitForStage(TransportProgress::Stage::kConnecting);
  OnLoop([&] { transport_->Cancel(id); });
  const absl::Status cancelled = sink_.WaitFor(id).status;
  EXPECT_EQ(KindOf(cancelled), v1::FAILURE_CANCELLED);
  EXPECT_EQ(ToProto(cancelled).fix(), FixFor(v1::FAILURE_AMBIGUOUS));
  EXPECT_TRUE(host_.busy());
  host_.RefuseWith(absl::OkStatus());
  EXPECT_THAT(sink_.WaitForCancelsHeard(1), ElementsAre(id));
  EXPECT_TRUE(Eventually([this] { return !host_.busy(); }));
}

TEST_F(TransportTest, WhoCancelsDoesNotWaitForALinkThatWasLostWithIt) {
  const std::string id = Tell("BLOCKS 1\nHANG");
  sink_.WaitForText(id);
  host_.RefuseWith(MakeFailure(v1::FAILURE_UNREACHABLE, "gpu1: No route to host"));
  OnLoop([&] {
    host_.CutWires();
    transport_->Cancel(id);
  });
  EXPECT_EQ(KindOf(sink_.WaitFor(id).status), v1::FAILURE_CANCELLED);
  host_.RefuseWith(absl::OkStatus());
  EXPECT_THAT(sink_.WaitForCancelsHeard(1), ElementsAre(id));
  EXPECT_TRUE(Eventually([this] { return !host_.busy(); }));
}

TEST_F(TransportTest, AnotherLifePassesACancelOnAndStartsNothing) {
  const std::string id = Tell("BLOCKS 1\nHANG");
  sink_.WaitForText(id);
  OnLoop([this] { transport_.reset(); });
  const size_t starts = sink_.pids().size();
  Renew(sink_.mark());
  OnLoop([&] { transport_->PassOnCancel(id, sink_.mark().host.key); });
  EXPECT_THAT(sink_.WaitForCancelsHeard(1), ElementsAre(id));
  EXPECT_TRUE(Eventually([this] { return !host_.busy(); }));
  EXPECT_EQ(sink_.pids().size(), starts);
  EXPECT_EQ(Ask("hello").text, "ECHO: hello");
}

TEST_F(TransportTest, WhatTheHostHasOutlivesALoginThatIsRefused) {
  const std::string text = Held("SLOW"), id = Tell(text);
  sink_.WaitForText(id);
  host_.RefuseWith(MakeFailure(v1::FAILURE_AUTH, "gpu1: Permission denied (publickey)"));
  host_.CutWires();
  ASSERT_TRUE(Eventually([this] {
    bool blocked = false;
    OnLoop([&] { blocked = link_->Status().state() == v1::LinkStatus::BLOCKED; });
    return blocked;
  }));
  sink_.WaitForStage(TransportProgress::Stage::kConnecting);
  EXPECT_THAT(sink_.last_progress(), AllOf(HasSubstr("has the message"), HasSubstr("publickey")));
  // What it did not get is told at once, as ever: that somebody asks is one more attempt.
  EXPECT_EQ(KindOf(Ask("hello").status), v1::FAILURE_AUTH);
  EXPECT_TRUE(sink_.order().size() == 1u);
  host_.RefuseWith(absl::OkStatus());
  LetGo();
  OnLoop([this] { transport_->TryNow(); });
  const Outcome outcome = sink_.WaitFor(id);
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.text, Ask(text).text);
}

TEST_F(TransportTest, AHostThatRefusesFailsTheTellWithItsKindAndLaterWorks) {
  host_.RefuseWith(MakeFailure(v1::FAILURE_AUTH, "gpu1: Permission denied (publickey)"));
  EXPECT_EQ(KindOf(Ask("hello").status), v1::FAILURE_AUTH);
  host_.RefuseWith(absl::OkStatus());
  EXPECT_TRUE(Ask("hello").status.ok());
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
  OnLoop([&] { transport_->Resume(id, "PERMIT", /*given=*/true); });
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

// By the agent's build: an older one cannot be told so in a turn, and is before the next message.
class LinkKeysTest : public TransportTest {
 protected:
  explicit LinkKeysTest(uint32_t build = 5) {
    team_.remote.emplace();
    host_.SetBuildNumber(build);
    host_.SetSshAuthSock("/tmp/first");
    Renew();
  }
  // Returns when it is back.
  void LoseTheLinkIn(const std::string& tell_id) {
    sink_.WaitForText(tell_id);
    const size_t ready = sink_.pids().size();
    host_.SetSshAuthSock("/tmp/second");
    host_.CutWires();
    EXPECT_TRUE(Eventually([&] { return sink_.pids().size() > ready; }));
  }
};

class LinkKeysOfEachBuildTest : public LinkKeysTest,
                                public ::testing::WithParamInterface<uint32_t> {
 protected:
  LinkKeysOfEachBuildTest() : LinkKeysTest(GetParam()) {}
};
INSTANTIATE_TEST_SUITE_P(Builds, LinkKeysOfEachBuildTest, ::testing::Values(4u, 5u));

TEST_P(LinkKeysOfEachBuildTest, AClaudeThatIsStartedBehindALinkThatCameBackHasThatLinksKeys) {
  EXPECT_EQ(Ask("ENV SSH_AUTH_SOCK").text, "/tmp/first");
  const std::string id = Tell(Held("SLOW"));
  LoseTheLinkIn(id);
  LetGo();
  EXPECT_TRUE(sink_.WaitFor(id).status.ok());
  EXPECT_EQ(KindOf(Ask("CRASH 3").status), v1::FAILURE_CHILD_EXITED);
  EXPECT_EQ(Ask("ENV SSH_AUTH_SOCK").text, "/tmp/second");
}

// What waits at the host starts another claude without being asked. An agent before build 5 hears
// of the keys too late for that.
TEST_F(LinkKeysTest, SoHasOneThatAMessageStartsThatTheHostHad) {
  const std::string id = Tell(Held("SLOW") + "\nCRASH 3");
  const std::string waiting = Tell("ENV SSH_AUTH_SOCK");
  LoseTheLinkIn(id);
  const std::string last = Tell("hello");  // The host gets it once it has heard of the keys.
  ASSERT_TRUE(Eventually([this] { return host_.tells_waiting() == 2; }));
  LetGo();
  EXPECT_EQ(KindOf(sink_.WaitFor(id).status), v1::FAILURE_CHILD_EXITED);
  EXPECT_EQ(sink_.WaitFor(waiting).text, "/tmp/second");
  EXPECT_EQ(sink_.WaitFor(last).text, "ECHO: hello");
}

}  // namespace
}  // namespace iris
