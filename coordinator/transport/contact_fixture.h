#ifndef IRIS_COORDINATOR_TRANSPORT_CONTACT_FIXTURE_H_
#define IRIS_COORDINATOR_TRANSPORT_CONTACT_FIXTURE_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "coordinator/config/config.h"
#include "coordinator/link/testing/fake_channel.h"
#include "coordinator/link/testing/fake_link.h"
#include "coordinator/transport/session_contact.h"
#include "coordinator/transport/sink_recorder.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// For the tests of a session's contact, and of the parts that stand on it: a contact over a link
// and with an agent that are the test, whose owner needs what the test says, and keeps what it
// hears, a line each. No wire, no process, one thread.
class ContactFixture : public ::testing::Test, protected ContactOwner {
 protected:
  static constexpr uint64_t kEpoch = 5;
  static constexpr int64_t kChild = 7;

  ContactFixture() {
    hello_.set_host_id("gpu1");
    hello_.set_hostname("gpu1");
    hello_.set_user("me");
    hello_.set_build_number(100);
    team_.name = "gpu";
    contact_ = std::make_unique<SessionContact>(
        loop_, link_, CoordinatorIdentity{.id = "me", .label = "me@here"}, team_,
        SessionKey{.session_id = "session", .from = "cli", .to = "gpu"}, HostMark(), sink_,
        static_cast<ContactOwner&>(*this));
  }
  ~ContactFixture() override {
    contact_->Handle(TransportEvent::kDone);
    // A stream and its sink hold each other until its end.
    for (const std::weak_ptr<FakeChannel::AttachStream>& opened : streams_) {
      const std::shared_ptr<FakeChannel::AttachStream> stream = opened.lock();
      if (stream != nullptr && stream->sink != nullptr) stream->End(absl::OkStatus());
    }
    Run();
  }

  HostNeeds Needs() const override { return needs_; }
  void OnSeeking() override { Heard("seeks"); }
  bool OnLinkIsUp() override { return is_needed_; }
  void OnLinkIsDown(const absl::Status& what, const absl::Status&, bool retries) override {
    Heard(absl::StrCat("link down ", KindName(KindOf(what)), retries ? ", retries" : ""));
    if (contact_->Possible(TransportEvent::kLinkLost)) contact_->Handle(TransportEvent::kLinkLost);
  }
  void OnOtherHost(const absl::Status& why) override {
    Heard(absl::StrCat("other host: ", KindName(KindOf(why))));
  }
  void OnLeased() override { Heard("leased"); }
  const ReadPoint& OnAttaching() override { return point_; }
  void OnNews(std::vector<SessionNews> news, uint64_t, const ReadPoint&) override {
    for (const SessionNews& item : news) {
      if (item.kind == SessionNews::Kind::kAttached) contact_->Handle(on_attached_);
    }
  }
  bool MayTakeMore(std::function<void()>) override { return true; }
  void OnOpened(const v1::ChildInfo& child) override {
    Heard(absl::StrCat("opened ", child.pid()));
  }
  void OnMaySend() override { Heard("may send"); }
  void OnLeadsHere() override { Heard("leads here"); }
  void CloseChild() override { Heard("close"); }
  void OnContactEnd() override {}
  void OnLetGo() override { Heard("let go"); }
  void Fail(const absl::Status& why) override {
    Heard(absl::StrCat("fails ", KindName(KindOf(why))));
    contact_->Handle(TransportEvent::kDone);
  }

  FakeChannel& agent() { return link_.agent(); }
  TransportState state() const { return contact_->state(); }
  void Run(absl::Duration passes = absl::ZeroDuration()) {
    now_ += passes;
    while (loop_.RunReady()) {
    }
  }
  void LinkUp() {
    link_.Up(hello_);
    Run();
  }
  void LinkLost() {
    link_.Down(MakeFailure(v1::FAILURE_DROPPED, "the wire is gone"), /*retries=*/true);
    Run();
  }
  void Grant() {
    v1::AcquireResponse acquired;
    acquired.set_epoch(kEpoch);
    agent().acquire->Answer(acquired);
    Run();
  }
  // From down to a stream that is asked for, with a new lease.
  void ComeToAttaching() {
    contact_->Handle(TransportEvent::kSought);
    LinkUp();
    Grant();
    streams_.push_back(agent().attach);
  }
  // The agent's first answer on it.
  void BeAttached() {
    v1::AttachResponse response;
    response.mutable_attached();
    agent().attach->Say(response);
    Run();
  }
  void BeOpened() {
    v1::OpenResponse opened;
    opened.mutable_child()->set_pid(kChild);
    agent().open->Answer(opened);
    Run();
  }
  void ComeToOpen() {
    ComeToAttaching();
    BeAttached();
    BeOpened();
    ASSERT_EQ(state(), TransportState::kOpen);
    Take();
  }
  void Heard(std::string what) { heard_.push_back(std::move(what)); }
  // What the owner heard since the last call of this.
  std::vector<std::string> Take() { return std::exchange(heard_, {}); }

  absl::Duration now_ = absl::Hours(1);
  EventLoop loop_{[this] { return now_; }};
  FakeLink link_;
  v1::Hello hello_;
  Team team_;
  SinkRecorder sink_;
  HostNeeds needs_;
  bool is_needed_ = true;
  TransportEvent on_attached_ = TransportEvent::kAttachedToOpen;
  ReadPoint point_;
  std::vector<std::string> heard_;
  std::vector<std::weak_ptr<FakeChannel::AttachStream>> streams_;
  std::unique_ptr<SessionContact> contact_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_CONTACT_FIXTURE_H_
