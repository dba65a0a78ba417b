#include "coordinator/link/link_machine.h"

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using S = LinkState;
using E = LinkEvent;

constexpr absl::Duration kNow = absl::Hours(1);
constexpr uint64_t kSeed = 1;

std::vector<LinkState> AllStates() {
  std::vector<LinkState> all;
  for (int i = 0; i < kLinkStates; ++i) all.push_back(static_cast<LinkState>(i));
  return all;
}
std::vector<LinkEvent> AllEvents() {
  std::vector<LinkEvent> all;
  for (int i = 0; i < kLinkEvents; ++i) all.push_back(static_cast<LinkEvent>(i));
  return all;
}

LinkMachine After(std::vector<LinkEvent> events) {
  LinkMachine machine(kSeed);
  for (const LinkEvent event : events) machine.Handle(event, kNow);
  return machine;
}

LinkMachine In(LinkState state) {
  switch (state) {
    case S::kDown:
      return After({});
    case S::kConnecting:
      return After({E::kAsked});
    case S::kBootstrapping:
      return After({E::kAsked, E::kProgress});
    case S::kUp:
      return After({E::kAsked, E::kConnected});
    case S::kSuspect:
      return After({E::kAsked, E::kConnected, E::kSilence});
    case S::kEnding:
      return After({E::kAsked, E::kConnected, E::kWireLost});
    case S::kWaiting:
      return After({E::kAsked, E::kFailed});
    case S::kBlocked:
      return After({E::kAsked, E::kFailedForGood});
  }
  return After({});
}

std::string Words(const LinkActions& actions) {
  std::vector<std::string> words;
  if (actions.cancel_retry) words.push_back("cancel retry");
  if (actions.arm_retry) words.push_back("arm retry");
  if (actions.begin_ending) words.push_back("begin ending");
  if (actions.start_attempt) words.push_back("start attempt");
  if (actions.probe_now) words.push_back("probe now");
  if (actions.report_progress) words.push_back("tell progress");
  if (actions.report_up) words.push_back("tell up");
  if (actions.report_down) words.push_back("tell down");
  return absl::StrJoin(words, ", ");
}

std::string WhatHappens(LinkMachine machine, LinkEvent event) {
  if (!machine.Possible(event)) return "never";
  const LinkState before = machine.state();
  const std::string words = Words(machine.Handle(event, kNow));
  if (machine.state() == before) return words.empty() ? "stays" : absl::StrCat("stays; ", words);
  const absl::string_view state = LinkStateName(machine.state());
  return words.empty() ? std::string(state) : absl::StrCat(state, "; ", words);
}

// Of a wanted link, and after " / " of an unwanted one where that differs.
std::string Line(LinkState state, LinkEvent event) {
  const LinkMachine machine = In(state);
  std::string wanted = WhatHappens(machine, event);
  LinkMachine let_go = machine;
  let_go.Handle(E::kUnwanted, kNow);
  if (let_go.state() == state) {
    const std::string unwanted = WhatHappens(let_go, event);
    if (unwanted != wanted) absl::StrAppend(&wanted, " / ", unwanted);
  }
  return absl::StrCat(LinkStateName(state), ", ", LinkEventName(event), ": ", wanted, "\n");
}

// What is not here cannot come.
constexpr absl::string_view kEveryStateAndEvent = R"(
down, asked: connecting; start attempt
down, unwanted: stays
down, proof of life: stays
down, woke up: stays

connecting, asked: stays
connecting, unwanted: stays
connecting, progress: bootstrapping; tell progress
connecting, connected: up; tell up
connecting, failed: waiting; arm retry, tell down / down; tell down
connecting, failed for good: blocked; tell down
connecting, proof of life: stays
connecting, woke up: stays

bootstrapping, asked: stays
bootstrapping, unwanted: stays
bootstrapping, progress: stays; tell progress
bootstrapping, connected: up; tell up
bootstrapping, failed: waiting; arm retry, tell down / down; tell down
bootstrapping, failed for good: blocked; tell down
bootstrapping, proof of life: stays
bootstrapping, woke up: stays

