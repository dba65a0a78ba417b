// What the next agent makes of what an earlier one left. (Killed agents: agent/app.)

#include <signal.h>
#include <sys/wait.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "agent/process/life_lock.h"
#include "agent/session/claim.h"
#include "agent/session/session.h"
#include "agent/session/session_files.h"
#include "agent/session/session_fixture.h"
#include "agent/testing/held_work.h"
#include "agent/testing/processes.h"
#include "common/base/ids.h"
#include "common/base/scoped_fd.h"
#include "common/failure/failure.h"
#include "common/process/spawn.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

class SessionRecoveryTest : public SessionFixture {
 protected:
  // A tell that this session has answered, by its transcript.
  std::string Answered(const std::string& text) {
    EXPECT_TRUE(Open().ok());
    const std::string id = Tell(text);
    EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_UNSPECIFIED);
    Close();
    return id;
  }
  // As an agent leaves it that was killed while claude had the tell.
  void Leave(SessionFiles& files, const std::string& written) {
    v1::Event event;
    event.mutable_written()->set_tell_id(written);
    files.journal().Append(std::move(event));
    files.tells().Set(written, v1::TellState::WRITTEN);
    ASSERT_TRUE(files.SaveLaunch(spec).ok());
  }
  // A child of that agent. `pid` runs, or has run.
  void LeaveChild(SessionFiles& files, pid_t pid, const std::string& boot_id,
                  const std::string& pid_namespace) {
    saved::State state = files.state();
    state.mutable_child()->set_keeper(pid);
    state.mutable_child()->set_keeper_start_time(ProcessStartTime(pid));
    state.mutable_child()->set_boot_id(boot_id);
    state.mutable_child()->set_pid_namespace(pid_namespace);
    ASSERT_TRUE(files.SaveState(state).ok());
  }
  // One of which nothing can be seen, and that holds the session's lock if anything of it runs.
  void LeaveChildElsewhere(SessionFiles& files, const std::string& claim = "") {
    LeaveChild(files, 4'000'000, context.boot_id, "pid:[2]");
    saved::State state = files.state();
    state.mutable_child()->set_life_lock(true);
    state.mutable_child()->set_claim(claim);
    ASSERT_TRUE(files.SaveState(state).ok());
  }
  pid_t StartSleeper() {
    const absl::StatusOr<pid_t> pid = Spawn({.argv = {"/bin/sleep", "600"}, .env = {}, .cwd = "/"});
    EXPECT_TRUE(pid.ok());
    return *pid;
  }
  // Unless the session did: it is a child of this process, as after an upgrade that lost its state.
  void Reap(pid_t pid) { EXPECT_TRUE(waitpid(pid, nullptr, 0) == pid || errno == ECHILD); }
  void Repeat(const std::string& id, const std::string& text) {
    Do([&](Session& session) { EXPECT_TRUE(session.Tell(id, text, /*repeat=*/true).ok()); });
  }
  // Its sender has read that claude had it.
  void RepeatBegun(const std::string& id, const std::string& text) {
    Do([&](Session& session) {
      EXPECT_TRUE(session.Tell(id, text, /*repeat=*/true, /*begun=*/true).ok());
    });
  }
  size_t CountOfSettled(const std::string& id) {
    size_t count = 0;
    for (const v1::Event& event : events()) count += event.settled().tell_id() == id ? 1 : 0;
    return count;
  }
};

TEST_F(SessionRecoveryTest, AnUnknownTellThatMayHaveBeenSentIsLookedUpFirst) {
  const std::string id = Answered("SUM x");
  std::filesystem::remove_all(scratch.File("session"));
  const size_t before = events().size();
  NextAgent([&](SessionFiles& files) { ASSERT_TRUE(files.SaveLaunch(spec).ok()); });

  Repeat(id, "SUM x");
  ASSERT_TRUE(Eventually([&] { return CountOfSettled(id) == 2; }));  // Once by either journal.
  EXPECT_EQ(Info().state(), v1::SESSION_NO_CHILD);                   // No claude was needed.
  EXPECT_THAT(output(before), HasSubstr(StubChecksum("x")));
  EXPECT_EQ(CountOf(v1::Event::kGap), 1u);
  EXPECT_EQ(Ask("COUNT"), "2");
}

