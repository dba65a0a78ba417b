#ifndef IRIS_AGENT_SESSION_SESSION_READER_H_
#define IRIS_AGENT_SESSION_SESSION_READER_H_

#include <cstdint>

namespace iris {

// Reads a session's journal, and hears when that has grown. On the process loop.
class SessionReader {
 public:
  virtual ~SessionReader() = default;
  // Must not call back into the session.
  virtual void OnNewEvents() = 0;
  // Of the lease that it reads by.
  virtual uint64_t epoch() const = 0;
  // The newest event that was sent to it.
  virtual uint64_t sent_seq() const = 0;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_SESSION_READER_H_
