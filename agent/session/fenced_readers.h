#ifndef IRIS_AGENT_SESSION_FENCED_READERS_H_
#define IRIS_AGENT_SESSION_FENCED_READERS_H_

#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "agent/session/session_reader.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// The readers whose lease went to another coordinator while tells were open, and what they lack of
// these: the new holder's acknowledgements must not take that from them. Lives on the process loop.
//
//   Add ── every tell is settled, and that was sent ──▶ gone
class FencedReaders {
 public:
  static constexpr uint64_t kAll = std::numeric_limits<uint64_t>::max();

  // The lease of `reader` is over, and `open` are open. It stays until Remove(). One that waits
  // already, or for nothing, changes nothing.
  void Add(const SessionReader& reader, const std::vector<v1::TellState>& open);
  void Remove(const SessionReader& reader);
  // The event `seq` says how it ended.
  void OnSettled(const std::string& tell_id, uint64_t seq);
  // Every event up to here is needed by none of them; kAll: no event is. Forgets those that have
  // got everything.
  uint64_t NeedNothingUpTo();
  // Nothing is kept for them any more.
  void Clear() { waiting_.clear(); }
  bool empty() const { return waiting_.empty(); }

 private:
  struct Waiting {
    const SessionReader* reader;
    std::set<std::string> open;
    uint64_t until = 0;  // The newest event that settled one of them.
  };
  std::vector<Waiting> waiting_;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_FENCED_READERS_H_
