// How a session's child starts, ends, and is started again.

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "agent/process/descendants.h"
#include "agent/session/session.h"
#include "agent/session/session_fixture.h"
#include "agent/testing/held_work.h"
#include "agent/testing/processes.h"
#include "agent/testing/programs.h"
#include "common/base/ids.h"
#include "common/failure/agent_fix.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class SessionChildTest : public SessionFixture {
 protected:
  void Env(const std::string& name, const std::string& value) {
    (*spec.mutable_env())[name] = value;
  }
  pid_t ChildPid() { return static_cast<pid_t>(Info().child().pid()); }
  // Of the first child that was started.
  pid_t FirstPid() {
    for (const v1::Event& event : events()) {
      if (event.has_started()) return static_cast<pid_t>(event.started().child().pid());
    }
    ADD_FAILURE() << "nothing was started";
    return -1;
  }
  // Claude ends itself with 143; what has not got as far as that dies of the signal.
  static bool EndedBySigterm(const v1::Exited& how) {
    return how.code() == 143 || how.signal() == SIGTERM;
  }
  bool WaitForNoChild() {
    return Eventually([this] { return Info().state() == v1::SESSION_NO_CHILD; });
  }
  bool WaitForExits(size_t count) {
    return WaitFor([count](const std::vector<v1::Event>& events) {
      size_t exits = 0;
      for (const v1::Event& event : events) exits += event.has_exited() ? 1 : 0;
      return exits >= count;
    });
  }
};

TEST_F(SessionChildTest, ItIsReadyWithoutAnyPrompt) {
  const absl::StatusOr<v1::OpenResponse> opened = Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->started());
  EXPECT_FALSE(opened->resumed());
  EXPECT_EQ(opened->child().claude_path(), StubClaude());
  EXPECT_TRUE(Exists(static_cast<pid_t>(opened->child().pid())));
  EXPECT_GT(opened->child().start_time(), 0u);
  EXPECT_EQ(Info().state(), v1::SESSION_READY);
  // It was asked nothing: there is our claim, and no transcript.
  const std::filesystem::directory_iterator projects(home + "/.claude/projects");
  EXPECT_EQ(projects->path().filename(), ".iris");
  EXPECT_EQ(std::distance(projects, {}), 1);

  const absl::StatusOr<v1::OpenResponse> again = Open();
  EXPECT_FALSE(again->started());
  EXPECT_EQ(again->child().pid(), opened->child().pid());
  EXPECT_THAT(story(), ElementsAre("started"));
}

TEST_F(SessionChildTest, ASessionThatSpokeIsResumed) {
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(Ask("ARGS"), AllOf(HasSubstr("--session-id"), Not(HasSubstr("--resume"))));
  EXPECT_TRUE(Close());
  EXPECT_EQ(LastExit().reason(), v1::Exited::CLOSED);

  EXPECT_THAT(Ask("ARGS"), AllOf(HasSubstr("--resume"), Not(HasSubstr("--session-id"))));
  EXPECT_EQ(Ask("COUNT"), "3");
  EXPECT_TRUE(Open()->resumed());
}

TEST_F(SessionChildTest, ASessionThatNeverSpokeIsOpenedAgainUnderItsName) {
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(Close());
  const absl::StatusOr<v1::OpenResponse> opened = Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->started());
  EXPECT_FALSE(opened->resumed());
  EXPECT_THAT(Ask("ARGS"), HasSubstr("--session-id"));
}

TEST_F(SessionChildTest, ItIsFoundOnThePath) {
  std::filesystem::create_symlink(StubClaude(), scratch.File("claude"));
  spec.clear_claude_path();
  Env("PATH", scratch.path() + ":/usr/bin:/bin");
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("PWD"), project);
}

