#ifndef IRIS_COORDINATOR_TRANSPORT_READ_MARK_H_
#define IRIS_COORDINATOR_TRANSPORT_READ_MARK_H_

#include <cstdint>
#include <string>

namespace iris {

// What is known of the turn that is being read, between two lines of it.
struct TurnMark {
  bool any_text = false;    // A text block was seen.
  std::string result;       // The text of the result line, where no text block was seen.
  std::string broken;       // Why some of the text may be missing; empty: none is.
  bool skips_line = false;  // Inside a line that is too long to be looked at.

  bool operator==(const TurnMark&) const = default;
};

// Where a reader of one session's events is, and what it must remember to go on from there over
// another stream, or in another life of the coordinator. Made between two lines only: what was read
// of a line that has not ended is read again.
struct ReadMark {
  std::string journal_id;   // Empty: nothing was read yet.
  std::string incarnation;  // The life of the agent that wrote the event `seq`.
  uint64_t seq = 0;         // Every event up to here was applied.
  std::string in_flight;    // The tell whose turn is being read; empty: none.
  TurnMark turn;

  bool operator==(const ReadMark&) const = default;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_READ_MARK_H_
