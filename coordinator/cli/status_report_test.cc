#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/failure/failure.h"
#include "coordinator/cli/report.h"
#include "coordinator/desk/state_named.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class StatusReportTest : public ::testing::Test {
 protected:
  StatusReportTest() { link_.set_key("ml@gpu1:22"); }

  void Failed(v1::FailureKind kind, int64_t age_ms) {
    link_.mutable_failure()->set_kind(kind);
    link_.mutable_failure()->set_detail("DETAIL");
    link_.mutable_failure()->set_fix("FIX");
    link_.set_failure_age_ms(age_ms);
  }
  std::string Text(const std::string& state, const StatusView& view = {}) {
    link_.set_state(StateNamed<v1::LinkStatus::State>(state));
    v1::GetStatusResponse status;
    *status.add_links() = link_;
    return StatusText(status, view);
  }
  std::string Json(const std::string& state) {
    link_.set_state(StateNamed<v1::LinkStatus::State>(state));
    v1::GetStatusResponse status;
    *status.add_links() = link_;
    return StatusJson(status);
  }

  v1::LinkStatus link_;
};

constexpr StatusView kLong = {.long_form = true};

// The lines of the table that `text` begins with, behind the head.
std::vector<std::string> TableOf(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, "\n\n");
  return absl::StrSplit(parts.at(1), '\n', absl::SkipEmpty());
}

v1::SessionStatus& AddSession(v1::GetStatusResponse& status, const std::string& to,
                              const std::string& state) {
  v1::SessionStatus& session = *status.add_sessions();
  session.set_from("cli");
  session.set_to(to);
  session.set_state(StateNamed<v1::SessionStatus::State>(state));
  return session;
}