TEST_F(SessionChildTest, WithoutAProgramOrADirectoryOpenAndTellsFailTyped) {
  spec.set_claude_path("/nonexistent/claude");
  EXPECT_EQ(KindOf(Open().status()), v1::FAILURE_CLAUDE_MISSING);
  EXPECT_EQ(Outcome(Tell("x")).kind(), v1::FAILURE_CLAUDE_MISSING);

  spec.set_claude_path(StubClaude());
  spec.set_cwd("/nonexistent");
  EXPECT_EQ(KindOf(Open().status()), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(Outcome(Tell("x")).kind(), v1::FAILURE_BAD_REQUEST);

  spec.set_cwd(project);
  EXPECT_TRUE(Open().ok());
}

TEST_F(SessionChildTest, AProgramThatTheKernelRefusesSaysWhy) {
  std::ofstream(scratch.File("claude")) << "\x7f"
                                           "ELF, and then nothing of one";
  std::filesystem::permissions(scratch.File("claude"), std::filesystem::perms::owner_all);
  spec.set_claude_path(scratch.File("claude"));
  const absl::Status status = Open().status();
  EXPECT_EQ(KindOf(status), v1::FAILURE_NOT_EXECUTABLE);
  EXPECT_THAT(std::string(status.message()), HasSubstr("could not be started"));
}

TEST_F(SessionChildTest, WhatElseKeepsAProgramFromItsStartIsNotItsFault) {
  const std::string keeper = scratch.File("keeper");
  std::ofstream(keeper) << "#!/bin/sh\necho 'failed chdir /srv: Input/output error' >&3\n";
  std::filesystem::permissions(keeper, std::filesystem::perms::owner_all);
  context.keeper_program = keeper;
  const absl::Status status = Open().status();
  EXPECT_EQ(KindOf(status), v1::FAILURE_CHILD_EXITED);
  EXPECT_THAT(std::string(status.message()), HasSubstr("Input/output error"));
}

TEST_F(SessionChildTest, ACrashInATurnFailsTheTellAndTheNextOneResumes) {
  ASSERT_TRUE(Open().ok());
  const pid_t first = ChildPid();
  const v1::Failure failure = Outcome(Tell("STDERR out of luck\nCRASH 3"));
  EXPECT_EQ(failure.kind(), v1::FAILURE_CHILD_EXITED);
  EXPECT_THAT(failure.detail(),
              AllOf(HasSubstr("exit code 3; its last words: out of luck"), Not(HasSubstr("\n"))));
  EXPECT_EQ(LastExit().code(), 3);
  EXPECT_EQ(LastExit().reason(), v1::Exited::BY_ITSELF);
  EXPECT_EQ(LastExit().stderr_tail(), "out of luck\n");

  EXPECT_EQ(Ask("COUNT"), "2");
  EXPECT_NE(ChildPid(), first);
  EXPECT_THAT(story(), ElementsAre("started", "accepted", "written", "exited", "settled",
                                   "accepted", "resumed", "written", "settled"));
}

TEST_F(SessionChildTest, ACrashFailsOnlyTheTellInFlight) {
  ASSERT_TRUE(Open().ok());
  const std::string first = Tell(Held("WAIT") + "\nCRASHSIG 9");
  const std::string second = Tell("COUNT");
  LetGo();
  EXPECT_THAT(Outcome(first).detail(), HasSubstr("signal 9"));
  EXPECT_EQ(Answer(second), "2");
}

TEST_F(SessionChildTest, ATellBehindAResultThatIsClaudesLastWordGoesToTheNextClaude) {
  UseScript(R"(next_tell || exit 0
printf '%s' '{"type":"result","subtype":"success","is_error":false,"user_message_uuids":["'$uuid'"]}'
)");
  ASSERT_TRUE(Open().ok());
  const std::string first = Tell("one"), second = Tell("two");
  EXPECT_EQ(Outcome(first).kind(), v1::FAILURE_UNSPECIFIED) << Outcome(first).detail();
  EXPECT_EQ(Outcome(second).kind(), v1::FAILURE_UNSPECIFIED) << Outcome(second).detail();
  EXPECT_EQ(CountOf(v1::Event::kWritten), 2u);
}

TEST_F(SessionChildTest, LastWordsThatAreNoUtf8StillReachTheReader) {
  UseScript("next_tell; printf 'bad \\377\\n' >&2; exit 1");
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Outcome(Tell("x")).kind(), v1::FAILURE_CHILD_EXITED);
  for (const v1::Event& event : events()) {
    v1::Event received;
    EXPECT_TRUE(received.ParseFromString(event.SerializeAsString()));
  }
  EXPECT_EQ(LastExit().stderr_tail(), "bad \xEF\xBF\xBD\n");
}

