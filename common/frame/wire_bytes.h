#ifndef IRIS_COMMON_FRAME_WIRE_BYTES_H_
#define IRIS_COMMON_FRAME_WIRE_BYTES_H_

#include <cstddef>

#include "proto/iris/v1/agent.pb.h"

namespace iris {

// What an event counts for in credit, on both ends, and in the size of a journal: its payload and
// 64 for the rest. Both ends must count alike, or credit would leak away.
inline size_t WireBytes(const v1::Event& event) {
  constexpr size_t kOverhead = 64;
  return event.output().bytes().size() + event.stderr_text().bytes().size() +
         event.request().json().size() + event.answered().json().size() + kOverhead;
}

}  // namespace iris

#endif  // IRIS_COMMON_FRAME_WIRE_BYTES_H_
