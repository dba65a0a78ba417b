// What a host can make a transport hold.

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "agent/testing/processes.h"
#include "common/budget/byte_budget.h"
#include "common/failure/failure.h"
#include "coordinator/link/testing/fake_host.h"
#include "gmock/gmock.h"
#include "tests/integration/transport_fixture.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

// A host that sends whatever the test says.
class FloodTest : public ::testing::Test {
 protected:
  FloodTest() {
    KeepGrpcClientThreads();
    host_.Speak(true);
    OnLoop([this] {
      link_ = std::make_unique<HostLink>(loop_.loop(), calls_, "gpu1", host_.MakeConnector());
      transport_ = std::make_unique<AgentTransport>(
          loop_.loop(), *link_, CoordinatorIdentity{NewUuid(), "me@here"}, Team(),
          SessionKey{.session_id = NewUuid(), .from = "cli", .to = "gpu"}, ReadMark(), sink_);
      transport_->Tell(NewUuid(), "anything");
    });
  }
  ~FloodTest() override {
    OnLoop([this] {
      transport_.reset();
      link_.reset();
    });
    EXPECT_TRUE(calls_.WaitForNone(absl::Now() + kPatience));
  }
  void OnLoop(absl::FunctionRef<void()> task) { loop_.Run(task); }
  uint64_t BytesIn() {
    uint64_t bytes = 0;
    OnLoop([&] { bytes = transport_->bytes_read(); });
    return bytes;
  }

  FakeHost host_;
  LoopThread loop_;
  OutstandingCalls calls_;
  TransportRecorder sink_;
  std::unique_ptr<HostLink> link_;
  std::unique_ptr<AgentTransport> transport_;
};

// A budget that somebody else has used up, and who goes on using it.
class UsedUp {
 public:
  explicit UsedUp(EventLoop& loop) : loop_(loop), budget_(loop, 1 << 20), other_(budget_) {
    other_.Set(1 << 20);
    UseItUp();
  }
  ~UsedUp() { loop_.Cancel(timer_); }

  ByteBudget& budget() { return budget_; }
  size_t others() const { return other_.bytes(); }
  void MakeRoom() {
    loop_.Cancel(timer_);
    other_.Set(0);
  }

 private:
  void UseItUp() {
    EXPECT_TRUE(other_.MayTakeMore([] {}));
    timer_ = loop_.After(absl::Seconds(1), [this] { UseItUp(); });
  }

  EventLoop& loop_;
  ByteBudget budget_;
  ByteBudget::Holder other_;
  EventLoop::TimerId timer_ = 0;
};

TEST_F(FloodTest, WhatCreditDoesNotCountDoesNotPileUp) {
  v1::Event event;
  event.mutable_gap()->set_tell_id(std::string(100'000, 'x'));
  const std::string tell_id = NewUuid();
  ASSERT_TRUE(Eventually([this] { return BytesIn() > 0; }));
  absl::Notification goes_on;
  loop_.loop().Post([&] { goes_on.WaitForNotification(); });
  host_.Flood(event);
  const absl::Time deadline = absl::Now() + kPatience;
  while (host_.attaches_ended() == 0 && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_EQ(host_.attaches_ended(), 1);
  EXPECT_LT(host_.events_said(), 1000);  // Of 100 KB; credit counts 64 bytes of them.
  goes_on.Notify();
  OnLoop([] {});  // It has returned from waiting.
}

TEST_F(FloodTest, AHostThatSendsMoreThanItMayIsHeardNoFurther) {
  std::unique_ptr<UsedUp> memory;
  const std::string tell_id = NewUuid();
  v1::Event event;
  event.mutable_output()->set_bytes(std::string(64 << 10, 'x'));
  event.mutable_output()->set_more(true);
  host_.Flood(event);
  OnLoop([&] {
    memory = std::make_unique<UsedUp>(loop_.loop());
    transport_ = std::make_unique<AgentTransport>(
        loop_.loop(), *link_, CoordinatorIdentity{NewUuid(), "me@here"}, Team(),
        SessionKey{.session_id = NewUuid(), .from = "cli", .to = "gpu"}, ReadMark(), sink_,
        &memory->budget());
    transport_->Tell(tell_id, "anything");
  });
  const Outcome outcome = sink_.WaitFor(tell_id);
  EXPECT_EQ(KindOf(outcome.status), v1::FAILURE_INTERNAL);
  EXPECT_THAT(std::string(outcome.status.message()), HasSubstr("more than it was allowed to"));
  OnLoop([&] {
    transport_.reset();
    memory.reset();
  });
}

class NoRoomTest : public TransportTest {
 protected:
  static constexpr size_t kAnswerBytes = 20'000'000;

  NoRoomTest() {
    OnLoop([this] {
      memory_ = std::make_unique<UsedUp>(loop_.loop());
      transport_ = std::make_unique<AgentTransport>(
          loop_.loop(), *link_, identity_, team_,
          SessionKey{.session_id = session_id_, .from = "cli", .to = "gpu"}, ReadMark(), sink_,
          &memory_->budget());
    });
    tell_id_ = Tell(absl::StrCat("BIG ", kAnswerBytes));
  }
  ~NoRoomTest() override {
    OnLoop([this] {
      transport_.reset();
      EXPECT_EQ(memory_->budget().held(), memory_->others());
      memory_.reset();
    });
  }
  // The answer has begun, and nothing more comes of it. Bytes that came are no sign of that,
  // however long no others do: claude says other lines first, of which nothing is held.
  void WaitUntilItWaits() {
    const absl::Time deadline = absl::Now() + kPatience;
    for (uint64_t before = 0, now = BytesIn(); BytesHeld() == 0 || now != before; now = BytesIn()) {
      ASSERT_LT(absl::Now(), deadline);
      before = now;
      absl::SleepFor(absl::Seconds(1));
    }
    EXPECT_LT(BytesIn(), kAnswerBytes / 2);
  }
  size_t BytesHeld() {
    size_t bytes = 0;
    OnLoop([&] { bytes = memory_->budget().held() - memory_->others(); });
    return bytes;
  }

  std::unique_ptr<UsedUp> memory_;
  std::string tell_id_;
};

TEST_F(NoRoomTest, ASessionBeyondTheBudgetWaitsAndGoesOn) {
  WaitUntilItWaits();
  EXPECT_GT(BytesHeld(), 0u);
  OnLoop([this] { memory_->MakeRoom(); });
  const Outcome outcome = sink_.WaitFor(tell_id_);
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.text.size(), kAnswerBytes);
  EXPECT_EQ(BytesHeld(), 0u);
}

TEST_F(NoRoomTest, ASessionThatEndsInTheMiddleOfALineHoldsNothing) {
  WaitUntilItWaits();
  EXPECT_GT(BytesHeld(), 0u);
  Terminate();
  EXPECT_FALSE(sink_.WaitFor(tell_id_).status.ok());
  EXPECT_EQ(BytesHeld(), 0u);
}

}  // namespace
}  // namespace iris