TEST_F(SessionChildTest, OnlyTheEndOfALongComplaintIsKept) {
  UseScript("next_tell; yes complaint | head -c 100000 >&2; echo last >&2; exit 1");
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(Outcome(Tell("x")).detail(), HasSubstr("last"));
  EXPECT_EQ(LastExit().stderr_tail().size(), 4096u);
}

TEST_F(SessionChildTest, ACrashAtStartFailsAllThatWaitAndIsNotTriedAgain) {
  std::ofstream(home + "/.stub-crash-at-start").flush();
  // All at once on the loop: a tell that came after the crash would start another child.
  const std::string first = NewUuid(), second = NewUuid();
  Do([&](Session& session) {
    session.Open(spec, [](const absl::StatusOr<v1::OpenResponse>& opened) {
      EXPECT_EQ(KindOf(opened.status()), v1::FAILURE_CHILD_EXITED);
    });
    EXPECT_TRUE(session.Tell(first, "x").ok());
    EXPECT_TRUE(session.Tell(second, "y").ok());
  });
  EXPECT_THAT(Outcome(first).detail(),
              AllOf(HasSubstr("ended before it was ready: "), HasSubstr("crashed at start")));
  EXPECT_EQ(Outcome(first).fix(), kFixClaudeStart) << "sending it again is no help";
  EXPECT_EQ(Outcome(second).kind(), v1::FAILURE_CHILD_EXITED);
  ASSERT_TRUE(WaitForNoChild());
  EXPECT_EQ(CountOf(v1::Event::kExited), 1u);

  std::filesystem::remove(home + "/.stub-crash-at-start");
  EXPECT_EQ(Ask("COUNT"), "1");
}

TEST_F(SessionChildTest, AClaudeThatEndsWhileItStartsSaysHow) {
  for (const auto& [script, how] :
       {std::pair("echo 'no memory' >&2; kill -9 $$", "signal 9"),
        std::pair("echo 'no memory' >&2; kill -15 $$", "signal 15"),
        std::pair("echo 'no memory' >&2; exit 3", "exit code 3"),
        std::pair("echo 'no memory' >&2; read -r line; exit 0", "exit code 0")}) {
    UseBareScript(script);
    const absl::Status status = Open().status();
    EXPECT_EQ(KindOf(status), v1::FAILURE_CHILD_EXITED) << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(absl::StrCat("(", scratch.File("claude"),
                                             ") ended before it was ready: ", how)),
                      HasSubstr("; its last words: no memory")));
    const v1::Failure failure = Outcome(Tell("x"));
    EXPECT_EQ(failure.kind(), v1::FAILURE_CHILD_EXITED) << failure.detail();
    EXPECT_THAT(failure.detail(), HasSubstr(how));
  }
}

TEST_F(SessionChildTest, WhatSomebodyKilledMayStartTheNextTime) {
  UseBareScript("kill -9 $$");
  EXPECT_EQ(ToProto(Open().status()).fix(), "");
  EXPECT_EQ(ToProto(Open().status()).fix(), kFixClaudeStart) << "not where it is so each time";
}

TEST_F(SessionChildTest, AClaudeThatEndsRightAfterEachStartIsNoReasonToSendAgain) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Outcome(Tell("CRASH 3")).fix(), "");
  const v1::Failure twice = Outcome(Tell("CRASH 3"));
  EXPECT_THAT(twice.detail(), HasSubstr("exit code 3, right after its start, as the one before"));
  EXPECT_EQ(twice.fix(), kFixClaudeStart);
  Ask("hello");
  EXPECT_EQ(Outcome(Tell("CRASH 3")).fix(), "") << "it had answered";
}

TEST_F(SessionChildTest, AProgramThatIsNoClaudeIsNamed) {
  spec.set_claude_path("/bin/true");
  const v1::Failure ended = ToProto(Open().status());
  EXPECT_EQ(ended.kind(), v1::FAILURE_CHILD_EXITED);
  EXPECT_THAT(ended.detail(),
              HasSubstr("(/bin/true) ended before it was ready: exit code 0; nothing on stderr"));
  EXPECT_EQ(ended.fix(), kFixClaudeStart);

  UseBareScript("exec cat");
  const v1::Failure echo = ToProto(Open().status());
  EXPECT_EQ(echo.kind(), v1::FAILURE_NOT_EXECUTABLE);
  EXPECT_THAT(echo.detail(), HasSubstr(") repeats what it is told"));
  EXPECT_EQ(echo.fix(), kFixClaudeStart);
}

