// What becomes of tells where the coordinator's own disk takes nothing for a while.

#include <sys/resource.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "coordinator/caller/caller.h"
#include "coordinator/orchestrator/orchestrator_fixture.h"
#include "coordinator/store/sqlite/testing/failing_disk.h"
#include "coordinator/transport/testing/fake_transport.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class OrchestratorDiskTest : public OrchestratorTest {
 protected:
  OrchestratorDiskTest() {
    store_options_.vfs = disk_.vfs();
    Start(HoldScript);
  }
  ~OrchestratorDiskTest() override {
    OnLoop([this] {
      orchestrator_.reset();
      store_.reset();
    });
  }
  // A tell that the team works on.
  TellSpec Running(Recorder& recorder, const std::string& text = "x") {
    const TellSpec spec = ToGpu(text);
    EXPECT_TRUE(Tell(spec, recorder).ok());
    Drain();
    return spec;
  }
  // As the host says it, in one go; nothing is stored then.
  void AnswerWhileTheDiskFails(const TellSpec& spec) {
    OnLoop([&] {
      disk_.Fail(FailingDisk::Trouble::kFull);
      Transport().Text(spec.tell_id, "the answer");
      Transport().Settle(spec.tell_id, absl::OkStatus());
      Transport().BeReadUpTo(behind_);
    });
    Drain();
  }
  void Heal() {
    OnLoop([this] { disk_.Heal(); });
  }

  FailingDisk disk_;
  const ReadMark behind_{.journal_id = "journal", .seq = 9};
};

TEST_F(OrchestratorDiskTest, AnAnswerWaitsForRoomAndIsNotAcknowledgedBefore) {
  Recorder recorder, next;
  const TellSpec spec = Running(recorder);
  AnswerWhileTheDiskFails(spec);
  EXPECT_EQ(recorder.times_settled, 0);
  EXPECT_THAT(recorder.texts, Contains(HasSubstr("cannot be stored yet")));
  OnLoop([&] {
    EXPECT_EQ(Transport().acknowledged(), ReadMark());
    EXPECT_EQ((*store_->FindTell(spec.tell_id))->state, TellState::kRunning);
  });
  Heal();
  EXPECT_TRUE(recorder.Wait().status.ok());
  EXPECT_EQ(*recorder.outcome.answer, "the answer");
  OnLoop([&] {
    EXPECT_EQ(Transport().acknowledged(), behind_);
    EXPECT_EQ((*store_->FindTell(spec.tell_id))->answer, "the answer");
  });
  // The team is not blocked.
  const TellSpec later = Running(next);
  OnLoop([&] { Transport().Settle(later.tell_id, absl::OkStatus()); });
  EXPECT_TRUE(next.Wait().status.ok());
}

TEST_F(OrchestratorDiskTest, AnAnswerThatDoesNotFitHoldsUpNobodyElse) {
  constexpr size_t kRoom = 4 << 20;
  Recorder big, quick;
  const TellSpec spec = Running(big);
  TellSpec other{.tell_id = NewUuid(), .from = "cli", .to = "backend", .text = "x"};
  ASSERT_TRUE(Tell(other, quick).ok());
  Drain();
  FakeTransport& backend = factory_->Between("cli", "backend");
  absl::Time begun;
  OnLoop([&] {
    disk_.SetRoom(kRoom);
    Transport().Text(spec.tell_id, std::string(2 * kRoom, 'a'));
    Transport().Settle(spec.tell_id, absl::OkStatus());
    Transport().BeReadUpTo(behind_);
    backend.Settle(other.tell_id, absl::OkStatus());
    begun = absl::Now();
  });
  EXPECT_TRUE(quick.Wait().status.ok());
  OnLoop([&] { EXPECT_EQ(disk_.failed(), 2u); });  // With the other one, and for itself.
  for (uint64_t seq = 1; seq <= 20; ++seq) {
    Recorder next;
    other.tell_id = NewUuid();
    ASSERT_TRUE(Tell(other, next).ok());
    Drain();
    OnLoop([&] {
      backend.Settle(other.tell_id, absl::OkStatus());
      backend.BeReadUpTo({.journal_id = "backend", .seq = seq});
    });
    EXPECT_TRUE(next.Wait().status.ok());
  }
  OnLoop([&] {
    // Once a second, however much others have to store.
    EXPECT_LE(disk_.failed(), 2 + absl::ToInt64Seconds(absl::Now() - begun));
  });
  EXPECT_EQ(big.times_settled, 0);
  EXPECT_THAT(big.texts, Contains(HasSubstr("cannot be stored yet")));
  Heal();
  EXPECT_TRUE(big.Wait().status.ok());
  EXPECT_EQ(big.outcome.answer->size(), 2 * kRoom);
}