// Of what was not synced, a loss of power may take the one and leave the other.
TEST_F(SessionRecoveryTest, ASettledTellWhoseOutcomeTheJournalLostIsToldAnewAndNotRun) {
  const std::string id = Answered("SUM x");
  for (const auto& entry : std::filesystem::directory_iterator(scratch.File("session"))) {
    const std::string name = entry.path().filename().string();
    if (name == "mark" || entry.path().extension() == ".seg") std::filesystem::remove(entry.path());
  }
  const size_t before = events().size();
  NextAgent([](SessionFiles&) {});
  Repeat(id, "SUM x");
  ASSERT_TRUE(Eventually([&] { return CountOfSettled(id) == 2; }));  // Once by either journal.
  EXPECT_THAT(output(before), HasSubstr(StubChecksum("x")));
  EXPECT_EQ(Ask("COUNT"), "2");
}

// As a coordinator does whose store was put back from a copy.
TEST_F(SessionRecoveryTest, AnAcknowledgedOutcomeIsToldAnewToWhoSendsTheTellAgain) {
  const std::string id = Answered("SUM x");
  size_t settled = 1;
  for (const bool repeat : {true, false}) {
    const size_t before = events().size();
    Do([&](Session& session) {
      session.Acknowledge(session.journal().newest_seq());
      EXPECT_TRUE(session.Tell(id, "SUM x", repeat).ok());
    });
    ++settled;
    ASSERT_TRUE(Eventually([&] { return CountOfSettled(id) == settled; }));
    EXPECT_THAT(output(before), HasSubstr(StubChecksum("x")));
  }
  EXPECT_EQ(Ask("COUNT"), "2");
}

// One that was never written, for example: whether it was to run nobody knows any more.
TEST_F(SessionRecoveryTest, ASettledTellOfWhichNothingIsKnownIsAmbiguousAndNotRun) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("COUNT"), "1");
  const std::string id = NewUuid();
  Do([&](Session& session) {
    session.CancelTell(id, [](const absl::StatusOr<v1::TellState::Phase>&) {});
    session.Acknowledge(session.journal().newest_seq());
    EXPECT_TRUE(session.Tell(id, "COUNT", /*repeat=*/true).ok());
  });
  ASSERT_TRUE(Eventually([&] { return CountOfSettled(id) == 2; }));
  EXPECT_EQ(events().back().settled().failure().kind(), v1::FAILURE_AMBIGUOUS);
  EXPECT_EQ(Ask("COUNT"), "2");
}

TEST_F(SessionRecoveryTest, ATellThatOnlySeemsToBeWaitingIsLookedUpFirst) {
  const std::string id = Answered("SUM x");
  std::filesystem::remove_all(scratch.File("session"));
  NextAgent([&](SessionFiles& files) {
    ASSERT_TRUE(files.SaveLaunch(spec).ok());
    files.tells().Set(id, v1::TellState::ACCEPTED);
  });
  Repeat(id, "SUM x");
  ASSERT_TRUE(Eventually([&] { return CountOfSettled(id) == 2; }));
  EXPECT_EQ(Ask("COUNT"), "2");
}

TEST_F(SessionRecoveryTest, ATellThatClaudeNeverSawRunsWhenItsTextComesAgain) {
  const std::string id = NewUuid();
  NextAgent([&](SessionFiles& files) { Leave(files, id); });
  EXPECT_EQ(Info().state(), v1::SESSION_NO_CHILD);
  EXPECT_EQ(Info().tells_waiting(), 1u);
  Repeat(id, "COUNT");
  EXPECT_EQ(Answer(id), "1");
  EXPECT_EQ(CountOf(v1::Event::kGap), 0u);
  EXPECT_EQ(CountOfSettled(id), 1u);
}

