// The orchestrator with a file as its store, written by the store's own thread.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/orchestrator/orchestrator_fixture.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/store/store_thread.h"
#include "coordinator/transport/testing/fake_transport.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::IsEmpty;

class ThreadedStoreTest : public OrchestratorTest {
 protected:
  ThreadedStoreTest() { Begin(EchoScript); }
  ~ThreadedStoreTest() override { End(); }
  // Another life, with a thread.
  void Begin(FakeScript script) {
    End();
    Start(std::move(script));
    OnLoop([this] {
      orchestrator_.reset();
      queue_ = std::make_unique<StoreQueue>(thread_.loop(), *store_, *writer_);
      orchestrator_ = std::make_unique<Orchestrator>(thread_.loop(), *queue_, *config_, *factory_);
      ASSERT_TRUE(orchestrator_->ResumeOpenTells().ok());
    });
  }
  void End() {
    OnLoop([this] {
      orchestrator_.reset();
      queue_.reset();
    });
  }
  std::vector<std::string> OpenTells() {
    std::vector<std::string> open;
    OnLoop([&] { open = *queue_->OpenTells(); });
    return open;
  }

  const std::unique_ptr<StoreThread> writer_ = *StoreThread::Start();
  std::unique_ptr<StoreQueue> queue_;
};

TEST_F(ThreadedStoreTest, ManyTellsOfTwoTeamsAreAcceptedAnsweredAndStored) {
  std::vector<Recorder> recorders(60);
  std::vector<std::string> ids;
  for (size_t i = 0; i < recorders.size(); ++i) {
    ids.push_back(NewUuid());
    const TellSpec spec{.tell_id = ids.back(),
                        .from = "cli",
                        .to = i % 2 == 0 ? "gpu" : "backend",
                        .text = absl::StrCat("text ", i)};
    ASSERT_TRUE(Tell(spec, recorders[i]).ok());
  }
  for (size_t i = 0; i < recorders.size(); ++i) {
    const TellOutcome& outcome = recorders[i].Wait();
    EXPECT_TRUE(outcome.status.ok()) << outcome.status;
    EXPECT_EQ(*outcome.answer, absl::StrCat("text ", i));
    EXPECT_NE(recorders[i].session_id, "");
    OnLoop([&] { EXPECT_EQ((*queue_->FindTell(ids[i]))->answer, *outcome.answer); });
  }
  EXPECT_THAT(OpenTells(), IsEmpty());
}

TEST_F(ThreadedStoreTest, WhatIsOpenGoesOnInTheNextLife) {
  Begin(HoldScript);
  Recorder before, after;
  const TellSpec spec = ToGpu("x");
  ASSERT_TRUE(Tell(spec, before).ok());
  for (bool given = false; !given;) {
    OnLoop([&] { given = factory_->made("cli", "gpu") && Transport().has_given(spec.tell_id); });
  }
  OnLoop([&] {
    Transport().Text(spec.tell_id, "half ");
    Transport().BeReadUpTo({.journal_id = "journal", .seq = 5});
    orchestrator_->Leave();
  });
  EXPECT_EQ(KindOf(before.Wait().status), v1::FAILURE_DROPPED);
  Begin(HoldScript);
  ASSERT_TRUE(Tell(spec, after).ok());
  OnLoop([&] {
    EXPECT_EQ(Transport().after().seq, 5u);
    Transport().Text(spec.tell_id, "answer");
    Transport().Settle(spec.tell_id, absl::OkStatus());
    Transport().BeReadUpTo({.journal_id = "journal", .seq = 9});
  });
  EXPECT_EQ(*after.Wait().answer, "half answer");
}

}  // namespace
}  // namespace iris
