#include "coordinator/transport/session_contact.h"

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/transport/contact_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Event = TransportEvent;
using State = TransportState;

class SessionContactTest : public ContactFixture {};

TEST_F(SessionContactTest, ItBeginsWithALeaseAStreamAndAChild) {
  contact_->Handle(Event::kSought);
  EXPECT_TRUE(link_.wanted());
  EXPECT_EQ(state(), State::kLinking);
  LinkUp();
  EXPECT_FALSE(agent().acquire->request.takeover());
  Grant();
  streams_.push_back(agent().attach);
  EXPECT_EQ(agent().attach->sent.front().start().epoch(), kEpoch);
  BeAttached();
  EXPECT_EQ(state(), State::kOpening);
  BeOpened();
  EXPECT_EQ(state(), State::kOpen);
  EXPECT_THAT(Take(), ElementsAre("seeks", "leased", "opened 7", "may send"));
}

TEST_F(SessionContactTest, WhatAHostAsksBeforeTheLoginIsSaidAsThat) {
  contact_->Handle(Event::kSought);
  link_.Progress({.stage = ConnectProgress::Stage::kConnecting, .text = "resolving"});
  link_.Progress(
      {.stage = ConnectProgress::Stage::kConnecting, .text = "visit", .host_asks = true});
  EXPECT_THAT(sink_.Take(), ElementsAre("progress: resolving", "progress: visit (the host asks)"));
}

TEST_F(SessionContactTest, WhomNobodyNeedsAnyMoreIsLetGoWhenItIsUp) {
  contact_->Handle(Event::kSought);
  is_needed_ = false;
  LinkUp();
  EXPECT_EQ(state(), State::kDown);
  EXPECT_EQ(agent().acquire, nullptr);
  EXPECT_FALSE(link_.wanted());
}

TEST_F(SessionContactTest, TheLeaseOfBeforeIsTriedUnlessItMustNotCount) {
  ComeToOpen();
  LinkLost();
  EXPECT_THAT(Take(), ElementsAre("link down dropped, retries"));
  LinkUp();
  streams_.push_back(agent().attach);
  EXPECT_EQ(state(), State::kReattaching);
  EXPECT_EQ(agent().acquire, nullptr);
  LinkLost();
  needs_.other_lease = true;
  LinkUp();
  EXPECT_EQ(state(), State::kAcquiring);
  EXPECT_NE(agent().acquire, nullptr);
}

TEST_F(SessionContactTest, ALeaseThatIsRefusedWithTheStreamIsAskedForAnew) {
  ComeToOpen();
  LinkLost();
  LinkUp();
  streams_.push_back(agent().attach);
  agent().attach->End(MakeFailure(v1::FAILURE_PERMISSION_DENIED, "the lease is over"));
  Run();
  EXPECT_NE(agent().acquire, nullptr);
  EXPECT_EQ(state(), State::kAcquiring);
}

TEST_F(SessionContactTest, ATakeoverIsSaidOfLeaseAndClaimUntilBothAreGranted) {
  contact_->TakeOver();
  contact_->Handle(Event::kStartedOver);
  LinkUp();
  EXPECT_TRUE(agent().acquire->request.takeover());
  Grant();
  streams_.push_back(agent().attach);
  BeAttached();
  EXPECT_TRUE(agent().open->request.takeover());
  BeOpened();
  contact_->Handle(Event::kStartedOver);  // The link stands.
  streams_.push_back(agent().attach);
  BeAttached();
  EXPECT_FALSE(agent().open->request.takeover());
}

TEST_F(SessionContactTest, AChildThatIsToEndIsEndedUnderANewLeaseWithoutAStream) {
  needs_.end = true;
  contact_->Handle(Event::kSought);
  LinkUp();
  Grant();
  EXPECT_EQ(state(), State::kClosing);
  EXPECT_EQ(agent().attach, nullptr);
  EXPECT_THAT(Take(), ElementsAre("seeks", "leased", "close"));
}

TEST_F(SessionContactTest, AStreamThatTheAgentEndsIsOpenedAgainWhereSomebodyWaits) {
  ComeToOpen();
  needs_.tells = true;
  const auto first = agent().attach;
  first->End(absl::OkStatus());
  Run();
  EXPECT_EQ(state(), State::kAway);  // The link may be about to say why.
  EXPECT_THAT(Take(), IsEmpty());
  Run(absl::Seconds(3));
  streams_.push_back(agent().attach);
  EXPECT_NE(agent().attach, first);
  EXPECT_EQ(state(), State::kReattaching);
}

TEST_F(SessionContactTest, AStreamThatTheAgentEndsIsTheEndWhereNobodyDoes) {
  ComeToOpen();
  agent().attach->End(absl::OkStatus());
  Run();
  Run(absl::Seconds(3));
  EXPECT_THAT(Take(), ElementsAre("fails dropped", "let go"));
  EXPECT_EQ(state(), State::kDown);
}

TEST_F(SessionContactTest, WhatIsLostOnceTheChildHasEndedIsNotSoughtAgain) {
  ComeToOpen();
  needs_.tells = needs_.end = needs_.ended = true;
  agent().attach->End(absl::OkStatus());
  Run();
  EXPECT_THAT(Take(), Contains("fails dropped"));
}

TEST_F(SessionContactTest, WhatFailsOnTheWayIsNotTriedAgain) {
  contact_->Handle(Event::kSought);
  LinkUp();
  agent().acquire->Answer(MakeFailure(v1::FAILURE_PERMISSION_DENIED, "somebody else has it"));
  Run();
  EXPECT_THAT(Take(), ElementsAre("seeks", "fails permission_denied", "let go"));
}

TEST_F(SessionContactTest, AnotherHostThanTheOneBeforeIsSaidAndGetsALeaseOfItsOwn) {
  ComeToOpen();
  LinkLost();
  Take();
  hello_.set_host_id("gpu2");
  hello_.set_hostname("gpu2");
  LinkUp();
  EXPECT_THAT(Take(), ElementsAre("other host: wrong_host"));
  EXPECT_NE(agent().acquire, nullptr);
  EXPECT_FALSE(contact_->host_is_stored());
}

TEST_F(SessionContactTest, NothingMayBeSentBeforeItIsStoredWhichHostGetsIt) {
  ComeToOpen();
  EXPECT_FALSE(contact_->may_send());
  EXPECT_TRUE(contact_->OnHostStored(contact_->host()));
  EXPECT_TRUE(contact_->may_send());
  contact_->Renew();
  EXPECT_FALSE(contact_->may_send());  // The host does not know yet how the team is launched.
  agent().open->Answer(v1::OpenResponse());
  EXPECT_TRUE(contact_->may_send());
  EXPECT_THAT(Take(), ElementsAre("may send"));
}

TEST_F(SessionContactTest, AnAgentOfAnOldBuildIsToldNothingAnew) {
  hello_.set_build_number(4);
  on_attached_ = Event::kAttachedToRead;
  ComeToAttaching();
  BeAttached();
  Take();
  contact_->Renew();
  EXPECT_EQ(agent().open, nullptr);
  EXPECT_THAT(Take(), ElementsAre("may send"));
}

}  // namespace
}  // namespace iris
