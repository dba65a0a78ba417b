#ifndef IRIS_COORDINATOR_LINK_LINK_FACTS_H_
#define IRIS_COORDINATOR_LINK_LINK_FACTS_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// The number that a link shows as the fact `name` (LinkStatus.facts); 0: it shows none.
int64_t FactNumber(const v1::LinkStatus& link, absl::string_view name);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_LINK_FACTS_H_
