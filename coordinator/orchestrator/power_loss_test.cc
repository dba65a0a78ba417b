// The power fails at every moment of a message's way: whatever somebody heard of it by then is in
// the store when the power is back.

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/orchestrator/slow_store_fixture.h"
#include "coordinator/store/stored.h"
#include "coordinator/store/testing/memory_store.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {
namespace {

class PowerLossTest : public SlowStoreTest {
 protected:
  // What the disk would have if the power failed now.
  std::unique_ptr<MemoryStore> AfterPowerLoss() const {
    const auto disk = std::make_shared<MemoryDisk>(*disk_);
    LosePower(*disk);
    return std::make_unique<MemoryStore>(disk, MemoryStoreOptions());
  }
  bool IsGiven(const TellSpec& spec) {
    return factory_.made() > made_before_ && Transport().has_given(spec.tell_id);
  }
  // Nobody was told anything that is lost.
  void CheckPromises(const TellSpec& spec, const Recorder& recorder) {
    const std::unique_ptr<MemoryStore> left = AfterPowerLoss();
    const absl::optional<StoredTell> tell = *left->FindTell(spec.tell_id);
    const bool is_settled = tell.has_value() && tell->state == TellState::kSettled;
    if (!recorder.session_id.empty()) {
      ASSERT_TRUE(tell.has_value()) << "it was accepted";
      EXPECT_EQ(tell->text, spec.text);
    }
    if (recorder.times_settled > 0) {
      ASSERT_TRUE(is_settled) << "somebody was answered";
      EXPECT_EQ(tell->answer, *recorder.outcome.answer);
    }
    if (!IsGiven(spec)) return;
    // What a host may have is no other's to get.
    if (tell.has_value()) {
      EXPECT_NE(tell->state, TellState::kQueued);
    }
    const uint64_t acknowledged = Transport().acknowledged().seq;
    EXPECT_GE(left->FindMark(left->GetOrCreateSession("cli", "gpu")->session_id)->seq, acknowledged)
        << "the host has thrown it away";
    if (acknowledged >= answer_at_) {
      EXPECT_TRUE(is_settled) << "likewise";
    }
  }
  // Tells it, has it answered so many rounds after the team has got it, and looks at every moment.
  void TellAndLook(const TellSpec& spec, int rounds_of_work) {
    Recorder recorder;
    answer_at_ += 10;
    bool is_answered = false;
    ASSERT_TRUE(orchestrator_->Tell(spec, &recorder).ok());
    for (int round = 0; round < 60 && !HasFailure(); ++round) {
      executor_.RunNext();
      CheckPromises(spec, recorder);
      loop_.RunReady();
      CheckPromises(spec, recorder);
      up_ += absl::Microseconds(700);
      loop_.RunReady();
      CheckPromises(spec, recorder);
      if (is_answered || !IsGiven(spec) || --rounds_of_work > 0) continue;
      is_answered = true;
      Transport().Text(spec.tell_id, "the answer");
      Transport().BeReadUpTo(Mark(answer_at_ - 1));
      Transport().Settle(spec.tell_id, absl::OkStatus());
      Transport().BeReadUpTo(Mark(answer_at_));
    }
    EXPECT_EQ(recorder.times_settled, 1);
    orchestrator_->MarkFetched(spec.tell_id);
    StoreAll();
    CheckPromises(spec, recorder);
  }
  // Another life, whose session has no process yet.
  void Restart() {
    orchestrator_.reset();
    made_before_ = factory_.made();
    orchestrator_ = std::make_unique<Orchestrator>(loop_, store_, config_, factory_);
    ASSERT_TRUE(orchestrator_->ResumeOpenTells().ok());
  }

  int made_before_ = 0;       // Transports, by earlier lives.
  uint64_t answer_at_ = 100;  // In the session's journal.
};

TEST_F(PowerLossTest, NothingThatWasSaidIsLost) {
  for (const bool is_warm : {false, true}) {
    for (const bool asker_waits : {false, true}) {
      for (int rounds = 1; rounds <= 8; ++rounds) {
        SCOPED_TRACE(absl::StrCat(is_warm ? "warm, " : "not warm, ", asker_waits ? "waits, " : "",
                                  rounds, " rounds"));
        if (!is_warm) Restart();
        TellSpec spec = ToGpu();
        spec.asker_waits = asker_waits;
        TellAndLook(spec, rounds);
        if (HasFailure()) return;
      }
    }
  }
}

TEST_F(PowerLossTest, WhatIsListedIsNotLost) {
  Warm();
  Recorder recorder;
  TellSpec spec = ToGpu();
  spec.asker_waits = true;
  ASSERT_TRUE(orchestrator_->Tell(spec, &recorder).ok());
  Write();
  Write();
  ASSERT_FALSE(AfterPowerLoss()->FindTell(spec.tell_id)->has_value());
  std::string listed;
  orchestrator_->List("cli", false, [&](const absl::StatusOr<v1::ListTellsResponse>& list) {
    for (const v1::TellSummary& tell : list->tells()) listed += tell.tell_id();
    EXPECT_TRUE(AfterPowerLoss()->FindTell(spec.tell_id)->has_value());
  });
  Write();
  EXPECT_NE(listed.find(spec.tell_id), std::string::npos);
}

// What this costs: a message that nobody was told is accepted may be known to its host alone.
TEST_F(PowerLossTest, WhatNobodyHeardOfMayBeLostAndIsNewIfItComesAgain) {
  Warm();
  Recorder recorder;
  TellSpec spec = ToGpu();
  spec.asker_waits = true;
  ASSERT_TRUE(orchestrator_->Tell(spec, &recorder).ok());
  Write();
  Write();
  ASSERT_TRUE(Transport().has_given(spec.tell_id));
  ASSERT_EQ(recorder.session_id, "");
  EXPECT_FALSE(AfterPowerLoss()->FindTell(spec.tell_id)->has_value());
}

}  // namespace
}  // namespace iris
