// What a link learns from the streams of its sessions.

#include <memory>
#include <string>

#include "coordinator/link/testing/fake_host.h"
#include "tests/integration/transport_fixture.h"

namespace iris {
namespace {

// A host that is too busy with its streams to answer probes, as one behind a slow link is.
class BusyHostTest : public ::testing::Test {
 protected:
  BusyHostTest() {
    KeepGrpcClientThreads();
    host_.Speak(true);
    OnLoop([this] {
      HostLinkOptions options;
      options.heartbeat = {.urgent = absl::Milliseconds(20),
                           .relaxed = absl::Milliseconds(20),
                           .suspect_after = absl::Seconds(2),
                           .lost_after = absl::Seconds(5)};
      link_ =
          std::make_unique<HostLink>(loop_.loop(), calls_, "gpu1", host_.MakeConnector(), options);
      transport_ = std::make_unique<RemoteAgentTransport>(
          loop_.loop(), calls_, *link_, CoordinatorIdentity{NewUuid(), "me@here"}, Team(),
          SessionKey{.session_id = NewUuid(), .from = "cli", .to = "gpu"}, ReadMark(), sink_);
      transport_->Tell(NewUuid(), "anything");
    });
  }
  ~BusyHostTest() override {
    OnLoop([this] {
      transport_.reset();
      link_.reset();
    });
    EXPECT_TRUE(calls_.WaitForNone(absl::Now() + kPatience));
  }
  void OnLoop(std::function<void()> task) {
    absl::Notification done;
    loop_.loop().Post([&] {
      task();
      done.Notify();
    });
    done.WaitForNotification();
  }
  v1::LinkStatus Status() {
    v1::LinkStatus status;
    OnLoop([&] { status = link_->Status(); });
    return status;
  }
  uint64_t BytesIn() {
    uint64_t bytes = 0;
    OnLoop([&] { bytes = transport_->metrics().bytes_in; });
    return bytes;
  }
  void WaitUntil(std::function<bool()> holds) {
    const absl::Time deadline = absl::Now() + kPatience;
    while (!holds() && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(5));
    EXPECT_TRUE(holds());
  }

  FakeHost host_;
  LoopThread loop_;
  OutstandingCalls calls_;
  TransportRecorder sink_;
  std::unique_ptr<HostLink> link_;
  std::unique_ptr<Transport> transport_;
};

TEST_F(BusyHostTest, WhatStreamsSayKeepsALinkFromBeingLost) {
  WaitUntil([this] { return BytesIn() > 0; });
  host_.Silence(true);
  const absl::Time end = absl::Now() + absl::Seconds(9);
  while (absl::Now() < end) {
    EXPECT_EQ(Status().losses(), 0u);
    absl::SleepFor(absl::Milliseconds(20));
  }
  host_.Speak(false);
  WaitUntil([this] { return Status().losses() > 0; });
}

}  // namespace
}  // namespace iris