up, asked: stays
up, unwanted: stays
up, proof of life: stays
up, silence: suspect
up, wire lost: ending; begin ending
up, woke up: stays; probe now

suspect, asked: stays
suspect, unwanted: stays
suspect, proof of life: up
suspect, silence: stays
suspect, wire lost: ending; begin ending
suspect, woke up: stays; probe now

ending, asked: stays
ending, unwanted: stays
ending, failed: waiting; arm retry, tell down / down; tell down
ending, failed for good: blocked; tell down
ending, proof of life: stays
ending, woke up: stays

waiting, asked: connecting; cancel retry, start attempt
waiting, unwanted: down; cancel retry
waiting, proof of life: stays
waiting, retry due: connecting; start attempt
waiting, woke up: connecting; cancel retry, start attempt

blocked, asked: connecting; start attempt
blocked, unwanted: stays
blocked, proof of life: stays
blocked, woke up: stays
)";

TEST(LinkMachineTest, EveryEventInEveryStateDoesWhatTheTableSays) {
  std::string all;
  for (const LinkState state : AllStates()) {
    absl::StrAppend(&all, "\n");
    for (const LinkEvent event : AllEvents()) {
      if (In(state).Possible(event)) absl::StrAppend(&all, Line(state, event));
    }
  }
  EXPECT_EQ(all, kEveryStateAndEvent);
}

TEST(LinkMachineTest, AnEventThatCannotComeEndsTheProcess) {
  LinkMachine machine(kSeed);
  EXPECT_DEATH(machine.Handle(E::kWireLost, kNow), "a link that is down hears \"wire lost\"");
}

TEST(LinkMachineTest, WaitsGrowToThirtySecondsAndNeverEnd) {
  LinkMachine machine = After({E::kAsked});
  absl::Duration now = kNow, limit = Backoff::Limits().first, longest;
  for (int attempt = 0; attempt < 1000; ++attempt) {
    machine.Fail(v1::FAILURE_UNREACHABLE, now);
    ASSERT_EQ(machine.state(), S::kWaiting);
    EXPECT_GE(machine.retry_at(), now);
    EXPECT_LE(machine.retry_at(), now + limit) << "attempt " << attempt;
    longest = std::max(longest, machine.retry_at() - now);
    limit = std::min(2 * limit, Backoff::Limits().longest);
    now = machine.retry_at();
    machine.Handle(E::kRetryDue, now);
    ASSERT_EQ(machine.state(), S::kConnecting);
  }
  EXPECT_GT(longest, absl::Seconds(29));
}

TEST(LinkMachineTest, WaitsAreJitteredOverTheirWholeLength) {
  std::vector<double> shares;
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    LinkMachine machine(seed);
    machine.Handle(E::kAsked, kNow);
    machine.Handle(E::kFailed, kNow);
    shares.push_back(absl::FDivDuration(machine.retry_at() - kNow, Backoff::Limits().first));
  }
  std::sort(shares.begin(), shares.end());
  EXPECT_LT(shares[100], 0.2);
  EXPECT_GT(shares[900], 0.8);
}

// How long the next wait can be at most, after `failures` attempts have failed.
absl::Duration LongestWaitAfterALoss(int failures, absl::Duration up_for) {
  absl::Duration longest;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    LinkMachine machine(seed);
    machine.Handle(E::kAsked, kNow);
    for (int i = 0; i < failures; ++i) {
      machine.Handle(E::kFailed, kNow);
      machine.Handle(E::kRetryDue, machine.retry_at());
    }
    machine.Handle(E::kConnected, kNow);
    machine.Handle(E::kWireLost, kNow + up_for);
    machine.Handle(E::kFailed, kNow + up_for);
    longest = std::max(longest, machine.retry_at() - (kNow + up_for));
  }
  return longest;
}

TEST(LinkMachineTest, ALinkThatWasUpForAWhileIsTriedAgainSoon) {
  EXPECT_LE(LongestWaitAfterALoss(10, LinkMachine::kSteady), Backoff::Limits().first);
}

