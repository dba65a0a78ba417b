#include "coordinator/link/link_status.h"

#include "coordinator/link/connection.h"
#include "coordinator/link/link_machine.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/agent.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

TEST(LinkStatusTest, AnAgentSaysWhyItStaysWhatItIs) {
  v1::Hello hello;
  hello.set_build_number(7);
  hello.set_upgrade_refused("its disk is full");
  v1::LinkStatus status;
  ShowAgent(hello, status);
  EXPECT_EQ(status.upgrade_refused(), "its disk is full");
}

TEST(LinkStatusTest, OfOneThatIsTooOldToSayItIsKnown) {
  v1::LinkStatus status;
  ShowAgent(v1::Hello(), status);
  EXPECT_THAT(status.upgrade_refused(), HasSubstr("too old"));
}

TEST(LinkStatusTest, FactsAreShownInTheirOrder) {
  v1::LinkStatus status;
  ShowFacts({{.name = "clientPid", .value = "7"}, {.name = "port", .value = "22"}}, status);
  ASSERT_EQ(status.facts_size(), 2);
  EXPECT_EQ(status.facts(0).name(), "clientPid");
  EXPECT_EQ(status.facts(1).value(), "22");
}

TEST(LinkStatusTest, EveryStateHasItsOwnInTheProtocol) {
  EXPECT_EQ(ToProto(LinkState::kDown), v1::LinkStatus::DOWN);
  EXPECT_EQ(ToProto(LinkState::kBlocked), v1::LinkStatus::BLOCKED);
  EXPECT_EQ(LinkModeName(LinkMode::kStdio), "stdio");
}

}  // namespace
}  // namespace iris
