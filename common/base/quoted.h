#ifndef IRIS_COMMON_BASE_QUOTED_H_
#define IRIS_COMMON_BASE_QUOTED_H_

#include <string>

#include "absl/strings/string_view.h"

namespace iris {

// A name that somebody gave, fit for an error text: between quotation marks, its first 100 bytes,
// with what is no printable character escaped.
std::string Quoted(absl::string_view name);

}  // namespace iris

#endif  // IRIS_COMMON_BASE_QUOTED_H_
