#ifndef IRIS_COORDINATOR_LINK_TEAM_LINK_H_
#define IRIS_COORDINATOR_LINK_TEAM_LINK_H_

#include <functional>
#include <memory>
#include <random>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/alive_flag.h"
#include "common/environment/environment.h"
#include "common/loop/event_loop.h"
#include "coordinator/config/config.h"
#include "coordinator/link/fresh_answer.h"
#include "coordinator/link/host_link.h"
#include "coordinator/link/lent_env.h"
#include "coordinator/link/link.h"
#include "coordinator/link/link_observers.h"
#include "coordinator/link/retry.h"
#include "coordinator/link/target.h"

namespace iris {

// A connection that teams share, as the table keeps it.
struct SharedLink {
  std::string id;       // Unique in the daemon's life.
  std::string key;      // ResolvedTarget::key: what it may be used for. Empty: the agent here.
  std::string name;     // "user@host:port", or "local".
  std::string written;  // The destination, as it is written.
  RemoteWay way;        // As it is written.
  // Of those who use it, each by its TeamLink, and of a stop; null: the agent here.
  std::shared_ptr<LentEnv> lent;
  std::shared_ptr<FreshAnswer> answer;  // Of whoever asked last; null: the agent here.
  std::unique_ptr<HostLink> link;
  // Its last attempt found that something else is meant by the target now, and went no further:
  // each of those who use it is to ask what it means for that one.
  bool moved = false;
  bool closing = false;  // Nobody uses it, and nobody is to begin.

  bool is_local() const { return key.empty(); }
};

// The way to a team's host for one who asks something of it, a session's transport: asks what the
// team's `remote` means in that one's environment when it is first wanted, and is from then on the
// link that all share who mean the same.
//
//   resting ── Want() ──▶ resolving ──▶ bound ── the link's attempt finds another meaning ─┐
//                         ▲  │ failed     │                                                │
//                         │  ▼            ▼ Lend() of another environment, up or not       │
//              waiting, or blocked     resolving, the link kept ◀──────────────────────────┘
//
// It is on one link at a time, and only on one to which the environment of now has led: until that
// is known it has no life. Lives on the coordinator's loop.
class TeamLink final : public Link, private LinkObserver {
 public:
  struct Ways {
    // Asks what the target means now in that environment; `then` runs on the loop, never from
    // inside.
    std::function<void(const SharedEnvironment& env,
                       std::function<void(const absl::StatusOr<ResolvedTarget>&)> then)>
        resolve;
    // The link for that meaning, made at need. It outlives this one.
    std::function<SharedLink&(const ResolvedTarget&)> find;
    // One that this was bound to may be of no use to anybody now.
    std::function<void()> left;
    // What goes on while it is asked what the target means, for people.
    std::string resolving = {};
  };

  // `written` is the destination, for people.
  TeamLink(EventLoop& loop, std::string team, std::string written, Ways ways,
           const Backoff::Limits& waits = Backoff::Limits());
  // A team on this machine: bound from the start.
  TeamLink(EventLoop& loop, std::string team, SharedLink& local);
  ~TeamLink() override;

  void Want(LinkObserver* observer) override;
  void Unwant(LinkObserver* observer) override;
  void AddObserver(LinkObserver* observer) override { observers_.Add(observer); }
  void RemoveObserver(LinkObserver* observer) override;
  void SetUrgent(LinkObserver* observer, bool urgent) override;
  void Lend(const SharedEnvironment& env) override;
  void OnTraffic() override;
  std::shared_ptr<LinkLife> life() const override;
  bool no_agent_possible() const override;
  bool was_up() const override;
  // Without id, name and teams.
  v1::LinkStatus Status() const override;

  // Whether the team is in the configuration: it is when this is made. One that is not leaves its
  // link as soon as nobody waits for an answer over it: who wanted the link hears OnLinkDown, and
  // what sleeps on the host goes on sleeping. Want() serves it all the same.
  void SetConfigured(bool configured);
  bool configured() const { return configured_; }

  // Null: to none. While it is asked anew, to the one of before.
  const SharedLink* bound_to() const { return shared_ != nullptr ? shared_ : kept_; }
  bool used() const { return observers_.any(); }

  // As those of HostLink, for the time without a link.
  void WokeUp();
  void Retire();

 private:
  void OnLinkProgress(const ConnectProgress& progress) override;
  void OnLinkUp(const std::shared_ptr<LinkLife>& life) override;
  void OnLinkDown(const absl::Status& why, bool retries) override;

  void OnMoved();
  void Resolve();
  void ResolveIn(absl::Duration wait);
  void AskAnew();
  void OnResolved(const absl::StatusOr<ResolvedTarget>& resolved);
  void OnNotResolved(const absl::Status& why);
  void Bind(SharedLink& shared);
  void Detach();
  void Unbind();
  void CancelTimer(EventLoop::TimerId* timer);
  void UpdateUrgency();
  void LeaveSoonIfDropped();
  void LeaveIfDropped();

  EventLoop& loop_;
  const std::string team_;
  const std::string written_;
  const Ways ways_;
  LinkObservers observers_;
  bool retired_ = false;
  bool configured_ = true;
  bool leaving_ = false;  // Posted.

  SharedLink* shared_ = nullptr;
  SharedEnvironment env_;   // Of whom it serves.
  bool lent_anew_ = false;  // And not asked since what that means.
  bool moved_ = false;      // The last link moved away, and none was up since.
  // While there is none.
  SharedLink* kept_ = nullptr;  // The one of before, which may be the one again.
  bool resolving_ = false;
  EventLoop::TimerId patience_timer_ = 0;
  absl::Status failure_;  // The last, OK once resolved.
  absl::Duration failed_at_;
  Backoff backoff_;
  EventLoop::TimerId retry_timer_ = 0;
  absl::Duration retry_at_;
  AliveFlag alive_;  // For what was posted.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_TEAM_LINK_H_
