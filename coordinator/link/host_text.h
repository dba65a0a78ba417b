#ifndef IRIS_COORDINATOR_LINK_HOST_TEXT_H_
#define IRIS_COORDINATOR_LINK_HOST_TEXT_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace iris {

// What a host said, made fit to be shown to a person: valid UTF-8 on one line, without control
// characters (a host must not move a terminal's cursor or forge a line of ours), runs of blanks as
// one, and at most `bytes_max` bytes, with "…" at the end where it was cut.
std::string PrintableHostText(absl::string_view text, size_t bytes_max);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_HOST_TEXT_H_
