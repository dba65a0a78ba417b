// What `iris tell`, `tells` and `cancel` print and exit with.

#include <signal.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "coordinator/cli/iris_program_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
namespace iris {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// It has connected to something.
bool HasSocket(pid_t pid) {
  std::error_code none;
  for (const auto& fd :
       std::filesystem::directory_iterator(absl::StrCat("/proc/", pid, "/fd"), none)) {
    const std::string to = std::filesystem::read_symlink(fd.path(), none).string();
    if (absl::StartsWith(to, "socket:")) return true;
  }
  return false;
}

TEST_F(IrisProgramTest, AnAnswerIsOnStdoutAndNothingElseAnywhere) {
  const Ran ran = Iris({"tell", "echo", "grüße"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.out, "grüße\n");
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(Iris({"tell", "echo", "line\n"}).out, "line\n");
}

TEST_F(IrisProgramTest, TheTextMayComeFromStdinUpToItsLimit) {
  const std::string largest(8 << 20, 'x');
  EXPECT_TRUE(Iris({"tell", "echo", "-"}, largest).out == largest + "\n");

  const Ran refused = Iris({"tell", "echo", "-"}, largest + "x");
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("longer than 8388608 bytes"));
}

TEST_F(IrisProgramTest, SixteenMebibytesArrive) {
  EXPECT_TRUE(Iris({"tell", "echo", "16MiB"}).out == std::string(16 << 20, 'x') + "\n");
}

TEST_F(IrisProgramTest, AFailedTellPrintsItsPartialTextAndWhatToDo) {
  const Ran ran = Iris({"tell", "echo", "die"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.out, "half an answer\n");
  EXPECT_THAT(ran.err, AllOf(HasSubstr("What was printed is only a part of the answer.\n"
                                       "child_exited: claude ended with signal 9\n"),
                             HasSubstr("fix: Send the message again")));
}

TEST_F(IrisProgramTest, JsonIsOneObjectWhateverHappens) {
  const Ran ok = Iris({"tell", "echo", "hi", "--json"});
  EXPECT_EQ(ok.exit_code, 0);
  const json answered = json::parse(ok.out);
  EXPECT_TRUE(IsUuid(answered["tellId"].get<std::string>()));
  EXPECT_EQ(answered["ok"], true);
  EXPECT_EQ(answered["answer"], "hi");
  EXPECT_GE(answered["durationMs"].get<int64_t>(), 0);
  EXPECT_FALSE(answered.contains("failure"));

  const Ran died = Iris({"tell", "echo", "die", "--json"});
  EXPECT_EQ(died.exit_code, 1);
  EXPECT_EQ(died.err, "");
  const json failed = json::parse(died.out);
  EXPECT_EQ(failed["ok"], false);
  EXPECT_EQ(failed["partial"], "half an answer");
  EXPECT_EQ(failed["failure"]["kind"], "child_exited");
  EXPECT_NE(failed["failure"]["fix"], "");

  const json refused = json::parse(Iris({"tell", "nobody", "x", "--json"}).out);
  EXPECT_EQ(refused["failure"]["kind"], "bad_request");

  EXPECT_EQ(answered["schema"], 1);
  EXPECT_EQ(answered["state"], "settled");
  EXPECT_EQ(json::parse(Iris({"tell", "echo", "x", "-d", "--json"}).out)["state"], "queued");
  const Ran usage = Iris({"tells", "--wait", "--json"});
  EXPECT_EQ(usage.exit_code, 2);
  EXPECT_EQ(usage.err, "");
  EXPECT_EQ(json::parse(usage.out)["failure"]["kind"], "bad_request");
  const Ran nothing = Iris({"cancel", "nonsense", "--json"});
  EXPECT_EQ(nothing.err, "");
  EXPECT_EQ(json::parse(nothing.out)["failure"]["kind"], "bad_request");
  EXPECT_EQ(json::parse(Iris({"answer", "nonsense", "--json"}).out)["ok"], false);
}

TEST_F(IrisProgramTest, AnUnknownTeamIsAnsweredWithTheTeamsThereAre) {
  const Ran ran = Iris({"tell", "ech", "x"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("Did you mean echo?"), HasSubstr("Teams: echo, gpu.")));
}

TEST_F(IrisProgramTest, AnAnswerIsNotWaitedForInTheTurnThatGivesIt) {
  const std::string id = Detached("hold", "cli");
  WaitForState(id, "running");
  const std::string session_id = Status()["sessions"][0]["sessionId"];
  further_env_ = {"CLAUDE_CODE_SESSION_ID=" + session_id};
  const auto refused = AllOf(HasSubstr("bad_request: message " + id), HasSubstr("End your turn"));
  const Ran waits = Iris({"tells", id, "--wait"});
  EXPECT_EQ(waits.exit_code, 1);
  EXPECT_THAT(waits.err, refused);
  EXPECT_THAT(Iris({"tell", "echo", "hold", "--id", id, "--from", "cli"}).err, refused);
  EXPECT_THAT(Iris({"tells", id}).err, HasSubstr("is not answered yet"));
}

TEST_F(IrisProgramTest, ATimeoutStopsTheWaitingAndNotTheWork) {
  Iris({"teams"});  // So that the time is the tell's own.
  const Ran ran = Iris({"tell", "echo", "hold", "--timeout", "2s"});
  EXPECT_EQ(ran.exit_code, 4);
  EXPECT_EQ(ran.out, "");
  const std::string id = Status()["sessions"][0]["tellInFlight"];
  EXPECT_THAT(ran.err,
              AllOf(StartsWith("still w"), HasSubstr(" after 2s"),
                    EndsWith(". Get it later: iris tells " + id.substr(0, 8) + " --wait\n")));
  const Ran again = Iris({"tell", "echo", "hold", "--id", id, "--timeout", "1", "--json"});
  EXPECT_EQ(again.exit_code, 4);
  const json late = json::parse(again.out);
  EXPECT_NE(late.value("state", "settled"), "settled");
  EXPECT_EQ(late["failure"]["kind"], "timeout");
}

TEST_F(IrisProgramTest, AMessageNeedsNoQuotes) {
  EXPECT_EQ(Iris({"tell", "echo", "how", "full", "--timeout", "5m", "is", "it"}).out,
            "how full is it\n");
}

TEST_F(IrisProgramTest, TheBeginningOfAnIdIsEnoughAndTheLastOneNeedsNone) {
  const std::string first = Detached("the first");
  WaitForState(first, "settled");
  const std::string last = Detached("the last");
  WaitForState(last, "settled");
  EXPECT_EQ(Iris({"tells", "--last", "--wait"}).out, "the last\n");
  EXPECT_EQ(Iris({"tells", "--last", "--from", "gpu"}).exit_code, 2);
  EXPECT_EQ(Iris({"tells", first.substr(0, 13)}).out, "the first\n");
  const json several = json::parse(Iris({"cancel", "", "--json"}).out);
  EXPECT_EQ(several["ok"], false);
  const Ran cancelled = Iris({"cancel", last.substr(0, 13)});
  EXPECT_EQ(cancelled.exit_code, 1);
  EXPECT_THAT(cancelled.err, HasSubstr(last + " had ended before, with an answer"));
}

TEST_F(IrisProgramTest, WhatCannotBeWrittenIsNoSuccess) {
  ASSERT_EQ(Iris({"teams"}).exit_code, 0);
  for (const char* verb : {"status", "teams", "tells", "answer", "version", "help"}) {
    EXPECT_EQ(IrisInto("/dev/full", {verb}).exit_code, 1) << verb;
  }
}

TEST_F(IrisProgramTest, WhoDoesNotWaitGetsTheIdAndLaterTheAnswer) {
  const Ran ran = Iris({"tell", "echo", "later", "--timeout", "-1"});
  EXPECT_EQ(ran.exit_code, 0);
  const std::string id = ran.out.substr(0, ran.out.size() - 1);
  ASSERT_TRUE(IsUuid(id)) << ran.out;

  EXPECT_EQ(Iris({"tell", "echo", "later", "--id", id}).out, "later\n");
  EXPECT_EQ(Status()["sessions"][0]["tellsDone"], 1);
  EXPECT_EQ(Iris({"tell", "echo", "other", "--id", id}).exit_code, 2);
}

TEST_F(IrisProgramTest, AnIdThatIsNotKnownIsThatOfANewMessage) {
  const std::string id = NewUuid();
  EXPECT_EQ(Iris({"tell", "echo", "mine", "--id", id}).out, "mine\n");
  EXPECT_EQ(Iris({"tell", "echo", "mine", "--id", id}).out, "mine\n");
  EXPECT_EQ(Status()["sessions"][0]["tellsDone"], 1);
}

TEST_F(IrisProgramTest, AnAnswerThatNobodyWaitedForIsListedUntilItIsFetched) {
  EXPECT_EQ(Iris({"tells"}).out, "no messages\n");
  const std::string id = Detached("later");
  WaitForState(id, "settled");
  const std::string shown = id.substr(0, 8);
  EXPECT_THAT(Iris({"tells"}).out,
              AllOf(HasSubstr("MESSAGE"), HasSubstr(shown + "  "), HasSubstr("later")));
  const json listed = Tell(id);
  EXPECT_EQ(listed["to"], "echo");
  EXPECT_EQ(listed["message"], "later");
  EXPECT_EQ(listed["answer"], "later");
  EXPECT_EQ(listed["fetched"], false);

  EXPECT_EQ(Iris({"tells", id}).out, "later\n");
  WaitForState(id, "gone");
  EXPECT_THAT(Iris({"tells", "--all"}).out, AllOf(HasSubstr(shown), HasSubstr("  read  ")));
  const json again = json::parse(Iris({"tells", id, "--json"}).out);
  EXPECT_EQ(again["answer"], "later");
  EXPECT_EQ(again["ok"], true);
}

TEST_F(IrisProgramTest, AMessageThatIsNotAnsweredYetSaysSoAndCanBeWaitedFor) {
  const std::string id = Detached("hold");
  WaitForState(id, "running");
  const Ran look = Iris({"tells", id});
  EXPECT_EQ(look.exit_code, 4);
  EXPECT_EQ(look.out, "");
  const std::string begins = id.substr(0, 8);
  EXPECT_THAT(look.err, AllOf(StartsWith(begins + " is not answered yet"),
                              EndsWith(". Wait for it: iris tells " + begins + " --wait\n")));
  Running wait = Start({"tells", id, "--wait"});
  EXPECT_EQ(Iris({"cancel", id}).exit_code, 0);
  const Ran waited = wait.Finish();
  EXPECT_EQ(waited.exit_code, 1);
  EXPECT_THAT(waited.err, HasSubstr("cancelled: "));
}

TEST_F(IrisProgramTest, AnIdThatNobodyUsedIsRefused) {
  const Ran look = Iris({"tells", "nonsense"}), cancel = Iris({"cancel", "nonsense"});
  EXPECT_EQ(look.exit_code, 2);
  EXPECT_THAT(look.err, HasSubstr("there is no message \"nonsense\""));
  EXPECT_EQ(cancel.exit_code, 2);
  EXPECT_THAT(cancel.err, HasSubstr("there is no message \"nonsense\""));
}

TEST_F(IrisProgramTest, CancellingEndsWhatWaitsAndWhatIsInFlightAndTheNextGoesOn) {
  const std::string running = Detached("hold"), queued = Detached("behind");
  WaitForState(running, "running");
  Running last = Start({"tell", "echo", "the last"});
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (Status()["sessions"][0]["tellsWaiting"] != 2 && absl::Now() < deadline) continue;
  EXPECT_EQ(Iris({"cancel", queued}).out, queued + " is cancelled\n");
  EXPECT_EQ(json::parse(Iris({"cancel", running, "--json"}).out)["cancelled"], true);
  EXPECT_EQ(last.Finish().out, "the last\n");

  const Ran again = Iris({"cancel", running});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.err, HasSubstr("had ended before, as cancelled"));
  WaitForState(running, "gone");
  WaitForState(queued, "gone");
  EXPECT_EQ(Status()["sessions"][0]["tellsDone"], 3);
}

// Whatever it had done when the coordinator was killed.
TEST_F(IrisProgramTest, ACancelIsAskedForAgainWhereItsCoordinatorIsKilled) {
  const std::string id = Detached("deaf");
  WaitForState(id, "running");
  const pid_t killed = Coordinator();
  Running cancel = Start({"cancel", id});
  EXPECT_TRUE(WaitFor([&] { return HasSocket(cancel.pid()); }));
  EXPECT_EQ(Tell(id)["state"], "running");
  ASSERT_EQ(kill(killed, SIGKILL), 0);
  const Ran ran = cancel.Finish();
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, id + " is cancelled\n");
}

