#ifndef IRIS_COORDINATOR_KEPT_READ_MARK_H_
#define IRIS_COORDINATOR_KEPT_READ_MARK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace iris {

// A text that may be long, of which marks are made and copied with every message. Null: empty.
using SharedText = std::shared_ptr<const std::string>;

inline bool IsSameText(const SharedText& one, const SharedText& other) {
  return one == other || (one != nullptr && other != nullptr && *one == *other);
}

// Why some of the text of a turn may be missing.
enum class TextLoss {
  kNone,
  kLine,     // One line was broken: the result line may have its text.
  kLines,    // Several were: the result line has one of them at most.
  kTooLong,  // A line was too long to be looked at.
};

// What is known of the turn that is being read, between two lines of it.
struct TurnMark {
  bool any_text = false;        // A text block that is not empty was seen.
  uint64_t last_text = 0;       // TextHash() of the last one.
  SharedText end;               // Of the answer, by the result line: what no text block had.
  size_t structured_bytes = 0;  // The last ones of `end` are the structured output.
  TextLoss loss = TextLoss::kNone;
  bool skips_line = false;  // Inside a line that is not looked at: too long, or an earlier turn's.
  uint32_t tools = 0;       // Uses of tools so far.
  // What the child's result lines came to so far, in millionths of a dollar; negative: not known,
  // since not all of them were read.
  int64_t spent_micro_usd = -1;
  SharedText account;  // A v1::TurnAccount in bytes, once the result line has come.

  bool operator==(const TurnMark& other) const {
    return any_text == other.any_text && last_text == other.last_text &&
           IsSameText(end, other.end) && structured_bytes == other.structured_bytes &&
           loss == other.loss && skips_line == other.skips_line && tools == other.tools &&
           spent_micro_usd == other.spent_micro_usd && IsSameText(account, other.account);
  }
};

// Whose word counts for what was sent there: one account's agent on one host.
struct HostMark {
  std::string key;   // Empty: not known.
  std::string name;  // For people.

  bool operator==(const HostMark&) const = default;
};

// Where a reader of one session's events is, and what it must remember to go on from there in
// another life of the coordinator. Made between two lines only: what was read of a line that has
// not ended is read again.
struct ReadMark {
  std::string journal_id;   // Empty: nothing was read yet.
  std::string incarnation;  // The life of the agent that wrote the event `seq`.
  uint64_t seq = 0;         // Every event up to here was applied.
  // The tell whose turn is being read, and was from its beginning; empty: none.
  std::string in_flight;
  TurnMark turn;
  // Where this was read, and what was sent since was sent to no other. For transports, as is what
  // follows; readers leave it empty.
  HostMark host;
  // The open tell that claude was seen to get, also where that was in a journal that is gone:
  // `in_flight` is another one then, or none. Empty: none is open.
  std::string begun;

  bool operator==(const ReadMark&) const = default;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_KEPT_READ_MARK_H_
