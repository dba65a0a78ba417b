#include "coordinator/app/serve.h"

#include <sys/stat.h>

#include <memory>

#include "common/budget/heap.h"
#include "common/endpoint/daemon.h"
#include "common/endpoint/data_lock.h"
#include "common/endpoint/endpoint.h"
#include "common/endpoint/lock_holder.h"
#include "common/endpoint/private_dir.h"
#include "common/environment/environment.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "common/process/file_size_limit.h"
#include "common/rpc/grpc_client_life.h"
#include "common/rpc/grpc_life.h"
#include "common/version/version.h"
#include "coordinator/app/daemon.h"
#include "coordinator/app/places.h"

namespace iris {
namespace {

// Another coordinator keeps our data: it was found at another endpoint, or ours went from under it
// and it is about to come back here.
absl::Status HeldByAnother(const Places& places, const absl::Status& held) {
  const absl::optional<LockHolder> holder = FindDataHolder(places.lock);
  if (!absl::IsAlreadyExists(held) || !holder.has_value()) return held;
  if (!holder->is_on_this_host()) return KeptByAnotherHost(places, *holder);
  LeadTo(holder->socket, places.endpoint);
  return held;
}

absl::Status ServeFrom(const Places& places, absl::Duration idle_exit,
                       const MakeEngine& make_engine) {
  absl::StatusOr<ScopedFd> lock = LockEndpoint(places.endpoint);
  if (!lock.ok()) return lock.status();
  if (absl::Status made = EnsureOwnPath(places.data_dir); !made.ok()) return made;
  absl::StatusOr<ScopedFd> data_lock = LockData(places.lock);
  if (!data_lock.ok()) return HeldByAnother(places, data_lock.status());
  StartLogging(places.log, LogLevel::kInfo);
  const absl::StatusOr<std::unique_ptr<Daemon>> daemon =
      OrExhausted("the coordinator cannot start", [&] {
        return Daemon::Start(places, {*std::move(lock), *std::move(data_lock)}, idle_exit,
                             make_engine);
      });
  if (!daemon.ok()) {
    LogError("cannot start: ", daemon.status().message());
    return daemon.status();
  }
  LogInfo("iris ", kVersion, " serves at ", places.endpoint.socket);
  ReportReady(absl::OkStatus());
  (*daemon)->WaitUntilItShallLeave();
  return absl::OkStatus();
}

}  // namespace

absl::Status Serve(absl::Duration idle_exit, const MakeEngine& make_engine) {
  umask(077);
  LeaveNoCores();
  RaiseFileSizeLimit();
  KeepHeapSmall();
  KeepGrpcUntilExit();
  KeepGrpcClientThreads();
  const absl::StatusOr<Places> places = FindPlaces(ProcessEnv);
  const absl::Status status =
      places.ok() ? ServeFrom(*places, idle_exit, make_engine) : places.status();
  if (!status.ok()) ReportReady(status);
  return status;
}

}  // namespace iris