TEST_F(StatusReportTest, AWaitingLinkSaysWhyAndWhenItTriesAgain) {
  Failed(v1::FAILURE_DROPPED, 3'200);
  link_.set_retry_in_ms(3'100);
  EXPECT_THAT(Text("waiting"), HasSubstr("ml@gpu1:22: lost 3 s ago, trying again in 4 s\n"
                                         "dropped: DETAIL\n"
                                         "fix: FIX\n"));
  EXPECT_THAT(Json("waiting"), HasSubstr("\"retryInMs\":3100"));
  EXPECT_THAT(Json("waiting"), HasSubstr("\"failureAgeMs\":3200"));
  EXPECT_THAT(Text("connecting"), HasSubstr("ml@gpu1:22: lost 3 s ago, trying again now\n"));
}

TEST_F(StatusReportTest, AnAgentThatWasNotUpgradedSaysWhy) {
  link_.set_agent_build("0.1.0 build 1");
  link_.set_upgrade_refused("it does not run");
  EXPECT_THAT(Text("up"),
              HasSubstr("ml@gpu1:22: the agent stays 0.1.0 build 1, because it does not "
                        "run\n"));
  EXPECT_THAT(Json("up"), HasSubstr("\"upgradeRefused\":\"it does not run\""));
}

TEST_F(StatusReportTest, WhatAHostHoldsIsSaid) {
  v1::HostHoldings& held = *link_.mutable_holdings();
  held.set_sessions(12);
  held.set_with_child(3);
  held.set_journal_bytes(3 << 20);
  held.set_journal_quota_bytes(uint64_t{4} << 30);
  held.set_builds(2);
  held.set_build_bytes(16 << 20);
  EXPECT_THAT(Text("up"), Not(HasSubstr(" stores ")));
  EXPECT_THAT(Text("up", kLong),
              HasSubstr("ml@gpu1:22 stores 12 conversations, 3 with a running claude; "
                        "journals 3.0 MiB of 4096.0 MiB; 2 builds, 16.0 MiB\n"));
  held.set_unverifiable(1);
  held.set_unacknowledged_bytes(1 << 20);
  EXPECT_THAT(Text("up", kLong),
              HasSubstr("3 with a running claude, 1 held by other hosts; journals 3.0 "
                        "MiB of 4096.0 MiB (1.0 MiB unread)"));
  EXPECT_THAT(Json("up"), HasSubstr("\"journalBytes\":3145728"));
}

TEST_F(StatusReportTest, TwoLinksToOneAgentSayThatTheyAre) {
  v1::GetStatusResponse status;
  for (const char* name : {"me@gpu:22 (a)", "me@gpu:22 (b)"}) {
    v1::LinkStatus* link = status.add_links();
    link->set_id(absl::StrCat("link-", status.links_size()));
    link->set_key(name);
    link->set_state(v1::LinkStatus::UP);
  }
  status.mutable_links(1)->set_same_agent_as("link-1");
  EXPECT_THAT(StatusText(status, kLong),
              HasSubstr("me@gpu:22 (b) uses the same agent as me@gpu:22 (a)\n"));
  EXPECT_THAT(StatusJson(status), HasSubstr("\"id\":\"link-2\""));
  EXPECT_THAT(StatusJson(status), HasSubstr("\"sameAgentAs\":\"link-1\""));
}

TEST_F(StatusReportTest, WhoseEnvironmentAClaudeHasIsSaidByNamesAlone) {
  v1::GetStatusResponse status;
  v1::SessionStatus* session = status.add_sessions();
  session->set_from("cli");
  session->set_to("gpu");
  session->set_env_from("host");
  session->add_env_names("GH_TOKEN");
  session->add_env_names("PATH");
  EXPECT_THAT(StatusText(status, kLong),
              HasSubstr("cli to gpu: claude has the environment of the host (2 variables): "
                        "GH_TOKEN, PATH\n"));
  EXPECT_THAT(StatusText(status, {}), Not(HasSubstr("GH_TOKEN")));
  EXPECT_THAT(StatusJson(status), HasSubstr("\"envNames\":[\"GH_TOKEN\",\"PATH\"]"));
  session->set_env_from("coordinator");
  EXPECT_THAT(StatusText(status, kLong),
              HasSubstr("of the coordinator, since nobody had sent a message (2 variables): "));
  session->clear_env_names();
  session->set_env_from("agent");
  EXPECT_THAT(StatusText(status, {}), HasSubstr("cli to gpu: claude has only what its agent has"));
  session->clear_env_from();
  EXPECT_THAT(StatusText(status, kLong), Not(HasSubstr("environment"))) << "no claude runs";
  session->set_child_pid(7);
  EXPECT_THAT(StatusText(status, kLong), HasSubstr("which environment claude has is not known"));
}

TEST_F(StatusReportTest, WhatAnEnvironmentHasNoRoomForIsAProblem) {
  v1::GetStatusResponse status;
  v1::SessionStatus& session = AddSession(status, "gpu", "ready");
  EXPECT_THAT(StatusJson(status), HasSubstr("\"envLacks\":[]"));
  session.add_env_lacks("A_TOKEN");
  session.add_env_lacks("\033[2J");
  EXPECT_THAT(StatusText(status, {}),
              HasSubstr("cli to gpu: claude's environment is too large and lacks A_TOKEN, ?[2J; "));
  EXPECT_THAT(StatusJson(status), HasSubstr("\"envLacks\":[\"A_TOKEN\",\"\\u001b[2J\"]"));
}

TEST_F(StatusReportTest, WhatTheLastTurnWasDeniedIsShownAndInTheLongFormWhatItCost) {
  v1::GetStatusResponse status;
  v1::SessionStatus* session = status.add_sessions();
  session->set_from("web");
  session->set_to("gpu");
  EXPECT_THAT(StatusText(status, kLong), Not(HasSubstr("last turn")));
  session->mutable_last_turn()->set_tools(2);
  EXPECT_THAT(StatusText(status, kLong), HasSubstr("web to gpu: last turn: 2 tools\n"));
  EXPECT_THAT(StatusText(status, {}), Not(HasSubstr("last turn")));
  session->mutable_last_turn()->set_denials(1);
  session->mutable_last_turn()->add_denied()->set_name("Bash\033[2J");
  EXPECT_THAT(StatusText(status, {}),
              HasSubstr("web to gpu: last turn: 1 use of a tool was denied: Bash?[2J. "
                        "With \"grantPermission\": \"ask\""));
  EXPECT_THAT(StatusJson(status), HasSubstr("\"lastTurn\":{\"tools\":2,\"denials\":1,"));
}

TEST_F(StatusReportTest, ABlockedLinkSaysWhatToDo) {
  Failed(v1::FAILURE_AUTH, 120'000);
  EXPECT_THAT(Text("blocked"),
              HasSubstr("ml@gpu1:22: failed 2 min ago. Fix it; the next message tries "
                        "again\n"
                        "auth: DETAIL\n"
                        "fix: FIX\n"));
  EXPECT_THAT(Json("blocked"), Not(HasSubstr("retryInMs")));
}

TEST_F(StatusReportTest, ALinkThatIsDownSaysSinceWhenAndWhy) {
  Failed(v1::FAILURE_UNREACHABLE, 0);
  EXPECT_THAT(Text("down"), HasSubstr("ml@gpu1:22: failed 0 s ago\nunreachable: DETAIL\n"));
}

TEST_F(StatusReportTest, ALinkThatDroppedWhileNobodyUsedItIsNoProblem) {
  Failed(v1::FAILURE_DROPPED, 3'200);
  EXPECT_THAT(Text("down"), HasSubstr("fix: FIX\n")) << "an attempt failed so";
  link_.set_is_loss(true);
  link_.add_teams("gpu");
  v1::GetStatusResponse status;
  *status.add_links() = link_;
  AddSession(status, "gpu", "unverifiable");
  AddSession(status, "build", "ready");
  const std::string text = StatusText(status, {});
  EXPECT_THAT(TableOf(text), ElementsAre("TEAM   HOST        STATE          NOW  USED",
                                         "build  -           ready          -    never",
                                         "gpu    ml@gpu1:22  not connected  -    never"));
  EXPECT_THAT(text, HasSubstr("ml@gpu1:22: lost 3 s ago; the next message connects again\n"));
  EXPECT_THAT(text, Not(HasSubstr("fix: ")));
}

TEST_F(StatusReportTest, WhatWasNotUsedSinceTheCoordinatorBeganIsNotAskedYet) {
  v1::GetStatusResponse status;
  AddSession(status, "app", "unverifiable").set_is_local(true);
  AddSession(status, "gpu", "unverifiable");
  EXPECT_THAT(TableOf(StatusText(status, {})),
              ElementsAre("TEAM  HOST          STATE          NOW  USED",
                          "app   this machine  not asked yet  -    never",
                          "gpu   -             not asked yet  -    never"));
  EXPECT_THAT(StatusText(status, kLong), HasSubstr(" not asked yet "));
}

TEST_F(StatusReportTest, WhatHasToBeMendedInATeamStandsFirstUntilItsNewestSessionGoesWell) {
  v1::GetStatusResponse status;
  AddSession(status, "app", "busy");
  v1::SessionStatus& failed = AddSession(status, "gpu", "stopped");
  failed.set_last_used_at_ms(2'000);
  *failed.mutable_trouble() = ToProto(MakeFailure(v1::FAILURE_CLAUDE_MISSING, "DETAIL", "FIX"));
  const StatusView view = {.now_ms = 4'000};
  const std::string text = StatusText(status, view);
  EXPECT_THAT(TableOf(text)[1], HasSubstr("✗ claude missing"));
  EXPECT_THAT(text, HasSubstr("the last message failed: claude_missing: DETAIL\nfix: FIX\n"));
  AddSession(status, "gpu", "ready").set_last_used_at_ms(3'000);
  EXPECT_THAT(StatusText(status, view), Not(HasSubstr("✗")));
}

TEST_F(StatusReportTest, ATeamThatWasRemovedIsListedAsLongAsItHasSomethingToDo) {
  v1::GetStatusResponse status;
  v1::SessionStatus& gone = AddSession(status, "gone", "stopped");
  gone.set_is_removed(true);
  gone.set_tells_waiting(1);
  EXPECT_THAT(StatusText(status, {}), HasSubstr("gone "));
  gone.set_tells_waiting(0);
  EXPECT_THAT(StatusText(status, {}), Not(HasSubstr("gone ")));
}

TEST_F(StatusReportTest, ALinkThatIsUpSaysOnlyWhatIsUnusual) {
  EXPECT_THAT(Text("up"), Not(HasSubstr("ml@gpu1:22: ")));
  link_.set_losses(1);
  EXPECT_THAT(Text("up"), HasSubstr("ml@gpu1:22: was lost 1 time and came back\n"));
  link_.set_losses(2);
  EXPECT_THAT(Text("up"), HasSubstr("ml@gpu1:22: was lost 2 times and came back\n"));
  EXPECT_THAT(Json("up"), HasSubstr("\"losses\":2"));
  EXPECT_THAT(Text("suspect"),
              HasSubstr("ml@gpu1:22: silent: the last keep-alive was not answered\n"));
}

TEST_F(StatusReportTest, EachTeamHasALineThoseWithProblemsFirst) {
  v1::GetStatusResponse status;
  AddSession(status, "docs", "stopped");
  AddSession(status, "app", "ready").set_last_used_at_ms(1'000);
  v1::SessionStatus& busy = AddSession(status, "build", "busy");
  busy.set_tell_in_flight("id");
  busy.set_stall("a tool runs (Bash) for 42 s");
  busy.set_tells_waiting(2);
  AddSession(status, "build", "ready");
  AddSession(status, "gpu", "unverifiable");
  Failed(v1::FAILURE_CLAUDE_NOT_LOGGED_IN, 25'000);
  link_.set_state(v1::LinkStatus::BLOCKED);
  link_.add_teams("gpu");
  *status.add_links() = link_;
  v1::LinkStatus& local = *status.add_links();
  local.set_key("local");
  local.set_state(v1::LinkStatus::UP);
  local.add_teams("app");

  const std::string text = StatusText(status, {.now_ms = 4'000, .unread = 3});
  EXPECT_THAT(
      TableOf(text),
      ElementsAre(
          "TEAM   HOST          STATE                   NOW                         USED",
          "gpu    ml@gpu1:22    ✗ claude not logged in  -                           never",
          "build  -             busy                    a tool runs (Bash) for 42…  never",
          "app    this machine  ready                   -                           3 s ago",
          "docs   -             asleep                  -                           never"));
  EXPECT_THAT(text, HasSubstr("DETAIL\nfix: FIX\n"));
  EXPECT_THAT(text, HasSubstr("3 answers to read: iris tells\n"));
}

TEST_F(StatusReportTest, ALineFitsTheScreenHoweverMuchThereIsToSay) {
  v1::GetStatusResponse status;
  v1::SessionStatus& asks = AddSession(status, "build", "busy");
  v1::PendingPermission& permission = *asks.add_permissions();
  permission.set_request_id("3f2a9c00-0000");
  permission.set_text("Bash: " + std::string(150, 'x'));
  link_.set_key(std::string(60, 'h'));
  link_.add_teams("build");
  *status.add_links() = link_;
  for (const std::string& line : TableOf(StatusText(status, {}))) EXPECT_LE(line.size(), 90u);
  EXPECT_THAT(TableOf(StatusText(status, {.screen = {.columns = 300}}))[1],
              HasSubstr(std::string(150, 'x')));
  EXPECT_THAT(StatusText(status, {}), HasSubstr("iris answer 3f2a9c00 allow|deny\n"));
}

TEST_F(StatusReportTest, StatesAreWordsForPeopleAndNamesInJson) {
  v1::GetStatusResponse status;
  AddSession(status, "gpu", "unverifiable");
  AddSession(status, "app", "draining");
  link_.set_state(v1::LinkStatus::SUSPECT);
  link_.add_teams("gpu");
  *status.add_links() = link_;
  const std::string text = StatusText(status, kLong);
  for (const char* word : {" silent ", " unknown ", " ending "}) EXPECT_THAT(text, HasSubstr(word));
  for (const char* name : {"suspect", "unverifiable", "draining"}) {
    EXPECT_THAT(text, Not(HasSubstr(name)));
    EXPECT_THAT(StatusJson(status), HasSubstr(name));
  }
}

TEST_F(StatusReportTest, OnlyOneTeamMayBeAskedFor) {
  v1::GetStatusResponse status;
  AddSession(status, "app", "ready");
  AddSession(status, "gpu", "ready");
  link_.add_teams("gpu");
  link_.add_teams("docs");
  *status.add_links() = link_;
  EXPECT_EQ(TableOf(StatusText(OnlyOf("gpu", status), {})).size(), 2u);
  EXPECT_THAT(StatusJson(OnlyOf("app", status)), HasSubstr("\"links\":[]"));
  EXPECT_THAT(StatusText(OnlyOf("none", status), {}), HasSubstr("no team has been used yet"));
  EXPECT_THAT(StatusText(OnlyOf("none", status), {.team = "none"}),
              HasSubstr("none has not been used yet"));
}

TEST_F(StatusReportTest, TimesInJsonAreMoments) {
  v1::GetStatusResponse status;
  v1::SessionStatus& session = AddSession(status, "gpu", "ready");
  session.set_created_at_ms(1'795'997'982'000);
  EXPECT_THAT(StatusJson(status), StartsWith("{\"schema\":1,\"ok\":true,\"running\":true,"));
  EXPECT_THAT(StatusJson(status), HasSubstr("\"created\":\"2026-11-30T00:19:42Z\""));
  EXPECT_THAT(StatusJson(status), Not(HasSubstr("lastUsed"))) << "it was never used";
  session.set_last_used_at_ms(1'795'997'982'999);
  EXPECT_THAT(StatusJson(status), HasSubstr("\"lastUsed\":\"2026-11-30T00:19:42Z\""));
}

}  // namespace
}  // namespace iris
