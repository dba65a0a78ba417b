#ifndef IRIS_COORDINATOR_LINK_TESTING_FAKE_LINK_H_
#define IRIS_COORDINATOR_LINK_TESTING_FAKE_LINK_H_

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "coordinator/link/link.h"
#include "coordinator/link/testing/fake_channel.h"
#include "proto/iris/v1/agent.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// A link for the tests of one session over it, without a wire: a test says when it is up, and is
// the agent at its end. On one thread.
class FakeLink final : public Link {
 public:
  // Up, with another agent channel; its observer hears of it.
  void Up(const v1::Hello& hello) {
    auto channel = std::make_unique<FakeChannel>();
    agent_ = channel.get();
    was_up_ = true;
    failure_ = absl::OkStatus();
    life_ = std::make_shared<LinkLife>(
        LinkLife{.hello = hello,
                 .channel = std::move(channel),
                 .credit = CreditShares(RateWindow::Limits(), absl::ZeroDuration()),
                 .send_window = SendWindow(
                     RateWindow::Limits(), [] { return uint64_t{0}; }, absl::ZeroDuration())});
    observer_->OnLinkUp(life_);
  }
  void Down(const absl::Status& why, bool retries) {
    life_.reset();
    agent_ = nullptr;
    failure_ = why;
    observer_->OnLinkDown(why, retries);
  }
  void Progress(const ConnectProgress& progress) { observer_->OnLinkProgress(progress); }
  // While up.
  FakeChannel& agent() { return *agent_; }
  bool wanted() const { return wanted_; }

  void Want(LinkObserver*) override { wanted_ = true; }
  void Unwant(LinkObserver*) override { wanted_ = false; }
  void AddObserver(LinkObserver* observer) override { observer_ = observer; }
  void RemoveObserver(LinkObserver*) override { observer_ = nullptr; }
  void SetUrgent(LinkObserver*, bool) override {}
  void Lend(const SharedEnvironment&) override {}
  void OnTraffic() override {}
  std::shared_ptr<LinkLife> life() const override { return life_; }
  bool no_agent_possible() const override {
    return KindOf(failure_) == v1::FAILURE_NO_AGENT_POSSIBLE;
  }
  bool was_up() const override { return was_up_; }
  v1::LinkStatus Status() const override { return {}; }

 private:
  LinkObserver* observer_ = nullptr;
  std::shared_ptr<LinkLife> life_;
  FakeChannel* agent_ = nullptr;
  bool wanted_ = false;
  bool was_up_ = false;
  absl::Status failure_;  // The last, OK once up.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_TESTING_FAKE_LINK_H_