TEST_F(SessionRecoveryTest, WhatItsSenderSawBeginAndNobodyHereKnowsIsAmbiguousAndNotRun) {
  const std::string unknown = NewUuid(), accepted = NewUuid(), written = NewUuid();
  NextAgent([&](SessionFiles& files) {  // As a copy of these files has them, made before it began.
    Leave(files, written);
    files.tells().Set(accepted, v1::TellState::ACCEPTED);
  });
  for (const std::string& id : {unknown, accepted, written}) {
    RepeatBegun(id, "COUNT");
    EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_AMBIGUOUS) << Outcome(id).detail();
    RepeatBegun(id, "COUNT");
    EXPECT_EQ(CountOfSettled(id), 1u);
  }
  EXPECT_EQ(Ask("COUNT"), "1");
}

TEST_F(SessionRecoveryTest, WhatItsSenderSawBeginIsAnsweredByTheTranscriptThatHasIt) {
  const std::string id = Answered("SUM x");
  std::filesystem::remove_all(scratch.File("session"));
  const size_t before = events().size();
  NextAgent([&](SessionFiles& files) { ASSERT_TRUE(files.SaveLaunch(spec).ok()); });
  RepeatBegun(id, "SUM x");
  ASSERT_TRUE(Eventually([&] { return CountOfSettled(id) == 2; }));  // Once by either journal.
  EXPECT_EQ(events().back().settled().failure().kind(), v1::FAILURE_UNSPECIFIED);
  EXPECT_THAT(output(before), HasSubstr(StubChecksum("x")));
  EXPECT_EQ(Ask("COUNT"), "2");
}

// Its line would be written once more when the survivor is gone.
TEST_F(SessionRecoveryTest, WhatItsSenderSawBeginIsNotRunBehindASurvivorEither) {
  const pid_t survivor = StartSleeper();
  const std::string id = NewUuid();
  NextAgent([&](SessionFiles& files) {
    Leave(files, id);
    LeaveChild(files, survivor, context.boot_id, context.pid_namespace);
  });
  RepeatBegun(id, "COUNT");
  kill(survivor, SIGKILL);
  EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_AMBIGUOUS);
  Reap(survivor);
  EXPECT_EQ(Ask("COUNT"), "1");
}

TEST_F(SessionRecoveryTest, ATellThatWasHeardAndThatNoTranscriptHasIsAmbiguousAndNotRun) {
  const std::string id = NewUuid();
  NextAgent([&](SessionFiles& files) {
    Leave(files, id);
    v1::Event said;
    said.mutable_output()->set_bytes(
        R"({"type":"assistant","message":{"content":[{"type":"text","text":"begun"}]}})");
    files.journal().Append(std::move(said));
  });
  EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_AMBIGUOUS);
  EXPECT_EQ(CountOf(v1::Event::kGap), 0u);  // The text that is there counts.
  EXPECT_THAT(output(), HasSubstr("begun"));
  Repeat(id, "COUNT");
  EXPECT_EQ(Ask("COUNT"), "1");
  EXPECT_EQ(CountOfSettled(id), 1u);
}

TEST_F(SessionRecoveryTest, WhatWasHeardBeforeATellWasWrittenSaysNothingOfIt) {
  Answered("SUM x");
  const std::string id = NewUuid();
  NextAgent([&](SessionFiles& files) { Leave(files, id); });
  Repeat(id, "COUNT");
  EXPECT_EQ(Answer(id), "2");
}

TEST_F(SessionRecoveryTest, ANewTellDoesNotWaitForOneWhoseTextDoesNotCome) {
  NextAgent([&](SessionFiles& files) { Leave(files, NewUuid()); });
  EXPECT_EQ(Ask("COUNT"), "1");
}

TEST_F(SessionRecoveryTest, ATextThatComesWhileTheSurvivorRunsIsKept) {
  const pid_t survivor = StartSleeper();
  const std::string id = NewUuid();
  NextAgent([&](SessionFiles& files) {
    Leave(files, id);
    LeaveChild(files, survivor, context.boot_id, context.pid_namespace);
  });
  EXPECT_EQ(Info().state(), v1::SESSION_DRAINING);
  EXPECT_EQ(Info().stall().kind(), v1::Stall::DRAINING);
  Repeat(id, "COUNT");
  EXPECT_EQ(Info().state(), v1::SESSION_DRAINING);
  kill(survivor, SIGKILL);
  EXPECT_EQ(Answer(id), "1");
  Reap(survivor);
}

