#ifndef IRIS_COORDINATOR_LINK_LINK_WORDS_H_
#define IRIS_COORDINATOR_LINK_LINK_WORDS_H_

#include "absl/strings/string_view.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// A state of a link, as people read it. "unknown": one of a newer coordinator.
absl::string_view LinkStateWords(v1::LinkStatus::State state);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_LINK_WORDS_H_
