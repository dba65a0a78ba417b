#ifndef IRIS_COORDINATOR_LINK_HOST_LINK_H_
#define IRIS_COORDINATOR_LINK_HOST_LINK_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/base/alive_flag.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "coordinator/link/calls.h"
#include "coordinator/link/connection.h"
#include "coordinator/link/connector.h"
#include "coordinator/link/heartbeat.h"
#include "coordinator/link/link.h"
#include "coordinator/link/link_machine.h"
#include "coordinator/link/link_observers.h"
#include "coordinator/link/probe.h"
#include "coordinator/link/rate_window.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

struct HostLinkOptions {
  Heartbeat::Times heartbeat;
  Backoff::Limits waits;
  RateWindow::Limits credit;               // For what comes from the host.
  RateWindow::Limits send_window;          // For what goes there.
  uint64_t seed = std::random_device()();  // Of the waits between attempts.
  std::string identity;                    // As LinkLife has it.
  // False for simulations: then what would block is posted to the loop.
  bool threads = true;
  // Around each attempt until the link was up once: before it begins, since it may start an agent
  // that nobody hears of; and once it has ended, with whether it may have. On the loop, the latter
  // also from the destructor.
  std::function<void()> on_attempt = {};
  std::function<void(bool may_have_started)> on_attempt_end = {};
  // An agent has greeted so in an attempt that fails all the same.
  std::function<void(const v1::Hello& hello)> on_unused_agent = {};
};

// A link over whatever wire its connector makes: does what LinkMachine decides. Lives on the loop;
// connecting, and ending what keeps the wire, block and run on a thread of the link's, one at a
// time.
class HostLink final : public Link {
 public:
  // `name` is for people: "local" or "user@host:port".
  HostLink(EventLoop& loop, OutstandingCalls& calls, std::string name,
           std::unique_ptr<Connector> connector, HostLinkOptions options = {});
  ~HostLink() override;  // Gives up what is under way; waits for its thread.

  void Want(LinkObserver* observer) override;
  void Unwant(LinkObserver* observer) override;
  void SetUrgent(LinkObserver* observer, bool urgent) override;
  void Lend(const SharedEnvironment&) override {}  // Its connector has what it connects with.
  void OnTraffic() override;
  void AddObserver(LinkObserver* observer) override { observers_.Add(observer); }
  void RemoveObserver(LinkObserver* observer) override;
  bool no_agent_possible() const override {
    return KindOf(failure_) == v1::FAILURE_NO_AGENT_POSSIBLE;
  }
  bool was_up() const override { return was_up_; }
  std::shared_ptr<LinkLife> life() const override { return life_; }
  v1::LinkStatus Status() const override;

  // This machine slept, or its network changed: tries at once what waits, probes what is up.
  void WokeUp() { Handle(LinkEvent::kWokeUp); }
  // Nothing is wanted from now on, whoever asks: the agent is about to be ended, and must not be
  // started again by its loss.
  void Retire();
  bool retired() const { return retired_; }
  // An attempt is under way: what it starts at the other end starts whatever is wanted by then.
  bool is_connecting() const {
    return machine_.state() == LinkState::kConnecting ||
           machine_.state() == LinkState::kBootstrapping;
  }
  // The host's shell answered an attempt, which has an agent started then, or it was lost behind
  // the login; and none has greeted since.
  bool may_have_started() const { return may_have_started_; }
  // Why the last attempt failed, or what was up was lost; OK while up.
  const absl::Status& failure() const { return failure_; }
  // As Retire(), and ends the attempt or the wire too, so that the destructor waits for nothing
  // once it is closed(). An attempt that comes up all the same is to be closed again.
  void Close();
  bool closed() const {
    return retired_ && !machine_.attempting() && !machine_.up() &&
           machine_.state() != LinkState::kEnding;
  }

 private:
  void Handle(LinkEvent event);
  // An attempt failed, or the end of what was lost is known.
  void Fail(const absl::Status& why);
  void NoteFailure(const absl::Status& why);
  void Perform(const LinkActions& actions);
  void ArmRetry();
  void CancelTimer(EventLoop::TimerId* timer);

  void StartAttempt();
  void OnProgress(const ConnectProgress& progress);
  void OnConnected(absl::StatusOr<Connection> connection);
  void SayAttemptEnded(const absl::Status& outcome);
  void OpenLife(Connection connection);
  void Lose(const absl::Status& why, bool ask_owner);
  void BeginEnding();
  absl::Status RunOnThread(absl::string_view purpose, std::function<void()> work);
  void EndOwner(const absl::Status& wire);
  // Of a clock that never jumps, and stands still while the machine sleeps.
  absl::Duration Now() const { return loop_.now(); }

  void OnAnswer(uint64_t nonce);
  void CloseLife();
  void ArmHeartbeat();
  void OnHeartbeat();

  EventLoop& loop_;
  OutstandingCalls& calls_;
  const std::string name_;
  const std::unique_ptr<Connector> connector_;
  const HostLinkOptions options_;
  LinkObservers observers_;
  bool retired_ = false;

  LinkMachine machine_;
  EventLoop::TimerId retry_timer_ = 0;
  ConnectProgress progress_;  // The last.
  absl::Status failure_;      // The last, OK while up.
  absl::Duration failed_at_;
  // When it was lost, or the first attempt failed for those who want it; unset while up.
  absl::optional<absl::Duration> away_since_;
  bool is_loss_ = false;    // The failure is that of what was up.
  bool ask_owner_ = false;  // While ending: what keeps the wire knows better why.
  bool was_up_ = false;
  bool may_have_started_ = false;

  v1::Hello hello_;
  LinkMode mode_ = LinkMode::kLocal;
  std::string mode_reason_;
  std::string remark_;
  std::vector<LinkFact> facts_;
  std::unique_ptr<WireOwner> owner_;
  // While up.
  std::shared_ptr<LinkLife> life_;
  std::unique_ptr<Probe> probe_;
  Heartbeat heartbeat_;
  EventLoop::TimerId heartbeat_timer_ = 0;

  std::thread thread_;
  std::atomic<bool> cancelled_ = false;
  std::atomic<bool> met_shell_ = false;  // By this attempt, as may_have_started() says it.
  // Posted tasks look here first: they may run after the link is gone.
  AliveFlag alive_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_HOST_LINK_H_