TEST_F(SessionChildTest, AKeeperThatIsKilledWhileItsClaudeStartsSaysSo) {
  Env("STUB_HANG_AT_START", "1");
  const std::string id = NewUuid();
  Do([&](Session& session) {
    session.Open(spec, [](const absl::StatusOr<v1::OpenResponse>& opened) {
      EXPECT_EQ(KindOf(opened.status()), v1::FAILURE_CHILD_EXITED) << opened.status();
    });
    EXPECT_TRUE(session.Tell(id, "x").ok());
  });
  ASSERT_TRUE(Eventually([this] { return ChildPid() != 0; }));
  kill(ChildrenOf(getpid()).at(0), SIGKILL);
  const v1::Failure failure = Outcome(id);
  EXPECT_EQ(failure.kind(), v1::FAILURE_CHILD_EXITED);
  EXPECT_THAT(failure.detail(), HasSubstr("ended before it was ready: signal 9"));
  ASSERT_TRUE(WaitForNoChild());
}

TEST_F(SessionChildTest, WithoutAKeeperItCouldNotBeStarted) {
  context.keeper_program = "/nonexistent/keeper";
  const absl::Status status = Open().status();
  EXPECT_EQ(KindOf(status), v1::FAILURE_CHILD_EXITED);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("could not be started"), HasSubstr("/nonexistent/keeper")));
  EXPECT_EQ(Outcome(Tell("x")).kind(), v1::FAILURE_CHILD_EXITED);
}

// The wire and people take the beginning of a detail.
TEST_F(SessionChildTest, OfALongComplaintAFailureHasTheLastWords) {
  UseBareScript("yes complaint | head -c 100000 >&2; printf 'the last\\nwords\\n' >&2; exit 1");
  const absl::Status status = Open().status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("the last words"));
  EXPECT_LT(status.message().size(), 1500u);
}

TEST_F(SessionChildTest, AHangAtStartTimesOutAndIsEnded) {
  Env("STUB_HANG_AT_START", "1");
  spec.set_init_timeout_ms(100);
  const absl::Status status = Open().status();
  EXPECT_EQ(KindOf(status), v1::FAILURE_TIMEOUT);
  EXPECT_THAT(std::string(status.message()), HasSubstr("100ms"));
  ASSERT_TRUE(WaitForNoChild());
  EXPECT_EQ(LastExit().reason(), v1::Exited::NOT_READY);
  EXPECT_TRUE(EndedBySigterm(LastExit()));
  EXPECT_EQ(Outcome(Tell("x")).kind(), v1::FAILURE_TIMEOUT);
}

TEST_F(SessionChildTest, AHangThatIgnoresSigtermIsKilled) {
  UseBareScript("trap '' TERM; while :; do sleep 600; done");
  spec.set_init_timeout_ms(3000);  // The script must have got as far as its trap.
  EXPECT_EQ(KindOf(Open().status()), v1::FAILURE_TIMEOUT);
  ASSERT_TRUE(WaitForNoChild());
  EXPECT_EQ(LastExit().signal(), SIGKILL);
}

TEST_F(SessionChildTest, AClaudeThatRefusesInitializeIsTooOld) {
  UseBareScript(R"(read -r line
    echo '{"type":"control_response","response":{"subtype":"error","error":"what?","request_id":"'$(value request_id)'"}}'
    read -r end)");
  const absl::Status status = Open().status();
  EXPECT_EQ(KindOf(status), v1::FAILURE_VERSION);
  EXPECT_THAT(std::string(status.message()), HasSubstr("what?"));
  ASSERT_TRUE(WaitForNoChild());
}

TEST_F(SessionChildTest, AnAnswerToSomethingElseDoesNotMakeItReady) {
  UseBareScript(R"(read -r line
    echo '{"type":"control_response","response":{"subtype":"success","request_id":"other"}}'
    echo '{"type":"control_response","response":[]}'
    read -r end)");
  spec.set_init_timeout_ms(200);
  EXPECT_EQ(KindOf(Open().status()), v1::FAILURE_TIMEOUT);
}

