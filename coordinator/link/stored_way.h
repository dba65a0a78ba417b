#ifndef IRIS_COORDINATOR_LINK_STORED_WAY_H_
#define IRIS_COORDINATOR_LINK_STORED_WAY_H_

#include "absl/types/optional.h"
#include "coordinator/config/config.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// The way in the form in which it is stored, as it is written: without the value of any variable;
// and back. Then `program` is one that the way may begin with whatever the configuration allows by
// now, and all else of `remote` but `written`, `agent_dir`, and the text of each option that has
// one written, are to be filled in (ExpandWay()). Nothing: it is no such way.
v1::HostWay ToProto(const RemoteWay& way);
absl::optional<RemoteWay> FromProto(const v1::HostWay& way);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_STORED_WAY_H_
