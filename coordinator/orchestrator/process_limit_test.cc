// settings.maxProcesses: who gets a process, who waits for one, and who gives one up.

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "common/failure/failure.h"
#include "coordinator/orchestrator/orchestrator_fixture.h"
#include "coordinator/transport/host_away.h"

namespace iris {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

// Teams a, b, c and d, two processes, and tells that are answered when the test says so.
class ProcessLimitTest : public OrchestratorTest {
 protected:
  ProcessLimitTest() {
    file_.settings.max_processes = 2;
    file_.teams.clear();
    for (const char* name : {"a", "b", "c", "d"}) {
      file_.teams.push_back({.name = name, .path = "/p"});
    }
    Start(HoldScript);
  }

  // Tells `team` something; the tell's number, counted from 0.
  size_t Send(const std::string& team) {
    tells_.emplace_back();
    tells_.back().spec = {.tell_id = NewUuid(), .from = "cli", .to = team, .text = "x"};
    EXPECT_TRUE(Tell(tells_.back().spec, tells_.back().recorder).ok());
    Drain();
    return tells_.size() - 1;
  }
  void Finish(size_t tell) {
    OnLoop([&] { Transport(tell).Settle(tells_[tell].spec.tell_id, absl::OkStatus()); });
    Drain();
  }
  void Answer(const std::string& team) { Finish(Send(team)); }
  // The child has it.
  bool Works(size_t tell) {
    bool works = false;
    OnLoop([&] {
      const std::deque<std::string>& open = Transport(tell).open_tells();
      works = std::find(open.begin(), open.end(), tells_[tell].spec.tell_id) != open.end();
    });
    return works;
  }
  const std::vector<std::string>& Texts(size_t tell) { return tells_[tell].recorder.texts; }

  FakeTransport& Transport(size_t tell) { return factory_->Between("cli", tells_[tell].spec.to); }
  // The teams whose sessions have a process, by their name.
  std::vector<std::string> Running() {
    std::vector<std::string> running;
    OnLoop([&] {
      for (const Team& team : file_.teams) {
        if (factory_->made("cli", team.name) && factory_->Between("cli", team.name).ready()) {
          running.push_back(team.name);
        }
      }
    });
    return running;
  }
  v1::SessionStatus::State StateOf(const std::string& team) {
    v1::SessionStatus::State state = v1::SessionStatus::STATE_UNSPECIFIED;
    OnLoop([&] {
      const std::vector<v1::SessionStatus> sessions = *StatusOf(*orchestrator_);
      for (const v1::SessionStatus& session : sessions) {
        if (session.to() == team) state = session.state();
      }
    });
    return state;
  }
  int most_running() { return factory_->hosts().most_running; }

