#include "coordinator/orchestrator/open_tells.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/tell.h"
#include "coordinator/store/stored.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr size_t kBytesMax = 100;
constexpr char kId[] = "01234567-89ab-4cde-8f01-23456789abcd";

// Writes down what it hears, and does what the test wants in that.
class Listener : public TellObserver {
 public:
  void OnAccepted(const std::string&) override {}
  void OnProgress(const v1::TellProgress& progress) override {
    heard.push_back(progress.text());
    if (then) then();
  }
  void OnSettled(const TellOutcome& outcome) override {
    heard.push_back(v1::FailureKind_Name(KindOf(outcome.status)));
    if (then) then();
  }

  std::vector<std::string> heard;
  std::function<void()> then;
};

v1::TellProgress Saying(const std::string& text) {
  v1::TellProgress progress;
  progress.set_text(text);
  return progress;
}

class OpenTellsTest : public ::testing::Test {
 protected:
  AcceptedTell& Add(const std::string& tell_id) {
    const NewTell added{.tell_id = tell_id, .session_id = "session"};
    return tells_.Add(std::make_unique<AcceptedTell>(added, absl::UnixEpoch(), nullptr));
  }

  OpenTells tells_;
  Listener one_, other_;
};

TEST_F(OpenTellsTest, ATellIsFoundUntilItIsTakenOut) {
  AcceptedTell& tell = Add(kId);
  EXPECT_EQ(tells_.Find(kId), &tell);
  EXPECT_EQ(tells_.FindSent(kId), &tell);
  EXPECT_FALSE(tells_.IsOver(kId));
  tell.End(absl::OkStatus(), kBytesMax);
  EXPECT_TRUE(tells_.IsOver(kId));
  EXPECT_EQ(tells_.FindSent(kId), nullptr);
  EXPECT_EQ(tells_.Find(kId), &tell);
  EXPECT_EQ(tells_.Take(kId)->id(), kId);
  EXPECT_EQ(tells_.Find(kId), nullptr);
  EXPECT_TRUE(tells_.IsOver(kId));
  EXPECT_TRUE(tells_.empty());
  EXPECT_FALSE(tells_.IsOver(""));
}

TEST_F(OpenTellsTest, WhatIsSentAgainIsKnownByItsNewIdAlone) {
  AcceptedTell& tell = Add(kId);
  tell.PutOff(absl::OkStatus(), absl::UnixEpoch(), kBytesMax);
  tells_.SendAgain(tell);
  const std::string id_on_host = tell.id_on_host();
  ASSERT_NE(id_on_host, kId);
  EXPECT_EQ(tells_.FindSent(id_on_host), &tell);
  EXPECT_EQ(tells_.TellOf(id_on_host), kId);
  EXPECT_EQ(tells_.FindSent(kId), nullptr);
}

TEST_F(OpenTellsTest, ATellStaysWhereItIsWhateverComes) {
  AcceptedTell& tell = Add(kId);
  for (int i = 0; i < 100; ++i) Add(std::to_string(i));
  EXPECT_EQ(tells_.Find(kId), &tell);
}

TEST_F(OpenTellsTest, WhoHearsOfProgressMayAddTellsAndSendOthersAway) {
  AcceptedTell& tell = Add(kId);
  tell.AddObserver(&one_);
  tell.AddObserver(&other_);
  one_.then = [this] {
    for (int i = 0; i < 100; ++i) Add(std::to_string(i));
    tells_.RemoveObserver(kId, &other_);
  };
  tells_.SetProgress(kId, Saying("working"));
  EXPECT_THAT(one_.heard, ElementsAre("working"));
  EXPECT_THAT(other_.heard, IsEmpty());
}

TEST_F(OpenTellsTest, WhoHearsOfProgressMaySeeTheTellEnd) {
  AcceptedTell& tell = Add(kId);
  tell.AddObserver(&one_);
  tell.AddObserver(&other_);
  one_.then = [this, &tell] {
    tell.End(absl::OkStatus(), kBytesMax);
    tells_.Take(kId);
  };
  tells_.SetProgress(kId, Saying("working"));
  EXPECT_THAT(other_.heard, IsEmpty());
}

TEST_F(OpenTellsTest, AtTheEndOfALifeWhoeverWaitsHearsThatItGoesOn) {
  AcceptedTell& tell = Add(kId);
  tell.AddObserver(&one_);
  std::vector<absl::Status> cancelled;
  tell.AddCancel([&](const absl::StatusOr<v1::CancelTellOfResponse>& response) {
    cancelled.push_back(response.status());
  });
  bool had_left = false;
  one_.then = [&] { had_left = tells_.has_left() && tells_.Find(kId) == nullptr; };
  tells_.Leave(absl::UnixEpoch());
  EXPECT_TRUE(had_left);
  EXPECT_THAT(one_.heard, ElementsAre("FAILURE_DROPPED"));
  ASSERT_EQ(cancelled.size(), 1u);
  EXPECT_EQ(KindOf(cancelled[0]), v1::FAILURE_DROPPED);
}

}  // namespace
}  // namespace iris
