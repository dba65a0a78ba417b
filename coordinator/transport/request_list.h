#ifndef IRIS_COORDINATOR_TRANSPORT_REQUEST_LIST_H_
#define IRIS_COORDINATOR_TRANSPORT_REQUEST_LIST_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// What a session's claude asks before it goes on, within the bounds of what a host may pass on. Not
// thread-safe.
class RequestList {
 public:
  const std::vector<v1::PendingRequest>& all() const { return requests_; }
  bool empty() const { return requests_.empty(); }
  // One more, oldest first. False: it is not kept, since nobody could be asked so much, or that.
  bool Add(v1::PendingRequest request, absl::string_view session_id);
  // It waits no more. False: it was not known.
  bool Remove(absl::string_view request_id);
  // False: there were none.
  bool Clear() { return !std::exchange(requests_, {}).empty(); }

 private:
  std::vector<v1::PendingRequest> requests_;
};

// For whoever waits: what is asked, and how to answer.
std::string AsksText(const v1::PendingRequest& request);

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_REQUEST_LIST_H_