TEST_F(SessionRecoveryTest, CancellingALostTellEndsItsSurvivorAndSettlesItOnce) {
  const pid_t survivor = StartSleeper();
  const std::string id = NewUuid();
  NextAgent([&](SessionFiles& files) {
    Leave(files, id);
    LeaveChild(files, survivor, context.boot_id, context.pid_namespace);
  });
  Do([&](Session& session) {
    session.CancelTell(id, [](const absl::StatusOr<v1::TellState::Phase>& before) {
      EXPECT_EQ(*before, v1::TellState::WRITTEN);
    });
  });
  Reap(survivor);
  EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_CANCELLED);
  Repeat(id, "COUNT");
  EXPECT_EQ(Ask("COUNT"), "1");
  EXPECT_EQ(CountOfSettled(id), 1u);
}

TEST_F(SessionRecoveryTest, ASurvivorThatDoesNotEndIsEnded) {
  context.drain_max = absl::Milliseconds(50);
  const pid_t survivor = StartSleeper();
  NextAgent([&](SessionFiles& files) {
    LeaveChild(files, survivor, context.boot_id, context.pid_namespace);
  });
  Reap(survivor);
  EXPECT_TRUE(Eventually([this] { return Info().state() == v1::SESSION_NO_CHILD; }));
}

TEST_F(SessionRecoveryTest, AfterAnotherBootThereIsNoSurvivor) {
  const pid_t other = StartSleeper();
  NextAgent([&](SessionFiles& files) {
    LeaveChild(files, other, "an earlier boot", context.pid_namespace);
  });
  EXPECT_EQ(Info().state(), v1::SESSION_NO_CHILD);
  EXPECT_TRUE(Exists(other));  // The same pid is somebody else.
  kill(other, SIGKILL);
  Reap(other);
}

TEST_F(SessionRecoveryTest, WhatRanInAnotherPidNamespaceIsWaitedForButNotForEver) {
  context.drain_max = absl::Seconds(1);
  NextAgent([&](SessionFiles& files) { LeaveChild(files, 4'000'000, context.boot_id, "pid:[2]"); });
  EXPECT_EQ(Info().state(), v1::SESSION_DRAINING);
  EXPECT_THAT(Info().stall().detail(), HasSubstr("nothing says whether it still does"));
  EXPECT_TRUE(Eventually([this] { return Info().state() == v1::SESSION_NO_CHILD; }));
}

TEST_F(SessionRecoveryTest, AChildHoldsTheLockOfItsSession) {
  const std::string lock = scratch.File("session") + "/running";
  ASSERT_TRUE(Open().ok());
  EXPECT_FALSE(IsLifeOver(lock));
  Close();
  EXPECT_TRUE(IsLifeOver(lock));
}

// As in a container that was started again.
TEST_F(SessionRecoveryTest, WhatRanInAnotherPidNamespaceAndHoldsItsLockNoMoreIsNotWaitedFor) {
  const std::string claimed = ClaimPath(home + "/.claude", session_id);
  Claim left = OurClaim(context, {.pid = 4'000'000, .start_time = 0});
  left.pid_namespace = "pid:[2]";
  ASSERT_TRUE(TakeClaim(claimed, left, /*takeover=*/false).ok());
  NextAgent([&](SessionFiles& files) {
    LeaveChildElsewhere(files, claimed);
    EXPECT_TRUE(HoldLifeLock(files.life_path()).valid());  // And lets go of it.
  });
  EXPECT_EQ(Info().state(), v1::SESSION_NO_CHILD);
  EXPECT_FALSE(std::filesystem::exists(claimed));
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("COUNT"), "1");
}

TEST_F(SessionRecoveryTest, WhatRunsInAnotherPidNamespaceIsWaitedForUntilItIsGone) {
  ScopedFd held;
  NextAgent([&](SessionFiles& files) {
    LeaveChildElsewhere(files);
    held = HoldLifeLock(files.life_path());
  });
  EXPECT_EQ(Info().state(), v1::SESSION_DRAINING);
  EXPECT_THAT(Info().stall().detail(), HasSubstr("seems to run in another container"));
  held.Reset();
  EXPECT_TRUE(Eventually([this] { return Info().state() == v1::SESSION_NO_CHILD; }));
}

