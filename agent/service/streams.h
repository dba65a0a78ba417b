#ifndef IRIS_AGENT_SERVICE_STREAMS_H_
#define IRIS_AGENT_SERVICE_STREAMS_H_

#include <atomic>
#include <cstddef>
#include <set>

namespace iris {

// The streams that a service has open, so that a shutdown can end them. On the process loop, but
// for count().
class OpenStreams {
 public:
  class Stream {
   public:
    virtual ~Stream() = default;
    // Finishes the stream as UNAVAILABLE. Idempotent.
    virtual void End() = 0;
  };

  void Add(Stream* stream) {
    streams_.insert(stream);
    count_ = streams_.size();
    if (ended_) stream->End();
  }
  void Remove(Stream* stream) {
    streams_.erase(stream);
    count_ = streams_.size();
  }
  void EndAll() {
    ended_ = true;
    for (Stream* stream : streams_) stream->End();
  }
  size_t count() const { return count_; }  // Thread-safe.

 private:
  std::set<Stream*> streams_;
  std::atomic<size_t> count_ = 0;
  bool ended_ = false;
};

}  // namespace iris

#endif  // IRIS_AGENT_SERVICE_STREAMS_H_
