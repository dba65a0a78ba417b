#ifndef IRIS_COORDINATOR_LINK_LINK_WORDS_H_
#define IRIS_COORDINATOR_LINK_LINK_WORDS_H_

#include "absl/strings/string_view.h"

namespace iris {

// A state of a link (LinkStatus.state), as people read it; one that is not known stays as it is.
absl::string_view LinkStateWords(absl::string_view state);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_LINK_WORDS_H_
