#ifndef IRIS_COORDINATOR_TRANSPORT_TURN_READER_H_
#define IRIS_COORDINATOR_TRANSPORT_TURN_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "coordinator/transport/read_point.h"
#include "coordinator/transport/turn_text.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// What a session's events came to, in order.
struct SessionNews {
  enum class Kind {
    kAttached,  // `known`, `child`, `requests`.
    kStarted,   // `child`.
    kWritten,   // `tell_id`.
    kText,      // `tell_id`, `text`.
    kVoid,      // `tell_id`: its text so far does not count; the whole of it follows.
    kDoing,     // `tell_id`, `doing`: what its turn does now.
    kSettled,   // `tell_id`, `outcome`, `structured_bytes`, `account`.
    kExited,    // `outcome`: why.
    kAsked,     // `requests`: one more that claude waits for.
    kAnswered,  // `request_id`: it waits no more.
  };
  Kind kind;
  std::string tell_id;
  std::string text;
  absl::Status outcome;
  size_t structured_bytes = 0;  // The last ones of its text are its structured output, as JSON.
  SharedText account;           // A v1::TurnAccount in bytes; null: not known.
  TurnText::Doing doing;
  v1::ChildInfo child;  // pid 0: none answers.
  // The agent had what comes after the mark that the reader began with, and can run tells.
  bool known = false;
  // The mark is older than what was acknowledged: the store is a copy that was put back.
  bool store_is_old = false;
  std::vector<v1::PendingRequest> requests;
  std::string request_id;
};

// FAILURE_AMBIGUOUS: the tell was answered, and only a part of that was read here.
absl::Status NotReadWhole();

// Reads one session's events over one Attach stream: follows the position, gathers the text of
// turns, and says what it all came to. Begun again from any of its points, or from the mark of one,
// it says the same from there on. A turn that it did not read from its beginning has no text, and
// ends as NotReadWhole() where the host says that it ended well. Not thread-safe.
class TurnReader {
 public:
  explicit TurnReader(const ReadPoint& from);

  // Where it begins to read.
  const v1::Position& position() const { return position_; }

  // The agent's first answer, then every event.
  void Apply(const v1::Attached& attached, std::vector<SessionNews>& news);
  void Apply(const v1::Reset& reset, std::vector<SessionNews>& news);
  void Apply(const v1::Event& event, std::vector<SessionNews>& news);

  // Where it is. All text that was said comes before its mark.
  ReadPoint point() const;

 private:
  void Settle(const v1::Settled& settled, std::vector<SessionNews>& news);

  v1::Position position_;
  // What the agent's first answer says of the child and its requests is as of this event: those
  // before it say nothing new of them.
  uint64_t told_as_of_ = 0;
  uint64_t line_began_after_;  // In the middle of a line: the event before its first piece.
  TurnText turn_;
  // The tell that the output belongs to; empty: none, or one whose turn began unread.
  std::string in_flight_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_TURN_READER_H_