// It is heard of from inside the start of the message: what was passed on of it is taken back.
TEST_F(OrchestratorDiskTest, WhoCancelsAMessageThatTheStoreDoesNotTakeLeavesTheSessionFree) {
  struct : Recorder {
    void OnProgress(const v1::TellProgress& progress) override {
      Recorder::OnProgress(progress);
      if (!absl::StrContains(progress.text(), "cannot be taken up")) return;
      if (on_refused) std::exchange(on_refused, nullptr)();
    }
    std::function<void()> on_refused;
  } refused;
  OnLoop([this] { factory_->hosts().asks_at_once = true; });
  Recorder first;
  const TellSpec spec = Running(first);
  const TellSpec second = ToGpu("second");
  ASSERT_TRUE(Tell(second, refused).ok());
  Drain();
  bool is_cancelled = false;
  refused.on_refused = [&] {
    is_cancelled = true;
    orchestrator_->Cancel(second.tell_id, Caller::CommandLine(),
                          [](const absl::StatusOr<v1::CancelTellOfResponse>&) {});
  };
  first.on_settled = [&] { disk_.Fail(FailingDisk::Trouble::kFull); };
  OnLoop([&] { Transport().Settle(spec.tell_id, absl::OkStatus()); });
  Drain();
  OnLoop([&] { ASSERT_TRUE(is_cancelled); });
  Heal();
  EXPECT_EQ(KindOf(refused.Wait().status), v1::FAILURE_CANCELLED);
  Drain();
  OnLoop([this] { EXPECT_THAT(Transport().open_tells(), IsEmpty()); });
  EXPECT_EQ(OnlySession().state(), v1::SessionStatus::READY) << "and not busy with it";
}

// Room on a disk comes back; that limit stays as it is.
TEST_F(OrchestratorDiskTest, AnAnswerBeyondTheLimitOnTheSizeOfAFileEndsAsAFailure) {
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit lowered = before;
  lowered.rlim_cur = std::min<rlim_t>(before.rlim_max, rlim_t{1} << 30);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &lowered), 0);
  Recorder big, next;
  const TellSpec spec = Running(big);
  OnLoop([&] {
    disk_.SetRoom(4 << 20);
    Transport().Text(spec.tell_id, std::string(8 << 20, 'a'));
    Transport().Settle(spec.tell_id, absl::OkStatus());
    Transport().BeReadUpTo(behind_);
  });
  const absl::Status lost = big.Wait().status;
  EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(KindOf(lost), v1::FAILURE_STORAGE);
  EXPECT_THAT(ToProto(lost).detail(), HasSubstr("the answer of 8388608 bytes is lost"));
  EXPECT_THAT(ToProto(lost).fix(), HasSubstr("ulimit -f"));
  OnLoop([&] { EXPECT_EQ(Transport().acknowledged(), behind_); });
  const TellSpec later = Running(next);
  OnLoop([&] { Transport().Settle(later.tell_id, absl::OkStatus()); });
  EXPECT_TRUE(next.Wait().status.ok());
}

TEST_F(OrchestratorDiskTest, WhatWasWrittenForNothingIsGivenBackOnceForAll) {
  Recorder a, b;
  const TellSpec one = Running(a);
  const TellSpec other{.tell_id = NewUuid(), .from = "cli", .to = "backend", .text = "x"};
  ASSERT_TRUE(Tell(other, b).ok());
  Drain();
  OnLoop([&] {
    disk_.Fail(FailingDisk::Trouble::kFull);
    Transport().Settle(one.tell_id, absl::OkStatus());
    factory_->Between("cli", "backend").Settle(other.tell_id, absl::OkStatus());
  });
  Drain();
  OnLoop([&] { EXPECT_EQ(disk_.failed(), 1u + 2u + 1u); });  // Together, each, and the room.
  Heal();
  a.Wait();
  b.Wait();
}

TEST_F(OrchestratorDiskTest, AKilledCoordinatorReadsAgainWhatItCouldNotStore) {
  Recorder before, after;
  const TellSpec spec = Running(before);
  AnswerWhileTheDiskFails(spec);
  Heal();
  Start(HoldScript);
  Drain();
  OnLoop([&] { EXPECT_EQ(Transport().after(), ReadMark()); });
  EXPECT_THAT(Transport().resumed(), ElementsAre(spec.tell_id));
  ASSERT_TRUE(Tell(spec, after).ok());
  OnLoop([&] {
    Transport().Text(spec.tell_id, "the answer");
    Transport().Settle(spec.tell_id, absl::OkStatus());
    Transport().BeReadUpTo(behind_);
  });
  EXPECT_EQ(*after.Wait().answer, "the answer");
  EXPECT_EQ(before.times_settled, 0);
}

