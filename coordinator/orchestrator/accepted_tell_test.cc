#include "coordinator/orchestrator/accepted_tell.h"

#include <memory>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/checkpoints.h"
#include "coordinator/orchestrator/limit_wait.h"
#include "coordinator/orchestrator/tell.h"
#include "coordinator/store/stored.h"
#include "coordinator/transport/host_away.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {
namespace {

constexpr size_t kBytesMax = 100;
constexpr char kId[] = "01234567-89ab-4cde-8f01-23456789abcd";
const absl::Time kAccepted = absl::UnixEpoch();

NewTell Added(TellState state = TellState::kQueued) {
  return {.tell_id = kId, .session_id = "session", .state = state, .wait_for_limit = true};
}

absl::Status Limit() {
  Failure failure;
  failure.set_kind(v1::FAILURE_RATE_LIMITED);
  failure.mutable_rate_limit()->set_nothing_ran(true);
  return FromProto(failure);
}

TEST(AcceptedTellTest, IsOpenUntilItEnds) {
  AcceptedTell tell(Added(), kAccepted, nullptr);
  EXPECT_FALSE(tell.is_over());
  tell.answer().Append("the answer", kBytesMax);
  tell.End(absl::OkStatus(), kBytesMax);
  EXPECT_TRUE(tell.is_over());
  EXPECT_FALSE(tell.is_put_off());
  const auto outcome = tell.Outcome();
  const TellEnd& end = std::get<TellEnd>(outcome);
  EXPECT_EQ(end.settlement.tell_id, kId);
  EXPECT_EQ(end.settlement.answer, "the answer");
  EXPECT_EQ(end.settlement.cancel_on_host, "");
}

TEST(AcceptedTellTest, WhatIsPutOffIsOpenAgainUnderAnotherIdOnceThatIsStored) {
  AcceptedTell tell(Added(TellState::kRunning), kAccepted, nullptr);
  ASSERT_TRUE(tell.giving().Give());
  const absl::optional<absl::Time> when = tell.WhenToSendAgain(Limit(), kAccepted, LimitWaits());
  ASSERT_TRUE(when.has_value());
  tell.PutOff(Limit(), *when, kBytesMax);
  EXPECT_TRUE(tell.is_over());
  const auto outcome = tell.Outcome();
  EXPECT_EQ(std::get<Postponement>(outcome).not_before, *when);
  EXPECT_EQ(std::get<Postponement>(outcome).waits, 1);

  tell.SendAgain();
  EXPECT_FALSE(tell.is_over());
  EXPECT_FALSE(tell.given());
  EXPECT_EQ(tell.not_before(), *when);
  EXPECT_EQ(tell.limit_waits(), 1);
  EXPECT_NE(tell.id_on_host(), kId);
}

TEST(AcceptedTellTest, WhatIsPutOffMayStayOver) {
  AcceptedTell tell(Added(), kAccepted, nullptr);
  tell.PutOff(Limit(), kAccepted + absl::Hours(1), kBytesMax);
  tell.StayOver();
  const auto outcome = tell.Outcome();
  EXPECT_EQ(KindOf(std::get<TellEnd>(outcome).settlement.outcome), v1::FAILURE_RATE_LIMITED);
}

TEST(AcceptedTellTest, WhoeverCancelsItDoesNotWaitForALimit) {
  AcceptedTell tell(Added(), kAccepted, nullptr);
  tell.AddCancel([](const absl::StatusOr<v1::CancelTellOfResponse>&) {});
  EXPECT_FALSE(tell.WhenToSendAgain(Limit(), kAccepted, LimitWaits()).has_value());
  EXPECT_EQ(tell.TakeCancels().size(), 1u);
  EXPECT_EQ(tell.cancels(), 0u);
}

TEST(AcceptedTellTest, OtherFailuresEndIt) {
  AcceptedTell tell(Added(), kAccepted, nullptr);
  const absl::Status dropped = MakeFailure(v1::FAILURE_DROPPED, "gone");
  EXPECT_FALSE(tell.WhenToSendAgain(dropped, kAccepted, LimitWaits()).has_value());
}

TEST(AcceptedTellTest, AnAnswerThatCannotBeStoredIsLostAndTheOutcomeSaysSo) {
  AcceptedTell tell(Added(), kAccepted, nullptr);
  tell.answer().Append("the answer", kBytesMax);
  tell.End(absl::OkStatus(), kBytesMax);
  EXPECT_FALSE(tell.NoteNotStored());
  EXPECT_TRUE(tell.NoteNotStored());
  tell.GiveUpAnswer(MakeFailure(v1::FAILURE_STORAGE, "too large"));
  const auto outcome = tell.Outcome();
  EXPECT_EQ(KindOf(std::get<TellEnd>(outcome).settlement.outcome), v1::FAILURE_STORAGE);
  EXPECT_EQ(std::get<TellEnd>(outcome).settlement.answer, "");
}

TEST(AcceptedTellTest, WhatAnEarlierLifeLeftGoesOnWithItsAnswer) {
  const StoredTell stored{.tell_id = kId,
                          .session_id = "session",
                          .state = TellState::kRunning,
                          .accepted_at = kAccepted,
                          .not_before = kAccepted + absl::Hours(1),
                          .limit_waits = 2};
  AcceptedTell tell(stored, "so far");
  EXPECT_TRUE(tell.given());
  EXPECT_EQ(tell.answer().bytes(), 6u);
  EXPECT_EQ(tell.limit_waits(), 2);
  // What a team may have does not wait any more.
  EXPECT_EQ(tell.not_before(), absl::InfinitePast());
  EXPECT_TRUE(tell.Left(HostAway(), kAccepted, absl::Hours(1)).has_waited);
  tell.NoteCancelOnHost();
  tell.End(absl::CancelledError("cancelled"), kBytesMax);
  const auto outcome = tell.Outcome();
  EXPECT_EQ(std::get<TellEnd>(outcome).settlement.cancel_on_host, IdOnHost(kId, 2));
}

TEST(AcceptedTellTest, ItIsLentUntilItsHostHasIt) {
  AcceptedTell tell(Added(TellState::kRunning), kAccepted, nullptr);
  EXPECT_FALSE(tell.is_lent());
  tell.asker().Lend(std::make_shared<const Environment>(), /*by_sender=*/false);
  EXPECT_TRUE(tell.is_lent());
  ASSERT_TRUE(tell.giving().Give());
  EXPECT_FALSE(tell.is_lent());
}

TEST(AcceptedTellTest, WhoJoinsHearsWhatWasSaidLast) {
  AcceptedTell tell(Added(), kAccepted, nullptr);
  EXPECT_FALSE(tell.Progress().has_value());
  v1::TellProgress progress;
  progress.set_text("working");
  progress.set_working_ms(1000);
  tell.SetProgress(progress);
  EXPECT_TRUE(tell.Says("working"));
  ASSERT_TRUE(tell.Progress().has_value());
  EXPECT_GE(tell.Progress()->working_ms(), 1000u);
}

}  // namespace
}  // namespace iris
