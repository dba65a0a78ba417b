#include "coordinator/transport/transport_machine.h"

#include <initializer_list>
#include <set>
#include <string>

#include "gtest/gtest.h"

namespace iris {
namespace {

using S = TransportState;
using E = TransportEvent;

// The machine after these events.
TransportMachine After(std::initializer_list<TransportEvent> events) {
  TransportMachine machine;
  for (const TransportEvent event : events) machine.Handle(event);
  return machine;
}

// One machine in each state, by the shortest way there.
TransportMachine In(TransportState state) {
  switch (state) {
    case S::kDown:
      return After({});
    case S::kLinking:
      return After({E::kSought});
    case S::kAcquiring:
      return After({E::kSought, E::kLinked});
    case S::kReattaching:
      return After({E::kSought, E::kLinkedWithLease});
    case S::kAttaching:
      return After({E::kSought, E::kLinked, E::kLeased});
    case S::kCancelling:
      return After({E::kSought, E::kLinkedWithLease, E::kAttachedToCancel});
    case S::kOpening:
      return After({E::kSought, E::kLinkedWithLease, E::kAttachedToOpen});
    case S::kOpen:
      return After({E::kSought, E::kLinkedWithLease, E::kAttachedToRead});
    case S::kClosing:
      return After({E::kSought, E::kLinkedWithLease, E::kAttachedToEnd});
    case S::kAway:
      return After({E::kSought, E::kLinked, E::kContactLost});
  }
  return TransportMachine();
}

TEST(TransportMachineTest, TheFirstMessageGoesTheWholeWay) {
  TransportMachine machine;
  EXPECT_EQ(machine.Handle(E::kSought), TransportActions{.seek = true});
  EXPECT_EQ(machine.Handle(E::kLinked), TransportActions{.acquire = true});
  EXPECT_EQ(machine.Handle(E::kLeased), TransportActions{.attach = true});
  EXPECT_FALSE(machine.attached());
  EXPECT_EQ(machine.Handle(E::kAttachedToOpen), TransportActions{.open = true});
  EXPECT_TRUE(machine.attached());
  EXPECT_EQ(machine.Handle(E::kOpened), TransportActions());
  EXPECT_EQ(machine.state(), S::kOpen);
}

TEST(TransportMachineTest, ALeaseOfBeforeSavesARoundTripUnlessItIsRefused) {
  TransportMachine machine = In(S::kLinking);
  EXPECT_EQ(machine.Handle(E::kLinkedWithLease), TransportActions{.attach = true});
  EXPECT_EQ(machine.Handle(E::kLeaseRefused), TransportActions{.acquire = true});
  machine.Handle(E::kLeased);
  EXPECT_FALSE(machine.Possible(E::kLeaseRefused));  // A new one is the last word.
}

TEST(TransportMachineTest, ContactThatIsLostAwaitsWhatTheLinkSays) {
  for (const TransportState state : {S::kAcquiring, S::kReattaching, S::kAttaching, S::kCancelling,
                                     S::kOpening, S::kOpen, S::kClosing}) {
    TransportMachine machine = In(state);
    ASSERT_EQ(machine.state(), state);
    EXPECT_EQ(machine.Handle(E::kContactLost),
              (TransportActions{.lose_contact = true, .await_verdict = true}))
        << TransportStateName(state);
    EXPECT_EQ(machine.state(), S::kAway);
  }
  EXPECT_EQ(In(S::kAway).Handle(E::kSought), TransportActions{.seek = true});
}

TEST(TransportMachineTest, ALinkThatIsLostIsWaitedForFromAnywhereButDown) {
  for (int i = 1; i < kTransportStates; ++i) {
    TransportMachine machine = In(static_cast<TransportState>(i));
    const bool had_contact = machine.state() != S::kLinking;
    EXPECT_EQ(machine.Handle(E::kLinkLost), TransportActions{.lose_contact = had_contact});
    EXPECT_EQ(machine.state(), S::kLinking);
  }
  EXPECT_FALSE(In(S::kDown).Possible(E::kLinkLost));
}

TEST(TransportMachineTest, WhoeverNeedsTheHostDoesNotDisturbTheContactThatThereIs) {
  for (const TransportState state : {S::kAcquiring, S::kAttaching, S::kOpening, S::kOpen}) {
    TransportMachine machine = In(state);
    EXPECT_EQ(machine.Handle(E::kSought), TransportActions());
    EXPECT_EQ(machine.state(), state);
  }
}

TEST(TransportMachineTest, AfterCancelsAChildCanBeOpenedOrEnded) {
  EXPECT_EQ(In(S::kCancelling).Handle(E::kChildNeeded), TransportActions{.open = true});
  TransportMachine machine = In(S::kCancelling);
  EXPECT_EQ(machine.Handle(E::kEndAsked), TransportActions{.close = true});
  EXPECT_EQ(machine.state(), S::kClosing);
}

TEST(TransportMachineTest, AChildThatRunsIsEndedWhileTheStreamSaysHowItsMessagesEnd) {
  TransportMachine machine = In(S::kOpen);
  EXPECT_EQ(machine.Handle(E::kEndAsked), TransportActions{.close = true});
  EXPECT_EQ(machine.state(), S::kOpen);
}

TEST(TransportMachineTest, AllCanBeOverAtAnyTime) {
  for (int i = 0; i < kTransportStates; ++i) {
    TransportMachine machine = In(static_cast<TransportState>(i));
    EXPECT_EQ(machine.Handle(E::kDone), TransportActions{.let_go = true});
    EXPECT_EQ(machine.state(), S::kDown);
  }
}

TEST(TransportMachineTest, TheWholeWayCanBeGoneAnewAtAnyTime) {
  for (int i = 0; i < kTransportStates; ++i) {
    TransportMachine machine = In(static_cast<TransportState>(i));
    const bool was_down = machine.state() == S::kDown;
    EXPECT_EQ(machine.Handle(E::kStartedOver),
              (TransportActions{.lose_contact = !was_down, .seek = true}));
    EXPECT_EQ(machine.state(), S::kLinking);
  }
}

TEST(TransportMachineDeathTest, WhatCannotComeEndsTheProcess) {
  EXPECT_DEATH(In(S::kDown).Handle(E::kOpened), "a transport that is down hears \"opened\"");
}

TEST(TransportMachineTest, EveryStateAndEventHasANameOfItsOwn) {
  std::set<std::string> names;
  for (int i = 0; i < kTransportStates; ++i) {
    names.emplace(TransportStateName(static_cast<TransportState>(i)));
  }
  for (int i = 0; i < kTransportEvents; ++i) {
    names.emplace(TransportEventName(static_cast<TransportEvent>(i)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(kTransportStates + kTransportEvents));
}

}  // namespace
}  // namespace iris
