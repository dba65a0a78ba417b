// Which host a message is given to: one, whoever lives on and wherever the link leads since.

#include <string>

#include "agent/testing/processes.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/transport_fixture.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TransportHostTest : public TransportTest {
 protected:
  ~TransportHostTest() override {
    OnLoop([this] {  // They may lead to the other host, which goes first.
      transport_.reset();
      link_.reset();
    });
  }
  // The name of the host means another one from now on.
  void MoveTheName() {
    host_.LeadTo(other_);
    host_.CutWires();
  }
  // Of what the first host got: it was not given to the other one.
  void ExpectLost(const Outcome& outcome) {
    EXPECT_EQ(KindOf(outcome.status), v1::FAILURE_WRONG_HOST) << outcome.status;
    EXPECT_THAT(std::string(outcome.status.message()),
                HasSubstr("given to me@in-process, and ssh leads to me@other now"));
    EXPECT_EQ(Ask("COUNT").text, "1");
  }

  ScratchDir other_home_;
  InProcessHost other_{other_home_.path(), KeeperProgram(), "/usr/bin:/bin", "other"};
};

TEST_F(TransportHostTest, WhatOneHostGotIsGivenToNoOther) {
  const std::string id = Tell("SLOW 30");
  sink_.WaitForText(id);
  MoveTheName();
  ExpectLost(sink_.WaitFor(id));
}

TEST_F(TransportHostTest, NeitherByAnotherLifeOfTheCoordinator) {
  const std::string id = NewUuid();
  OnLoop([&] { transport_->Tell(id, "SLOW 30"); });
  sink_.WaitForText(id);
  OnLoop([this] { transport_.reset(); });
  const ReadMark mark = sink_.mark();
  sink_.ForgetAllBut(mark);
  MoveTheName();
  Renew(mark);
  OnLoop([&] { transport_->Resume(id, "SLOW 30", /*given=*/true); });
  ExpectLost(sink_.WaitFor(id));
}

TEST_F(TransportHostTest, WhatAnotherLifePassedOnIsReadOnTheSameHost) {
  const std::string id = NewUuid(), text = Held("SLOW");
  OnLoop([&] { transport_->Tell(id, text); });
  sink_.WaitForText(id);
  OnLoop([this] { transport_.reset(); });
  const ReadMark mark = sink_.mark();
  sink_.ForgetAllBut(mark);
  host_.CutWires();
  Renew(mark);
  OnLoop([&] { transport_->Resume(id, text, /*given=*/true); });
  LetGo();
  EXPECT_TRUE(sink_.WaitFor(id).status.ok());
}

// What waits for a host goes to the one that there is, wherever the session was before.
TEST_F(TransportHostTest, WhatNoHostGotIsGivenToTheOtherOne) {
  Ask("hello");
  OnLoop([this] { transport_.reset(); });
  const ReadMark mark = sink_.mark();
  EXPECT_FALSE(mark.host.key.empty());
  sink_.ForgetAllBut(mark);
  MoveTheName();
  Renew(mark);
  const std::string id = NewUuid();
  OnLoop([&] { transport_->Resume(id, "COUNT", /*given=*/false); });
  EXPECT_EQ(sink_.WaitFor(id).text, "1");
}

// The other one would say that there is no such message.
TEST_F(TransportHostTest, ACancelIsForTheHostThatHasTheMessageAndWaitsForIt) {
  const std::string id = Tell("BLOCKS 1\nHANG");
  sink_.WaitForText(id);
  OnLoop([this] { transport_.reset(); });
  const ReadMark mark = sink_.mark();
  ASSERT_FALSE(mark.host.key.empty());
  MoveTheName();
  Renew(mark);
  OnLoop([&] { transport_->PassOnCancel(id, mark.host.key); });
  EXPECT_EQ(Ask("COUNT").text, "1");
  EXPECT_EQ(Ask("COUNT").text, "2");
  EXPECT_THAT(sink_.WaitForCancelsHeard(0), IsEmpty());
  EXPECT_TRUE(host_.busy());
  host_.LeadHere();
  other_.CutWires();
  EXPECT_THAT(sink_.WaitForCancelsHeard(1), ElementsAre(id));
  EXPECT_TRUE(Eventually([this] { return !host_.busy(); }));
}

class WipedHostTest : public TransportHostTest {
 protected:
  WipedHostTest() { other_.PassFor(host_); }

  // What was seen to begin did not run on the host as it is now.
  void ExpectNotRun(const std::string& id) {
    const Outcome outcome = sink_.WaitFor(id);
    EXPECT_EQ(KindOf(outcome.status), v1::FAILURE_AMBIGUOUS) << outcome.status;
    EXPECT_THAT(outcome.text, HasSubstr("word0"));
  }
};