TEST(LinkMachineTest, ALinkThatIsLostAtOnceGoesOnWaitingLonger) {
  EXPECT_GT(LongestWaitAfterALoss(10, LinkMachine::kSteady - absl::Nanoseconds(1)),
            absl::Seconds(25));
}

TEST(LinkMachineTest, AskedForWhileItEndsItTriesAgainWithoutAWait) {
  for (const LinkEvent end : {E::kFailed, E::kFailedForGood}) {
    LinkMachine machine = After({E::kAsked, E::kConnected, E::kWireLost, E::kAsked});
    EXPECT_EQ(Words(machine.Handle(end, kNow)), "arm retry, tell down");
    EXPECT_EQ(machine.state(), S::kWaiting);
    EXPECT_EQ(machine.retry_at(), kNow);
  }
}

TEST(LinkMachineTest, NotWantedAnyMoreWhileItEndsItStaysDown) {
  LinkMachine machine = After({E::kAsked, E::kConnected, E::kWireLost, E::kAsked, E::kUnwanted});
  EXPECT_EQ(Words(machine.Handle(E::kFailed, kNow)), "tell down");
  EXPECT_EQ(machine.state(), S::kDown);
}

TEST(LinkMachineTest, WhatALossOfAnUnwantedLinkMeansIsTheNextOnesToFind) {
  LinkMachine machine = After({E::kAsked, E::kConnected, E::kUnwanted, E::kWireLost, E::kFailed});
  EXPECT_EQ(machine.state(), S::kDown);
  EXPECT_EQ(machine.losses(), 1u);
  EXPECT_EQ(Words(machine.Handle(E::kAsked, kNow)), "start attempt");
}

TEST(LinkMachineTest, BlockedStaysSoUntilAskedAnew) {
  LinkMachine machine = After({E::kAsked});
  EXPECT_EQ(Words(machine.Fail(v1::FAILURE_AUTH, kNow)), "tell down");
  ASSERT_EQ(machine.state(), S::kBlocked);
  EXPECT_EQ(Words(machine.Handle(E::kWokeUp, kNow)), "");
  EXPECT_EQ(Words(machine.Handle(E::kUnwanted, kNow)), "");
  EXPECT_EQ(machine.state(), S::kBlocked);
  EXPECT_EQ(Words(machine.Handle(E::kAsked, kNow)), "start attempt");
}

TEST(RetryTest, OnlyWhatTimeCanMendIsTriedAgain) {
  std::vector<std::string> retried;
  for (int kind = v1::FAILURE_UNSPECIFIED + 1; kind <= v1::FailureKind_MAX; ++kind) {
    EXPECT_FALSE(WhyRetryMendsOrNot(static_cast<FailureKind>(kind)).empty());
    if (RetryMends(static_cast<FailureKind>(kind))) {
      retried.push_back(std::string(KindName(static_cast<FailureKind>(kind))));
    }
  }
  EXPECT_EQ(absl::StrJoin(retried, " "),
            "unreachable dropped timeout cancelled busy_limit ambiguous internal");
}

TEST(RetryTest, AKindOfANewerHostIsTriedAgain) {
  EXPECT_TRUE(RetryMends(static_cast<FailureKind>(v1::FailureKind_MAX + 1)));
}

// What surrounds a link: does what the machine asks for, lets random things happen, and looks
// whether the machine asks for anything that cannot be.
class World {
 public:
  explicit World(uint64_t seed) : random_(seed), machine_(seed) {}