  struct Sent {
    TellSpec spec;
    Recorder recorder;
  };
  std::deque<Sent> tells_;
};

TEST_F(ProcessLimitTest, TheSessionUsedLongestAgoMakesRoomForOneMore) {
  Answer("a");
  Answer("b");
  Answer("a");
  const size_t c = Send("c");

  EXPECT_TRUE(Works(c));
  EXPECT_THAT(Running(), ElementsAre("a", "c"));
  EXPECT_EQ(StateOf("b"), v1::SessionStatus::STOPPED);
  EXPECT_EQ(most_running(), 2);
}

TEST_F(ProcessLimitTest, HoweverTheyTakeTurnsTheTwoUsedLastRun) {
  std::string before = "a";
  for (const char* team : {"a", "b", "c", "b", "d", "a", "d", "c", "a", "b", "c", "d", "b", "a"}) {
    Answer(team);
    EXPECT_THAT(Running(), testing::IsSubsetOf({before, std::string(team)})) << tells_.size();
    before = team;
  }
  EXPECT_EQ(Running().size(), 2u);
  EXPECT_EQ(most_running(), 2);
}

TEST_F(ProcessLimitTest, ABusySessionIsNeverPutToSleepHoweverLongAgoItBegan) {
  const size_t a = Send("a");
  Answer("b");
  const size_t c = Send("c");

  EXPECT_TRUE(Works(a));
  EXPECT_TRUE(Works(c));
  EXPECT_THAT(Running(), ElementsAre("a", "c"));
  EXPECT_EQ(tells_[a].recorder.times_settled, 0);
}

TEST_F(ProcessLimitTest, WhereAllAreBusyTheTellWaitsForEverybodyToSee) {
  const size_t a = Send("a");
  Send("b");
  const size_t first = Send("c"), second = Send("c");

  EXPECT_FALSE(Works(first));
  EXPECT_THAT(Texts(first), ElementsAre("waiting for a free process (2 of 2 busy)"));
  EXPECT_THAT(Texts(second), Contains("waiting behind 1 message"));
  EXPECT_EQ(StateOf("c"), v1::SessionStatus::WAITING);
  EXPECT_EQ(StateOf("b"), v1::SessionStatus::BUSY);

  Finish(a);
  EXPECT_TRUE(Works(first));
  EXPECT_EQ(StateOf("c"), v1::SessionStatus::BUSY);
  EXPECT_THAT(Running(), ElementsAre("b", "c"));
  EXPECT_EQ(most_running(), 2);
}

TEST_F(ProcessLimitTest, AFreeProcessGoesToTheSessionThatWaitsLongest) {
  const size_t a = Send("a"), b = Send("b"), c = Send("c"), d = Send("d");
  const size_t more_of_c = Send("c");

  Finish(b);
  EXPECT_TRUE(Works(c));
  EXPECT_FALSE(Works(d));
  Finish(a);
  EXPECT_TRUE(Works(d));
  EXPECT_FALSE(Works(more_of_c));
  EXPECT_EQ(most_running(), 2);
}

TEST_F(ProcessLimitTest, ASessionWithMoreToDoGivesWayToTheLineBetweenTwoTells) {
  const size_t first = Send("a"), second = Send("a");
  Send("b");
  const size_t c = Send("c");

  Finish(first);
  EXPECT_TRUE(Works(c));
  EXPECT_FALSE(Works(second));
  EXPECT_EQ(StateOf("a"), v1::SessionStatus::WAITING);
  Finish(c);
  EXPECT_TRUE(Works(second));
  EXPECT_EQ(most_running(), 2);
}

TEST_F(ProcessLimitTest, ASessionThatWentDownByItselfMakesRoom) {
  const size_t a = Send("a");
  Answer("b");
  OnLoop([&] { Transport(1).GoDown(MakeFailure(v1::FAILURE_CHILD_EXITED, "was idle")); });
  const size_t c = Send("c"), d = Send("d");
  EXPECT_TRUE(Works(c));
  EXPECT_FALSE(Works(d));

  // Mid-tell as well, and behind a link that is lost.
  OnLoop([&] { Transport(a).GoDown(MakeFailure(v1::FAILURE_DROPPED, "ssh ended")); });
  Drain();
  EXPECT_EQ(KindOf(tells_[a].recorder.Wait().status), v1::FAILURE_DROPPED);
  EXPECT_TRUE(Works(d));
  EXPECT_EQ(StateOf("a"), v1::SessionStatus::UNVERIFIABLE);
}

TEST_F(ProcessLimitTest, AStartThatFailsMakesRoom) {
  OnLoop([&] { factory_->hosts().start = MakeFailure(v1::FAILURE_CLAUDE_MISSING, "none there"); });
  for (const char* team : {"a", "b", "c"}) {
    EXPECT_EQ(KindOf(tells_[Send(team)].recorder.Wait().status), v1::FAILURE_CLAUDE_MISSING);
  }
}

TEST_F(ProcessLimitTest, ASessionThatIsOnItsWayDownComesBackInItsTurn) {
  Answer("a");
  Answer("b");
  // In one go: c's tell puts a to sleep, and something is sent to a before it is gone.
  std::vector<size_t> sent;
  for (const char* team : {"c", "a"}) {
    sent.push_back(tells_.size());
    tells_.emplace_back().spec = {.tell_id = NewUuid(), .from = "cli", .to = team, .text = "x"};
  }
  OnLoop([&] {
    for (size_t tell : sent) {
      ASSERT_TRUE(orchestrator_->Tell(tells_[tell].spec, &tells_[tell].recorder).ok());
    }
  });
  Drain();
  Drain();
  EXPECT_TRUE(Works(sent[0]));
  EXPECT_TRUE(Works(sent[1]));
  EXPECT_THAT(Running(), ElementsAre("a", "c"));
  EXPECT_EQ(most_running(), 2);
}

TEST_F(ProcessLimitTest, ALowerLimitPutsTheIdleOnesToSleepAndAHigherOneLetsTheLineIn) {
  Answer("a");
  Answer("b");
  file_.settings.max_processes = 1;
  SaveConfig();
  const size_t b = Send("b");
  EXPECT_TRUE(Works(b));
  EXPECT_THAT(Running(), ElementsAre("b"));

  const size_t c = Send("c"), d = Send("d");
  EXPECT_FALSE(Works(c));
  file_.settings.max_processes = 3;
  SaveConfig();
  Send("b");  // Whoever comes next brings the new setting with it.
  EXPECT_TRUE(Works(c));
  EXPECT_TRUE(Works(d));
}

TEST_F(ProcessLimitTest, AMessageOnAHostThatIsAwayLeavesItsProcessToOthersUntilTheHostIsBack) {
  const size_t a = Send("a"), b = Send("b"), c = Send("c");
  EXPECT_FALSE(Works(c));
  OnLoop([&] {
    Transport(a).BeAway({.why = MakeFailure(v1::FAILURE_UNREACHABLE, "no route"),
                         .retries = true,
                         .host_is_known = true});
  });
  Drain();
  EXPECT_TRUE(Works(c));
  EXPECT_TRUE(Works(a)) << "its host has it";

  OnLoop([&] { Transport(a).BeBack(); });
  const size_t d = Send("d");
  Finish(b);
  Drain();
  EXPECT_FALSE(Works(d)) << "those of before are two again";
  Finish(c);
  Drain();
  EXPECT_TRUE(Works(d));
  EXPECT_EQ(tells_[a].recorder.times_settled, 0);
}

TEST_F(ProcessLimitTest, WhoLeavesTheCoordinatorLeavesTheLineToo) {
  Send("a");
  Send("b");
  const size_t c = Send("c");
  OnLoop([&] { EXPECT_TRUE(orchestrator_->SettleOpen().ok()); });
  EXPECT_EQ(KindOf(tells_[c].recorder.Wait().status), v1::FAILURE_CANCELLED);
  Drain();
  OnLoop([&] {
    EXPECT_EQ(factory_->hosts().running, 0);
    EXPECT_EQ(factory_->hosts().most_running, 2);
  });
}

}  // namespace
}  // namespace iris