TEST_F(IrisProgramTest, WhoIsInterruptedIsToldHowToComeBackAndTheWorkGoesOn) {
  Running tell = Start({"tell", "echo", "hold"});
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (!(Status().contains("sessions") && Status()["sessions"].size() == 1 &&
           Status()["sessions"][0]["tellInFlight"] != "") &&
         absl::Now() < deadline) {
    continue;
  }
  const std::string id = Status()["sessions"][0]["tellInFlight"];
  // It has heard that its message was taken when it no longer dies of the signal without a word.
  while (!CatchesInterrupts(tell.pid()) && absl::Now() < deadline) continue;
  ASSERT_EQ(kill(tell.pid(), SIGINT), 0);
  const Ran ran = tell.Finish();
  EXPECT_EQ(ran.exit_code, 128 + SIGINT);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, HasSubstr("iris tells " + id.substr(0, 8) + " --wait"));
  EXPECT_EQ(Tell(id)["state"], "running");
}

TEST_F(IrisProgramTest, AnAnswerThatNobodyFetchedOutlivesTheCoordinator) {
  const std::string id = Detached("later");
  WaitForState(id, "settled");
  const pid_t killed = Coordinator();
  ASSERT_EQ(kill(killed, SIGKILL), 0);
  ASSERT_TRUE(WaitForExit(killed, absl::Now() + absl::Seconds(20)));
  EXPECT_EQ(Tell(id)["fetched"], false);
  EXPECT_EQ(Iris({"tells", id}).out, "later\n");
}

}  // namespace
}  // namespace iris