TEST_F(OrchestratorDiskTest, TheNextMessageKeepsItsPlaceUntilTheDiskTakesIt) {
  Recorder a, b;
  const TellSpec first = Running(a);
  const TellSpec second = ToGpu("second");
  ASSERT_TRUE(Tell(second, b).ok());
  AnswerWhileTheDiskFails(first);
  OnLoop([&] { EXPECT_THAT(Transport().open_tells(), IsEmpty()); });
  EXPECT_EQ(b.times_settled, 0);
  Heal();
  a.Wait();
  Drain();
  OnLoop([&] { Transport().Settle(second.tell_id, absl::OkStatus()); });
  EXPECT_TRUE(b.Wait().status.ok());
}

TEST_F(OrchestratorDiskTest, AMessageThatCannotBeMarkedAsRunningWaits) {
  Recorder recorder;
  const TellSpec spec = ToGpu("x");
  OnLoop([&] {
    ASSERT_TRUE(orchestrator_->Tell(spec, &recorder).ok());
    disk_.Fail(FailingDisk::Trouble::kIoError);  // It starts in the next round of the loop.
  });
  Drain();
  OnLoop([&] { EXPECT_FALSE(Transport().has_given(spec.tell_id)); });
  EXPECT_THAT(recorder.texts, Contains(HasSubstr("cannot be taken up yet")));
  OnLoop([&] {
    disk_.Heal();
    EXPECT_EQ((*store_->FindTell(spec.tell_id))->state, TellState::kQueued);
  });
  for (bool given = false; !given;) {
    OnLoop([&] { given = Transport().has_given(spec.tell_id); });
  }
  OnLoop([&] { EXPECT_EQ((*store_->FindTell(spec.tell_id))->state, TellState::kRunning); });
  OnLoop([&] { Transport().Settle(spec.tell_id, absl::OkStatus()); });
  EXPECT_TRUE(recorder.Wait().status.ok());
}

TEST_F(OrchestratorDiskTest, WhoCancelsIsToldThatTheDiskDoesNotTakeIt) {
  Recorder a, b;
  const TellSpec first = Running(a), waiting = ToGpu("waiting");
  ASSERT_TRUE(Tell(waiting, b).ok());
  absl::Notification cancelled;
  absl::Status said;
  OnLoop([&] {
    disk_.Fail(FailingDisk::Trouble::kFull);
    orchestrator_->Cancel(waiting.tell_id, "cli",
                          [&](const absl::StatusOr<v1::CancelTellOfResponse>& response) {
                            said = response.status();
                            cancelled.Notify();
                          });
  });
  cancelled.WaitForNotification();
  EXPECT_EQ(KindOf(said), v1::FAILURE_STORAGE);
  Heal();
  EXPECT_EQ(KindOf(b.Wait().status), v1::FAILURE_CANCELLED);  // All the same.
  EXPECT_EQ(a.times_settled, 0);
}

TEST_F(OrchestratorDiskTest, WhereNothingCanBeSettledTheNextLifeGoesOn) {
  Recorder before, after;
  const TellSpec spec = Running(before);
  absl::Status settled;
  OnLoop([&] {
    disk_.Fail(FailingDisk::Trouble::kFull);
    settled = orchestrator_->SettleOpen();
    disk_.Heal();
  });
  EXPECT_EQ(KindOf(settled), v1::FAILURE_STORAGE);
  EXPECT_EQ(KindOf(before.Wait().status), v1::FAILURE_DROPPED);
  Start(HoldScript);
  Drain();
  EXPECT_THAT(Transport().resumed(), ElementsAre(spec.tell_id));
}

TEST_F(OrchestratorDiskTest, ManyOpenMessagesAreSettledWithOneWaitForTheDisk) {
  std::vector<Recorder> recorders(100);
  for (Recorder& recorder : recorders) ASSERT_TRUE(Tell(ToGpu("x"), recorder).ok());
  OnLoop([&] {
    const uint64_t before = disk_.syncs();
    EXPECT_TRUE(orchestrator_->SettleOpen().ok());
    EXPECT_EQ(disk_.syncs() - before, 1u);
  });
  for (Recorder& recorder : recorders) {
    EXPECT_EQ(KindOf(recorder.Wait().status), v1::FAILURE_CANCELLED);
  }
}

}  // namespace
}  // namespace iris