  void Happen(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      now_ += absl::Milliseconds(random_() % 20000);
      Do(Next());
      Check();
    }
  }

  // While wanted, with a host that answers and nothing else to happen, it is up in time.
  void ComesUp() {
    Do(E::kAsked);
    for (int i = 0; i < 10 && machine_.state() != S::kUp; ++i) {
      if (ending_) Do(E::kFailed);
      if (timer_) Do(E::kRetryDue);
      if (attempt_) Do(E::kConnected);
      if (machine_.state() == S::kSuspect) Do(E::kProofOfLife);
    }
    EXPECT_EQ(machine_.state(), S::kUp) << LinkStateName(machine_.state());
  }

 private:
  LinkEvent Next() {
    std::vector<LinkEvent> can = {E::kAsked, E::kProofOfLife, E::kWokeUp};
    if (machine_.wanted()) can.push_back(E::kUnwanted);
    if (attempt_) can.insert(can.end(), {E::kProgress, E::kConnected, E::kFailed});
    if (ending_) can.insert(can.end(), {E::kFailed, E::kFailed, E::kFailedForGood});
    if (attempt_) can.push_back(E::kFailedForGood);
    if (wire_) can.insert(can.end(), {E::kSilence, E::kWireLost});
    if (timer_) can.insert(can.end(), {E::kRetryDue, E::kRetryDue});
    return can[random_() % can.size()];
  }

  void Do(LinkEvent event) {
    const bool was_blocked = machine_.state() == S::kBlocked;
    if (event == E::kConnected ||
        ((event == E::kFailed || event == E::kFailedForGood) && attempt_)) {
      attempt_ = false;
      wire_ = event == E::kConnected;
    } else if (event == E::kFailed || event == E::kFailedForGood) {
      ending_ = false;
    }
    if (event == E::kRetryDue) timer_ = false;
    if (event == E::kWireLost) ++losses_;
    const LinkActions actions = machine_.Handle(event, now_);
    if (actions.cancel_retry) {
      EXPECT_TRUE(timer_);
      timer_ = false;
    }
    if (actions.arm_retry) {
      EXPECT_FALSE(timer_);
      EXPECT_LE(machine_.retry_at() - now_, Backoff::Limits().longest);
      timer_ = true;
    }
    if (actions.begin_ending) {
      EXPECT_TRUE(wire_);
      wire_ = false;
      ending_ = true;
    }
    if (actions.start_attempt) {
      EXPECT_FALSE(attempt_ || wire_ || ending_) << "two at once";
      EXPECT_TRUE(!was_blocked || event == E::kAsked);
      attempt_ = true;
    }
    EXPECT_TRUE(!actions.probe_now || wire_);
    if (actions.report_up) {
      EXPECT_FALSE(told_up_) << "up after up";
      told_up_ = true;
    }
    if (actions.report_down) told_up_ = false;
    // Nobody is told from inside a call of theirs.
    if (event == E::kAsked || event == E::kUnwanted) {
      EXPECT_FALSE(actions.report_up || actions.report_down || actions.report_progress);
    }
  }

  void Check() {
    EXPECT_EQ(attempt_, machine_.attempting());
    EXPECT_EQ(wire_, machine_.up());
    EXPECT_EQ(ending_, machine_.state() == S::kEnding);
    EXPECT_EQ(timer_, machine_.state() == S::kWaiting);
    EXPECT_TRUE(!timer_ || machine_.wanted()) << "waits for nobody";
    EXPECT_TRUE(!wire_ || told_up_);
    EXPECT_EQ(told_up_, wire_ || ending_);
    EXPECT_FALSE(machine_.wanted() && machine_.state() == S::kDown) << "gave up";
    EXPECT_EQ(machine_.losses(), losses_);
  }

  std::mt19937_64 random_;
  LinkMachine machine_;
  absl::Duration now_;
  bool attempt_ = false;
  bool wire_ = false;
  bool ending_ = false;
  bool timer_ = false;
  bool told_up_ = false;
  uint64_t losses_ = 0;
};

TEST(LinkMachineTest, WhateverHappensInWhateverOrderItKeepsItsPromises) {
  const uint64_t first = std::random_device()();
  const absl::Time began = absl::Now();
  constexpr int kSchedules = 3000;
  for (uint64_t seed = first; seed < first + kSchedules; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    World world(seed);
    world.Happen(100);
    if (!HasFailure()) world.ComesUp();
    if (HasFailure()) return;
  }
  std::printf("seeds from %lu: %.0f schedules of 100 events a second\n",
              static_cast<unsigned long>(first),
              kSchedules / absl::ToDoubleSeconds(absl::Now() - began));
}

}  // namespace
}  // namespace iris
