#ifndef IRIS_COORDINATOR_LINK_HOST_REPORT_H_
#define IRIS_COORDINATOR_LINK_HOST_REPORT_H_

#include <functional>
#include <string>
#include <vector>

#include "proto/iris/v1/agent.pb.h"

namespace iris {

// What an agent says of itself and of its sessions, just now.
struct HostReport {
  std::string key;  // Of its link, as in LinkStatus.
  v1::GetHostResponse host;
  v1::ListResponse sessions;
};

// Gets a report of every host that was up and answered in time, in no order. Once, on the loop.
using HostReportsDone = std::function<void(const std::vector<HostReport>&)>;

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_HOST_REPORT_H_
