#ifndef IRIS_COORDINATOR_DESK_COORDINATOR_DESK_H_
#define IRIS_COORDINATOR_DESK_COORDINATOR_DESK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/alive_flag.h"
#include "common/loop/event_loop.h"
#include "coordinator/desk/board.h"
#include "coordinator/desk/daemon_control.h"
#include "coordinator/desk/desk.h"
#include "coordinator/desk/feed.h"
#include "coordinator/link/host_report.h"
#include "coordinator/orchestrator/live_config.h"
#include "coordinator/orchestrator/orchestrator.h"

namespace iris {

// The desk of the coordinator that this process is. What a visitor's environment is lent to, and
// when the configuration is looked at again, is decided here, for all front ends alike.
//
// Lives on the coordinator's loop.
class CoordinatorDesk final : public Desk {
 public:
  // All outlive the desk, and live on `loop`. `first_change`: as for Board.
  CoordinatorDesk(EventLoop& loop, Orchestrator& orchestrator, LiveConfig& config,
                  DaemonControl& daemon, uint64_t first_change);

  // For front ends that show what there is.
  Feed& feed() { return feed_; }

  absl::Status Tell(TellSpec spec, TellObserver* observer) override;
  absl::Status Follow(const std::string& tell_id, const Visitor& visitor, bool asker_waits,
                      TellObserver* observer) override;
  void RemoveObserver(const std::string& tell_id, TellObserver* observer) override;
  absl::StatusOr<v1::TellSummary> Find(const std::string& tell_id, const Caller& caller) override;
  void List(const Caller& from, bool all, const SharedEnvironment& environment,
            ListDone done) override;
  absl::StatusOr<std::vector<Store::WaitingAnswer>> Unread(const Caller& from) override;
  absl::Status MarkRead(const std::string& tell_id, const Caller& caller) override;
  void Cancel(const std::string& tell_id, const Visitor& visitor, CancelDone done) override;
  void AnswerPermission(const v1::AnswerPermissionRequest& request, AnswerDone done) override;
  void Wake(const Visitor& visitor, const std::string& to, bool takeover, WakeDone done) override;
  void Sleep(const Visitor& visitor, const std::string& to, bool force, SleepDone done) override;
  absl::StatusOr<v1::ListTeamsResponse> Teams(const Visitor& visitor) override;
  absl::Status ConfigProblem(const SharedEnvironment& environment) override;
  void Status(StatusDone done) override;
  void Stop(const StopSpec& spec, StopDone done) override;

 private:
  // As Visitor has it of `environment`.
  void LendTo(const v1::ListTellsResponse& tells, const SharedEnvironment& environment);
  void LendToOne(const std::string& tell_id, const Visitor& visitor);
  void StatusWith(const std::vector<HostReport>& hosts, StatusDone done);
  v1::GetStatusResponse StatusOf(std::vector<v1::SessionStatus> sessions,
                                 const std::vector<HostReport>& hosts);
  void BoardWith(const std::vector<HostReport>& hosts, Feed::LookDone done);
  BoardState BoardOf(const v1::GetStatusResponse& status, const v1::ListTellsResponse& tells);

  Orchestrator& orchestrator_;
  LiveConfig& config_;
  DaemonControl& daemon_;
  Feed feed_;
  AliveFlag alive_;  // For hosts' answers.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_DESK_COORDINATOR_DESK_H_
