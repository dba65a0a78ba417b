#ifndef IRIS_COORDINATOR_LINK_HOST_REPORT_H_
#define IRIS_COORDINATOR_LINK_HOST_REPORT_H_

#include <functional>
#include <string>
#include <vector>

#include "proto/iris/v1/agent.pb.h"

namespace iris {

// What an agent says of itself and of its sessions, just now.
struct HostReport {
  std::string link_id;  // Of the link over which it was asked, as in LinkStatus.
  v1::GetHostResponse host;
  v1::ListResponse sessions;
};

// Gets a report of every agent that was linked and answered in time, in no order: one for each,
// also where several links lead to it. Once, on the loop.
using HostReportsDone = std::function<void(const std::vector<HostReport>&)>;

// Of `iris stop --agents`: a text for each agent that was stopped, and for each that was not.
using StopAgentsDone =
    std::function<void(std::vector<std::string> stopped, std::vector<std::string> problems)>;

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_HOST_REPORT_H_
