// A desk that takes its time to store a message.

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "common/failure/failure.h"
#include "coordinator/mcp/session_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SlowDesk final : public FakeDesk {
 public:
  absl::Status Tell(TellSpec spec, TellObserver* observer) override {
    const std::string id = spec.tell_id;
    open[id] = {std::move(spec), observer};
    return absl::OkStatus();
  }
  TellObserver& observer(const std::string& id) { return *open.at(id).observer; }
};

class McpSlowTellTest : public McpSessionTest {
 protected:
  McpSlowTellTest() {
    session_ = std::make_unique<McpSession>(loop_, slow_desk_, client_, McpOptions());
    Initialize(*session_);
    client_.answers.clear();
  }
  ~McpSlowTellTest() override { session_.reset(); }
  static Json Quick() {
    return CallOf(1, "quick_message", {{"toTeam", "app"}, {"fromTeam", "web"}, {"message", "x"}});
  }

  SlowDesk slow_desk_;
};

TEST_F(McpSlowTellTest, WhoDoesNotWaitGetsTheIdOnceTheMessageIsStored) {
  const std::string id = Say(*session_, Quick());
  EXPECT_THAT(client_.answers, IsEmpty());
  EXPECT_THAT(client_.accepted, IsEmpty());
  slow_desk_.observer(id).OnAccepted("session");
  EXPECT_THAT(client_.accepted, ElementsAre(id));
  RunUntilHeard(client_);
  EXPECT_EQ(TextOf(client_.answers.at(0)), id);
}

TEST_F(McpSlowTellTest, WhoDoesNotWaitGetsTheIdAlsoOfWhatIsAnsweredAlready) {
  const std::string id = Say(*session_, Quick());
  slow_desk_.observer(id).OnAccepted("session");
  slow_desk_.Settle(id, absl::OkStatus(), "as before");
  RunUntilHeard(client_);
  EXPECT_EQ(TextOf(client_.answers.at(0)), id);
}

TEST_F(McpSlowTellTest, WhatCannotBeStoredFails) {
  for (const Json& call : {Quick(), SendTo(2, "x")}) {
    client_.answers.clear();
    const std::string id = Say(*session_, call);
    slow_desk_.observer(id).OnRefused(MakeFailure(v1::FAILURE_STORAGE, "no room"));
    ASSERT_EQ(client_.answers.size(), 1u);
    EXPECT_THAT(TextOf(client_.answers.at(0)), HasSubstr("no room"));
  }
  EXPECT_THAT(client_.accepted, IsEmpty());
}

}  // namespace
}  // namespace iris
