#ifndef IRIS_COORDINATOR_LINK_HOST_LINK_H_
#define IRIS_COORDINATOR_LINK_HOST_LINK_H_

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "common/loop/event_loop.h"
#include "coordinator/link/calls.h"
#include "coordinator/link/connector.h"
#include "coordinator/link/link.h"
#include "coordinator/link/probe.h"

namespace iris {

// A link over whatever wire its connector makes. Lives on the loop; connecting, and asking ssh why
// it ended, block and run on a thread of its own, one at a time.
//
//   down ── Want() ──▶ connecting ⇄ bootstrapping ──▶ up ── wire lost ──▶ ending ──▶ down
class HostLink final : public Link {
 public:
  // `name` is for people: "local" or "user@host:port".
  HostLink(EventLoop& loop, OutstandingCalls& calls, std::string name,
           std::unique_ptr<Connector> connector);
  ~HostLink() override;  // Gives up what is under way; waits for its thread.

  void Want(LinkObserver* observer) override;
  void Unwant(LinkObserver* observer) override { wanting_.erase(observer); }
  void AddObserver(LinkObserver* observer) override { observers_.insert(observer); }
  void RemoveObserver(LinkObserver* observer) override {
    observers_.erase(observer);
    wanting_.erase(observer);
  }
  bool was_up() const override { return was_up_; }
  std::shared_ptr<LinkLife> life() const override { return life_; }
  v1::LinkStatus Status() const override;

 private:
  enum class State { kDown, kConnecting, kBootstrapping, kUp, kEnding };

  void Connect();
  void RunOnThread(std::function<void()> work);
  void OnProgress(const BootstrapProgress& progress);
  void OnConnected(absl::StatusOr<Connection> connection);
  void OnLost(const absl::Status& why);
  void GoDown(const absl::Status& why);
  // Calls `tell` for every observer that is still one.
  template <typename Tell>
  void ForEachObserver(Tell tell);

  EventLoop& loop_;
  OutstandingCalls& calls_;
  const std::string name_;
  const std::unique_ptr<Connector> connector_;
  std::set<LinkObserver*> observers_;
  std::set<LinkObserver*> wanting_;
  bool was_up_ = false;

  State state_ = State::kDown;
  bool connect_again_ = false;  // Asked for while ending.
  absl::Status last_failure_;
  v1::Hello hello_;
  LinkMode mode_ = LinkMode::kLocal;
  std::string mode_reason_;
  pid_t ssh_pid_ = 0;
  std::unique_ptr<SshClient> ssh_;
  std::shared_ptr<LinkLife> life_;
  std::unique_ptr<Probe> probe_;

  std::thread thread_;
  std::atomic<bool> cancelled_ = false;
  // Posted tasks look here first: they may run after the link is gone.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_HOST_LINK_H_
