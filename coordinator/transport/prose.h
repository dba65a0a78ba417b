#ifndef IRIS_COORDINATOR_TRANSPORT_PROSE_H_
#define IRIS_COORDINATOR_TRANSPORT_PROSE_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace iris {

// claude takes a user line whose text begins with the name of one of its commands for that command,
// whatever follows: "/login returns 500" is answered in its own words, and "/clear" empties the
// conversation. With a blank before it the same text is prose (claude 2.1.332; held to by
// tests/e2e/test_prose.py). No sender means a command. The blank is put on the text on its way to
// the host, whatever agent is there; the store, and what is shown, have the sender's own.

// Bytes that AsProse() puts before `text`.
inline size_t ProseBlankBytes(absl::string_view text) {
  return absl::StartsWith(text, "/") ? 1 : 0;
}

inline std::string AsProse(std::string text) {
  text.insert(0, ProseBlankBytes(text), ' ');
  return text;
}

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_PROSE_H_