TEST_F(SessionRecoveryTest, ALockThatIsNotThereSaysNothing) {
  context.drain_max = absl::Seconds(1);
  NextAgent([&](SessionFiles& files) { LeaveChildElsewhere(files); });
  EXPECT_EQ(Info().state(), v1::SESSION_DRAINING);
  EXPECT_TRUE(Eventually([this] { return Info().state() == v1::SESSION_NO_CHILD; }));
}

TEST_F(SessionRecoveryTest, ALockOnANetworkFileSystemSaysNothing) {
  context.drain_max = absl::Seconds(1);
  context.sessions_on_network = true;
  NextAgent([&](SessionFiles& files) {
    LeaveChildElsewhere(files);
    EXPECT_TRUE(HoldLifeLock(files.life_path()).valid());  // And lets go of it.
  });
  EXPECT_EQ(Info().state(), v1::SESSION_DRAINING);
  EXPECT_TRUE(Eventually([this] { return Info().state() == v1::SESSION_NO_CHILD; }));
}

TEST_F(SessionRecoveryTest, WhatWasSettledIsNeverRunAgain) {
  const std::string id = Answered("SUM x");
  NextAgent([](SessionFiles&) {});
  Repeat(id, "SUM x");
  EXPECT_EQ(Ask("COUNT"), "2");
  EXPECT_EQ(CountOfSettled(id), 1u);
}

// -------------------------------------------------------- where a transcript takes a while to read

// An agent was killed while claude had a tell, and another thread of the next one looks that up.
class SessionLookedUpTest : public SessionRecoveryTest {
 protected:
  SessionLookedUpTest() {
    context.slow_work = &work;
    NextAgent([this](SessionFiles& files) { Leave(files, id); });
    Do([this](Session&) { work.DoOne(); });  // A claim that it may have left.
  }
  void TearDown() override {
    Do([this](Session&) { work.DoAll(); });
    SessionFixture::TearDown();
  }

  HeldWork work;  // Of the loop.
  const std::string id = NewUuid();
};

TEST_F(SessionLookedUpTest, NothingIsStartedOrHandedOverBefore) {
  Do([this](Session& session) {
    session.Open(spec, [](const absl::StatusOr<v1::OpenResponse>&) {});
    EXPECT_EQ(session.state(), v1::SESSION_NO_CHILD);
    EXPECT_THAT(session.WhyNoHandover(), HasSubstr("transcript"));
    EXPECT_EQ(session.Info().tell_in_flight(), id);
    EXPECT_EQ(work.waiting(), 1u);
    work.DoOne();
    EXPECT_EQ(session.state(), v1::SESSION_STARTING);
  });
  EXPECT_EQ(Info().tells_waiting(), 1u);  // For its text.
}

TEST_F(SessionLookedUpTest, WhoEndsTheSessionWaitsForThatAndTheTellIsCancelled) {
  Do([this](Session& session) {
    int ended = 0;
    session.Close(absl::ZeroDuration(), [&ended](bool was_running) {
      ++ended;
      EXPECT_FALSE(was_running);
    });
    EXPECT_EQ(ended, 0);
    work.DoOne();
    EXPECT_EQ(ended, 1);
  });
  EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_CANCELLED);
}

TEST_F(SessionLookedUpTest, WhatCannotBeReadInTimeIsAmbiguous) {
  Do([this](Session&) { work.BeLate(); });
  EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_AMBIGUOUS);
  EXPECT_EQ(Info().tells_waiting(), 0u);
}

// The next agent looks it up again.
TEST_F(SessionLookedUpTest, AnAgentThatIsKilledMeanwhileHasLostNothing) {
  NextAgent([](SessionFiles&) {});
  Do([this](Session&) {
    EXPECT_EQ(work.waiting(), 3u);  // One of them of an agent that is gone.
    work.DoAll();
  });
  EXPECT_EQ(Info().tells_waiting(), 1u);
  EXPECT_EQ(CountOfSettled(id), 0u);
}

}  // namespace
}  // namespace iris
