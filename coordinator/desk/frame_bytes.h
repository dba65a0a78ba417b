#ifndef IRIS_COORDINATOR_DESK_FRAME_BYTES_H_
#define IRIS_COORDINATOR_DESK_FRAME_BYTES_H_

#include <cstddef>

namespace iris {

// What one message between the coordinator and a front end holds of a text that is longer: of a
// tell, of an answer, of a message of an MCP client or to one.
inline constexpr size_t kFrontEndFrameBytesMax = 256 << 10;

}  // namespace iris

#endif  // IRIS_COORDINATOR_DESK_FRAME_BYTES_H_
