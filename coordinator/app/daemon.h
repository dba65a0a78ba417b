#ifndef IRIS_COORDINATOR_APP_DAEMON_H_
#define IRIS_COORDINATOR_APP_DAEMON_H_

#include <grpcpp/server.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "common/base/scoped_fd.h"
#include "common/budget/byte_budget.h"
#include "common/endpoint/door.h"
#include "common/loop/event_loop.h"
#include "coordinator/app/engine.h"
#include "coordinator/app/places.h"
#include "coordinator/app/signals.h"
#include "coordinator/app/stored_places.h"
#include "coordinator/desk/coordinator_desk.h"
#include "coordinator/desk/daemon_control.h"
#include "coordinator/link/host_report.h"
#include "coordinator/orchestrator/live_config.h"
#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/service/coordinator_service.h"
#include "coordinator/store/store.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/store/store_thread.h"

namespace iris {

// The coordinator, put together. What it is made of lives on one loop; the thread that made the
// daemon starts it, waits and takes it down.
//
// It leaves on SIGTERM, SIGINT, SIGHUP or Stop, and when for `idle_exit` (to twice that) no front
// end has called, none follows a tell and no tell is open. Leaving: no new connections → who
// follows an open tell hears FAILURE_DROPPED → calls end, within 2 s → links go. Open tells stay
// open in the store, for the next life. Agents stay; where Stop ends them too, open tells are
// settled first.
class Daemon : private DaemonControl {
 public:
  // What says that this coordinator is the one: of its endpoint, and of its data.
  struct Locks {
    ScopedFd endpoint;
    ScopedFd data;
  };
  // Front ends can connect when it returns. The endpoint is followed where it goes, as Door has it.
  // FAILURE_BAD_REQUEST: the configuration does not load. FAILURE_STORAGE, FAILURE_VERSION: the
  // store or the socket cannot be used.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(const Places& places, Locks locks,
                                                       absl::Duration idle_exit,
                                                       const MakeEngine& make_engine);
  ~Daemon() override;  // Leaves.

  void WaitUntilItShallLeave() { leave_.WaitForNotification(); }

 private:
  Daemon(const Places& places, ScopedFd data_lock, absl::Duration idle_exit);

  absl::Status MakeParts(const MakeEngine& make_engine);
  absl::Status Listen(ScopedFd endpoint_lock);
  void OnLoop(absl::AnyInvocable<void()> task);
  void AskToLeave(absl::string_view why);
  void WatchIdle();
  v1::CoordinatorHello Hello() const;

  v1::GetStatusResponse Status() const override;
  void AskHosts(HostReportsDone done) override;
  void FollowConfig() override;
  void Stop(const StopSpec& spec, StopDone done) override;

  const Places places_;
  const ScopedFd data_lock_;
  const absl::Duration idle_exit_;
  const absl::Time started_at_;
  absl::Notification leave_;
  LiveConfig config_;
  LoopThread thread_;

  // Made in this order, on the loop but for the server, and destroyed in the opposite one.
  std::unique_ptr<Store> store_file_;
  std::unique_ptr<StoreThread> store_thread_;
  std::unique_ptr<StoreQueue> store_;  // What the loop has of the two.
  std::unique_ptr<StoredPlaces> placed_;
  std::unique_ptr<ByteBudget> budget_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Orchestrator> orchestrator_;
  std::unique_ptr<CoordinatorDesk> desk_;
  std::unique_ptr<CoordinatorService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Door> door_;
  std::unique_ptr<TerminationSignals> signals_;
  EventLoop::TimerId idle_timer_ = 0;
  uint64_t calls_seen_ = 0;  // By WatchIdle().
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_APP_DAEMON_H_
