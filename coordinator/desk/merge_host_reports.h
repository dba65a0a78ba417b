#ifndef IRIS_COORDINATOR_DESK_MERGE_HOST_REPORTS_H_
#define IRIS_COORDINATOR_DESK_MERGE_HOST_REPORTS_H_

#include <vector>

#include "coordinator/link/host_report.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// Adds to `status` what the hosts say: how their sessions really are, and what a tell in flight
// waits for. Where a host cannot be asked, that is what its tells wait for.
void MergeHostReports(const std::vector<HostReport>& hosts, v1::GetStatusResponse& status);

}  // namespace iris

#endif  // IRIS_COORDINATOR_DESK_MERGE_HOST_REPORTS_H_