TEST_F(WipedHostTest, WhatWasSeenToBeginIsNotRunAgainAndWhatWaitedIsRun) {
  const std::string id = Tell("SLOW 30");
  const std::string waiting = Tell("COUNT");
  sink_.WaitForText(id);
  MoveTheName();
  ExpectNotRun(id);
  EXPECT_EQ(sink_.WaitFor(waiting).text, "1");
}

TEST_F(WipedHostTest, NeitherWhereThatWasInAnEarlierLifeOfTheCoordinator) {
  const std::string id = NewUuid();
  OnLoop([&] { transport_->Tell(id, "SLOW 30"); });
  sink_.WaitForText(id);
  OnLoop([this] { transport_.reset(); });
  const ReadMark mark = sink_.mark();
  EXPECT_EQ(mark.begun, id);
  sink_.ForgetAllBut(mark);
  MoveTheName();
  Renew(mark);
  OnLoop([&] { transport_->Resume(id, "SLOW 30", /*given=*/true); });
  EXPECT_EQ(KindOf(sink_.WaitFor(id).status), v1::FAILURE_AMBIGUOUS);
  EXPECT_EQ(Ask("COUNT").text, "1");
  EXPECT_EQ(sink_.WaitForMarkWithoutBegun().begun, "");
}

// As where that life had heard already that the host has another journal.
TEST_F(WipedHostTest, NeitherWhereNothingIsStoredButThatItBegan) {
  const std::string id = NewUuid();
  OnLoop([&] { transport_->Tell(id, "SLOW 30"); });
  sink_.WaitForText(id);
  OnLoop([this] { transport_.reset(); });
  ReadMark mark = sink_.mark();
  const std::string journal_before = mark.journal_id;
  sink_.ForgetAllBut(mark);
  MoveTheName();
  mark.in_flight.clear();
  mark.journal_id.clear();
  mark.seq = 0;
  Renew(mark);
  OnLoop([&] { transport_->Resume(id, "SLOW 30", /*given=*/true); });
  EXPECT_EQ(KindOf(sink_.WaitFor(id).status), v1::FAILURE_AMBIGUOUS);
  EXPECT_NE(sink_.mark().journal_id, journal_before);
  EXPECT_EQ(Ask("COUNT").text, "1");
}

TEST_F(WipedHostTest, AnAgentThatIsTooOldToBeAskedIsNot) {
  other_.SetBuildNumber(4);
  const std::string id = Tell("SLOW 30");
  sink_.WaitForText(id);
  MoveTheName();
  ExpectNotRun(id);
  EXPECT_EQ(Ask("COUNT").text, "1");
}

// Of a life that ends here, the next one would not know where the message is.
TEST_F(TransportHostTest, AHostGetsNothingBeforeItIsStoredWhichOneItIs) {
  sink_.stores = false;
  const std::string id = Tell("COUNT");
  ASSERT_TRUE(Eventually([this] { return !sink_.pids().empty(); }));
  OnLoop([&] { transport_->Cancel(id); });
  const Outcome cancelled = sink_.WaitFor(id);
  EXPECT_THAT(std::string(cancelled.status.message()), HasSubstr("before the team got it"));
  const std::string next = Tell("COUNT");
  sink_.stores = true;
  OnLoop([this] { transport_->Acknowledge(sink_.mark()); });
  EXPECT_EQ(sink_.WaitFor(next).text, "1");
}

// A store that was put back from a copy does not know that the team has the message.
TEST_F(TransportHostTest, AnAnswerThatBeganUnheardIsNotTakenForAWholeOne) {
  team_.ask_permissions = true;
  Renew();
  Ask("hello");
  ReadMark before, asked;
  OnLoop([&] {
    sink_.stores = false;
    before = sink_.mark();
  });
  const std::string id = NewUuid(), text = "BLOCKS 3\nPERMIT";
  OnLoop([&] { transport_->Tell(id, text); });
  const std::string request_id = sink_.WaitForRequests(1)[0].request_id();
  OnLoop([&] {
    asked = sink_.mark();
    transport_.reset();
  });
  sink_.ForgetAll();
  Renew(before);
  OnLoop([this] { transport_->Spawn(); });
  ASSERT_TRUE(Eventually([&] { return sink_.mark().seq >= asked.seq; }));
  EXPECT_EQ(sink_.mark().in_flight, "");
  OnLoop([&] {
    transport_->Tell(id, text);
    transport_->Answer(request_id, R"({"behavior":"allow"})",
                       [](const absl::StatusOr<v1::AnswerRequestResponse>& answered) {
                         EXPECT_TRUE(answered.ok()) << answered.status();
                       });
  });
  const Outcome outcome = sink_.WaitFor(id);
  if (outcome.status.ok()) {  // The host told it anew.
    EXPECT_THAT(outcome.text, AllOf(HasSubstr("block 1"), HasSubstr("permitted")));
  } else {
    EXPECT_EQ(KindOf(outcome.status), v1::FAILURE_AMBIGUOUS) << outcome.status;
    EXPECT_EQ(outcome.text, "");
  }
}

}  // namespace
}  // namespace iris
