#ifndef IRIS_COMMON_BASE_NEAREST_H_
#define IRIS_COMMON_BASE_NEAREST_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace iris {

// The name that somebody who typed `word` most likely meant: the one with the least edits, ignoring
// case, if they are few for its length. Empty: nothing is near.
std::string Nearest(const std::vector<std::string>& names, absl::string_view word);

// `names`, the nearest to `word` first; of those that are as near, in the order they came in.
std::vector<std::string> NearestFirst(std::vector<std::string> names, absl::string_view word);

}  // namespace iris

#endif  // IRIS_COMMON_BASE_NEAREST_H_