TEST_F(SessionChildTest, AnIdleChildIsEndedAndTheNextTellResumes) {
  spec.set_idle_timeout_ms(50);
  // All at once on the loop: between two of them the child would be idle.
  const std::string longer = NewUuid(), next = NewUuid();
  Do([&](Session& session) {
    session.Open(spec, [](const absl::StatusOr<v1::OpenResponse>&) {});
    EXPECT_TRUE(session.Tell(longer, "WAIT 0.2").ok());  // Than the limit, and not idle.
    EXPECT_TRUE(session.Tell(next, "COUNT").ok());
  });
  EXPECT_EQ(Answer(longer), "ECHO: WAIT 0.2");
  EXPECT_EQ(Answer(next), "2");
  EXPECT_EQ(CountOf(v1::Event::kStarted), 1u);
  ASSERT_TRUE(WaitForExits(1));
  EXPECT_EQ(LastExit().reason(), v1::Exited::IDLE);
  ASSERT_TRUE(WaitForNoChild());
  EXPECT_FALSE(Exists(FirstPid()));

  EXPECT_EQ(Ask("COUNT"), "3");
  EXPECT_EQ(CountOf(v1::Event::kStarted), 2u);
}

TEST_F(SessionChildTest, WhereTheSystemLetsNobodyWatchAnotherDescriptorThatIsSaidAndPasses) {
  Do([this](Session&) { loop().set_watched_max(0); });
  const absl::Status refused = Open().status();
  EXPECT_EQ(KindOf(refused), v1::FAILURE_BUSY_LIMIT) << refused;
  EXPECT_THAT(ToProto(refused).fix(), HasSubstr("fs.epoll.max_user_watches"));
  Do([this](Session&) { loop().set_watched_max(1000); });
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("hello"), "ECHO: hello");
}

TEST_F(SessionChildTest, AFloodOnStderrIsBoundedToo) {
  UseScript("next_tell; yes >&2");
  ASSERT_TRUE(Open().ok());
  Tell("x");
  ASSERT_TRUE(Eventually([&] { return Info().journal_bytes() >= kQuotaBytes; }));
  pid_t yes = 0;
  for (const pid_t below : DescendantsOf(ChildPid())) yes = below;
  ASSERT_TRUE(Eventually([&] { return StateOf(yes) == 'S'; }));  // It waits for room in the pipe.
  EXPECT_LE(Info().journal_bytes(), kQuotaBytes + (64 << 10) + 1024);
}

// ------------------------------------------------------------ where a transcript takes a while

// Another thread reads it.
class SessionSlowTest : public SessionChildTest {
 protected:
  SessionSlowTest() {
    context.slow_work = &work;
    NextAgent([](SessionFiles&) {});
  }
  // claude crashes in the middle of its turn, and its transcript is not read yet.
  std::string Crash() {
    EXPECT_TRUE(Open().ok());
    const std::string tell = Tell(Held("WAIT") + "\nCRASH 3");
    Do([this](Session&) { work.Hold(); });
    LetGo();
    EXPECT_TRUE(WaitForExits(1));
    return tell;
  }

  HeldWork work{/*at_once=*/true};  // Of the loop.
};

TEST_F(SessionSlowTest, TheNextClaudeStartsWhenItIsKnownWhatBecameOfTheTell) {
  const std::string first = Crash();
  const std::string second = Tell("COUNT");
  Do([&](Session& session) {
    EXPECT_EQ(session.state(), v1::SESSION_CLOSING);
    EXPECT_EQ(session.Info().tell_in_flight(), first);
    EXPECT_NE(session.WhyNoHandover(), "");
    EXPECT_TRUE(session.active());
    work.Resume();
  });
  EXPECT_EQ(Outcome(first).kind(), v1::FAILURE_CHILD_EXITED);
  EXPECT_EQ(Answer(second), "2");
}

TEST_F(SessionSlowTest, WhoEndsTheSessionWaitsForThat) {
  const std::string tell = Crash();
  absl::Notification ended;
  Do([&](Session& session) {
    session.Close(absl::ZeroDuration(), [&ended](bool) { ended.Notify(); });
    EXPECT_FALSE(ended.HasBeenNotified());
    work.Resume();
  });
  EXPECT_TRUE(ended.WaitForNotificationWithTimeout(kDeadline));
  EXPECT_EQ(Outcome(tell).kind(), v1::FAILURE_CHILD_EXITED);
  EXPECT_EQ(Info().state(), v1::SESSION_NO_CHILD);
}

}  // namespace
}  // namespace iris
