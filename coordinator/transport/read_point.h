#ifndef IRIS_COORDINATOR_TRANSPORT_READ_POINT_H_
#define IRIS_COORDINATOR_TRANSPORT_READ_POINT_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "coordinator/kept/read_mark.h"
#include "coordinator/transport/half_line.h"

namespace iris {

// A ReadMark within one life, where the half of a line is not forgotten: over another stream it
// goes on in the middle of the line.
struct ReadPoint {
  ReadMark mark;                         // In the middle of a line: where it began.
  uint64_t seq = 0;                      // Every event up to here was applied.
  std::shared_ptr<const HalfLine> line;  // Of the line that has begun; null: none has.
  size_t line_bytes = 0;                 // Of `line`, as of `seq`.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_READ_POINT_H_
