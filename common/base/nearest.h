#ifndef IRIS_COMMON_BASE_NEAREST_H_
#define IRIS_COMMON_BASE_NEAREST_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace iris {

// The name that somebody who typed `word` most likely meant: the one with the least edits, ignoring
// case, if they are few for its length. Empty: nothing is near.
std::string Nearest(const std::vector<std::string>& names, absl::string_view word);

}  // namespace iris

#endif  // IRIS_COMMON_BASE_NEAREST_H_
