#ifndef IRIS_COORDINATOR_MCP_WHOLE_CHARACTERS_H_
#define IRIS_COORDINATOR_MCP_WHOLE_CHARACTERS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace iris {

// JSON text with U+FFFD in place of what is no character: of bytes that are not UTF-8, and of half
// a surrogate pair ("\ud83d" where a client cut an emoji in two), which no parser takes. Linear in
// time.
std::string WithWholeCharacters(absl::string_view json);

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_WHOLE_CHARACTERS_H_
