// What a link learns from the streams of its sessions.

#include <functional>
#include <memory>

#include "agent/testing/processes.h"
#include "coordinator/link/testing/fake_host.h"
#include "tests/integration/transport_fixture.h"

namespace iris {
namespace {

// A host that is too busy with its streams to answer probes, as one behind a slow link is. The loop
// runs on the test's thread, by a clock that stands still between steps.
class BusyHostTest : public ::testing::Test {
 protected:
  BusyHostTest() {
    KeepGrpcClientThreads();
    host_.Speak(true);
    link_ = std::make_unique<HostLink>(loop_, calls_, "gpu1", host_.MakeConnector());
    transport_ = std::make_unique<AgentTransport>(
        loop_, *link_, CoordinatorIdentity{NewUuid(), "me@here"}, Team(),
        SessionKey{.session_id = NewUuid(), .from = "cli", .to = "gpu"}, ReadMark(), sink_);
    transport_->Tell(NewUuid(), "anything");
  }
  ~BusyHostTest() override {
    transport_.reset();
    link_.reset();
    EXPECT_TRUE(calls_.WaitForNone(absl::Now() + kPatience));
    while (loop_.RunReady()) {
    }
  }

  // Whether `condition` comes to hold, without any time of the loop's passing.
  bool Happens(const std::function<bool()>& condition) {
    return Eventually([&] {
      loop_.RunReady();
      return condition();
    });
  }
  bool HearsMore() {
    const uint64_t before = transport_->bytes_read();
    return Happens([&] { return transport_->bytes_read() > before; });
  }
  uint64_t Losses() const { return link_->Status().losses(); }

  absl::Duration now_;
  EventLoop loop_{[this] { return now_; }};
  FakeHost host_;
  OutstandingCalls calls_;
  TransportRecorder sink_;
  std::unique_ptr<HostLink> link_;
  std::unique_ptr<AgentTransport> transport_;
};

TEST_F(BusyHostTest, WhatStreamsSayKeepsALinkFromBeingLost) {
  ASSERT_TRUE(HearsMore());
  host_.Silence(true);
  const Heartbeat::Times times;
  for (const absl::Duration end = now_ + 2 * (times.urgent + times.lost_after); now_ < end;) {
    ASSERT_TRUE(HearsMore());
    now_ += absl::Seconds(1);
    loop_.RunReady();
    ASSERT_EQ(Losses(), 0u) << "after " << now_;
  }
  host_.Speak(false);
  EXPECT_TRUE(Happens([this] {
    now_ += absl::Seconds(1);
    return Losses() > 0;
  }));
}

}  // namespace
}  // namespace iris
