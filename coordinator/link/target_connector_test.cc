#include "coordinator/link/target_connector.h"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "coordinator/link/connection_pace.h"
#include "coordinator/link/connector.h"
#include "coordinator/link/fresh_answer.h"
#include "coordinator/link/login_bar.h"
#include "coordinator/link/target.h"
#include "coordinator/link/testing/fake_target.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The target `gpu`, which means the host of `key`; who gets as far as connecting notes its keys.
class TargetConnectorTest : public ::testing::Test {
 protected:
  TargetConnectorTest() { Make(Meaning("key")); }
  void Make(const ResolvedTarget& resolved) {
    answer_->Note(resolved);
    connector_ = MakeTargetConnector(resolved, {.lent_env = [this] { return lent_; },
                                                .on_moved = [this] { ++moves_; },
                                                .answer = answer_,
                                                .bar = bar_,
                                                .pace = pace_});
  }
  ResolvedTarget Meaning(const std::string& key, const Environment& env = {}) {
    return {.target = FakeTarget::Make(
                "gpu",
                {.resolve = [this](const FakeTarget& target) -> absl::StatusOr<ResolvedTarget> {
                   ResolvedTarget resolved = target.Itself();
                   resolved.key = meaning_;
                   return resolved;
                 },
                 .connect = [this](const FakeTarget& target,
                                   const ConnectOptions&) -> absl::StatusOr<Connection> {
                   seen_.push_back(target.keys());
                   return MakeFailure(v1::FAILURE_UNREACHABLE, "nobody is there");
                 }},
                env),
            .key = key,
            .name = "me@gpu:22"};
  }
  absl::Status Connect() {
    const std::atomic<bool> cancelled = false;
    return connector_->Connect([](const ConnectProgress&) {}, cancelled).status();
  }
  void RefuseALogin() {
    bar_->Note(MakeFailure(v1::FAILURE_AUTH, "gpu: Permission denied (publickey)"));
  }

  const std::shared_ptr<FreshAnswer> answer_ = std::make_shared<FreshAnswer>();
  const std::shared_ptr<LoginBar> bar_ = std::make_shared<LoginBar>();
  absl::Duration now_;
  const std::shared_ptr<ConnectionPace> pace_ =
      std::make_shared<ConnectionPace>([this] { return now_; });
  std::string meaning_ = "key";
  Environment lent_;
  int moves_ = 0;
  std::vector<std::string> seen_;
  std::unique_ptr<Connector> connector_;
};

TEST_F(TargetConnectorTest, SoonAfterARefusedLoginThatIsTheAnswer) {
  RefuseALogin();
  for (int i = 0; i < 3; ++i) {
    const absl::Status barred = Connect();
    EXPECT_EQ(KindOf(barred), v1::FAILURE_AUTH) << barred;
    EXPECT_THAT(std::string(barred.message()), HasSubstr("at the earliest"));
  }
  EXPECT_EQ(moves_, 0);
}

TEST_F(TargetConnectorTest, AnotherMeaningOfTheTargetIsNoticedAllTheSame) {
  RefuseALogin();
  EXPECT_EQ(KindOf(Connect()), v1::FAILURE_AUTH);
  meaning_ = "another";
  EXPECT_EQ(KindOf(Connect()), v1::FAILURE_CANCELLED);
  EXPECT_EQ(moves_, 1);
}

TEST_F(TargetConnectorTest, WhatWasSaidJustNowIsNotAskedOnceMore) {
  RefuseALogin();
  EXPECT_EQ(KindOf(Connect()), v1::FAILURE_AUTH);
  meaning_ = "another";
  answer_->Note(Meaning("key"));
  EXPECT_EQ(KindOf(Connect()), v1::FAILURE_AUTH);
  EXPECT_EQ(moves_, 0);
  EXPECT_EQ(KindOf(Connect()), v1::FAILURE_CANCELLED);
}

TEST_F(TargetConnectorTest, ItConnectsWithWhatWasLentLast) {
  Make(Meaning("key", {{"KEYS", "/of-who-asked-first"}}));
  EXPECT_FALSE(Connect().ok());
  lent_ = {{"KEYS", "/of-who-asked-last"}};
  EXPECT_FALSE(Connect().ok());
  EXPECT_THAT(seen_, ElementsAre("/of-who-asked-first", "/of-who-asked-last"));
}

TEST_F(TargetConnectorTest, ItWaitsForItsTurnAndCanBeGivenUp) {
  while (pace_->Take() < absl::Minutes(2)) continue;
  const std::atomic<bool> cancelled = true;
  std::vector<std::string> told;
  const absl::Status status =
      connector_
          ->Connect([&](const ConnectProgress& progress) { told.push_back(progress.text); },
                    cancelled)
          .status();
  EXPECT_EQ(KindOf(status), v1::FAILURE_CANCELLED) << status;
  EXPECT_THAT(told, ElementsAre(HasSubstr("behind other hosts")));
}

TEST_F(TargetConnectorTest, WhatIsBarredTakesNoTurn) {
  RefuseALogin();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(KindOf(Connect()), v1::FAILURE_AUTH);
  EXPECT_EQ(pace_->Take(), absl::ZeroDuration());
}

TEST_F(TargetConnectorTest, WhatFailsBeforeItCouldCostOneIsNoLogin) {
  for (const bool tried : {false, true}) {
    ResolvedTarget resolved = Meaning("key");
    resolved.target = FakeTarget::Make(
        "gpu", {.connect = [tried](const FakeTarget&,
                                   const ConnectOptions& options) -> absl::StatusOr<Connection> {
          if (tried) options.on_tried();
          return MakeFailure(v1::FAILURE_AUTH, "no");
        }});
    Make(resolved);
    EXPECT_FALSE(Connect().ok());
    EXPECT_EQ(bar_->open(), !tried);
  }
}

}  // namespace
}  // namespace iris
