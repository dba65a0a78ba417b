#include "coordinator/desk/merge_host_reports.h"

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "coordinator/link/host_report.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/agent.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {
namespace {

class HostReportsTest : public testing::Test {
 protected:
  HostReportsTest() {
    link_ = status_.add_links();
    link_->set_id("link-1");
    link_->set_key("me@gpu1:22");
    link_->add_teams("gpu");
    link_->set_state(v1::LinkStatus::UP);
    session_ = status_.add_sessions();
    session_->set_session_id("s1");
    session_->set_to("gpu");
    session_->set_state(v1::SessionStatus::BUSY);
    session_->set_tell_in_flight("t1");
    host_.link_id = "link-1";
    info_ = host_.sessions.add_sessions();
    info_->set_session_id("s1");
    info_->set_state(v1::SESSION_BUSY);
  }

  // What the status says of the session in the end.
  const v1::SessionStatus& Tell() {
    MergeHostReports({host_}, status_);
    return status_.sessions(0);
  }

  v1::GetStatusResponse status_;
  v1::LinkStatus* link_;
  v1::SessionStatus* session_;
  HostReport host_;
  v1::SessionInfo* info_;
};

TEST_F(HostReportsTest, EveryKindOfStallHasItsWords) {
  std::vector<std::string> seen;
  for (int kind = v1::Stall::Kind_MIN + 1; kind <= v1::Stall::Kind_MAX; ++kind) {
    info_->mutable_stall()->set_kind(static_cast<v1::Stall::Kind>(kind));
    info_->mutable_stall()->set_detail("Bash");
    info_->mutable_stall()->set_for_ms(61'500);
    const std::string stall = Tell().stall();
    EXPECT_NE(stall.find(" (Bash) for 1m1s"), std::string::npos) << stall;
    EXPECT_EQ(stall.find("stands still"), std::string::npos) << "kind " << kind << " has no words";
    for (const std::string& other : seen) EXPECT_NE(stall, other);
    seen.push_back(stall);
  }
  EXPECT_EQ(seen.size(), 8u);
}

TEST_F(HostReportsTest, ThePageOnTroublesHasEveryStallUnderItsWords) {
  std::ifstream file("docs/TROUBLESHOOTING.md", std::ios::binary);
  ASSERT_TRUE(file.is_open());
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  for (int kind = v1::Stall::Kind_MIN + 1; kind <= v1::Stall::Kind_MAX; ++kind) {
    info_->mutable_stall()->set_kind(static_cast<v1::Stall::Kind>(kind));
    const std::string stall = Tell().stall();
    const std::string heading = "\n### " + stall.substr(0, stall.rfind(" for ")) + "\n";
    EXPECT_NE(page.find(heading), std::string::npos) << heading;
  }
}

TEST_F(HostReportsTest, WhatGoesWellHasNoStall) { EXPECT_EQ(Tell().stall(), ""); }

TEST_F(HostReportsTest, WhatAHostSaysIsBounded) {
  info_->mutable_stall()->set_kind(v1::Stall::TOOL_RUNNING);
  info_->mutable_stall()->set_detail(std::string(100'000, 'x'));
  EXPECT_LT(Tell().stall().size(), 400u);
}

// A status is one message for all hosts: one field that is no UTF-8, and nobody gets any of it.
TEST_F(HostReportsTest, AHostThatIsCutInsideACharacterHarmsNobodysStatus) {
  info_->mutable_stall()->set_kind(v1::Stall::TOOL_RUNNING);
  info_->mutable_stall()->set_detail(std::string(255, 'a') + "é\x1b[31m");
  const std::string bytes = (Tell(), status_.SerializeAsString());
  EXPECT_TRUE(v1::GetStatusResponse().ParseFromString(bytes));
  EXPECT_EQ(status_.sessions(0).stall().find('\x1b'), std::string::npos);
}

TEST_F(HostReportsTest, ALinkThatIsAwayIsWhatATellInFlightWaitsFor) {
  link_->set_state(v1::LinkStatus::WAITING);
  link_->mutable_failure()->set_kind(v1::FAILURE_DROPPED);
  link_->set_failure_age_ms(2'000);
  link_->set_away_ms(12'000);
  host_.sessions.clear_sessions();
  EXPECT_EQ(Tell().stall(), "the host me@gpu1:22 is away for 12s: trying again soon");
  link_->set_away_ms(400);
  EXPECT_EQ(Tell().stall(), "the host me@gpu1:22 is away: trying again soon");
  session_->clear_stall();
  session_->clear_tell_in_flight();
  EXPECT_EQ(Tell().stall(), "") << "nobody waits";
}

TEST_F(HostReportsTest, ALinkThatIsSilentIsNotAway) {
  link_->set_state(v1::LinkStatus::SUSPECT);
  host_.sessions.clear_sessions();
  EXPECT_EQ(Tell().stall(), "");
}

TEST_F(HostReportsTest, ADrainingSessionIsShownAsOne) {
  info_->set_state(v1::SESSION_DRAINING);
  EXPECT_EQ(Tell().state(), v1::SessionStatus::DRAINING);
}

TEST_F(HostReportsTest, TheHostKnowsWhetherAChildOfAnEarlierLifeRuns) {
  session_->set_state(v1::SessionStatus::UNVERIFIABLE);
  info_->set_state(v1::SESSION_NO_CHILD);
  EXPECT_EQ(Tell().state(), v1::SessionStatus::STOPPED);
  info_->set_state(v1::SESSION_UNVERIFIABLE);
  session_->set_state(v1::SessionStatus::UNVERIFIABLE);
  EXPECT_EQ(Tell().state(), v1::SessionStatus::UNVERIFIABLE) << "another host has it";
  info_->set_state(v1::SESSION_READY);
  info_->mutable_child()->set_pid(77);
  info_->mutable_child()->set_start_time(5);
  EXPECT_EQ(Tell().state(), v1::SessionStatus::READY);
  EXPECT_EQ(Tell().child_pid(), 77);
  EXPECT_EQ(Tell().child_start_time(), 5u);
}

TEST_F(HostReportsTest, WhatAHostHoldsIsShownWithItsLinkAlone) {
  v1::LinkStatus* other = status_.add_links();
  other->set_id("link-2");
  other->set_key("me@gpu1:22");
  host_.host.mutable_holdings()->set_sessions(7);
  Tell();
  EXPECT_EQ(status_.links(0).holdings().sessions(), 7u);
  EXPECT_FALSE(status_.links(1).has_holdings());
}

TEST_F(HostReportsTest, AnAgentThatTwoLinksReachTellsOfTheSessionsOfBoth) {
  v1::LinkStatus* other = status_.add_links();
  other->set_id("link-2");
  other->set_key("me@gpu1:22");
  other->set_same_agent_as("link-1");
  other->set_state(v1::LinkStatus::UP);
  other->add_teams("other");
  v1::SessionStatus* session = status_.add_sessions();
  session->set_session_id("s2");
  session->set_to("other");
  session->set_state(v1::SessionStatus::UNVERIFIABLE);
  v1::SessionInfo* info = host_.sessions.add_sessions();
  info->set_session_id("s2");
  info->set_state(v1::SESSION_READY);
  host_.host.mutable_holdings()->set_sessions(2);
  Tell();
  EXPECT_EQ(status_.sessions(1).state(), v1::SessionStatus::READY);
  EXPECT_EQ(status_.links(0).holdings().sessions(), 2u);
  EXPECT_FALSE(status_.links(1).has_holdings()) << "they would count twice";
}

TEST_F(HostReportsTest, SessionsThatNoHostNamesStayAsTheyAre) {
  info_->set_session_id("another");
  session_->set_state(v1::SessionStatus::UNVERIFIABLE);
  EXPECT_EQ(Tell().state(), v1::SessionStatus::UNVERIFIABLE);
}

}  // namespace
}  // namespace iris
