#ifndef IRIS_TESTS_SIMULATION_STREAM_WATCH_H_
#define IRIS_TESTS_SIMULATION_STREAM_WATCH_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "coordinator/transport/read_point.h"
#include "proto/iris/v1/agent.pb.h"
#include "tests/simulation/last_events.h"
#include "tests/simulation/world.h"

namespace iris::simulation {

// Looks at what travels on the Attach streams of one session:
//
//   acknowledgements   only of what the coordinator has stored, and never backwards in one journal
//   credit             the agent sends nothing that it was not allowed
//   events             consecutive in one stream
class StreamWatch {
 public:
  // `stored` returns the session's mark in the coordinator's store.
  StreamWatch(World& world, std::function<ReadMark(const std::string&)> stored)
      : world_(world), stored_(std::move(stored)), last_(world) {}

  void OnRequest(const void* stream, const v1::AttachRequest& request);
  void OnResponse(const void* stream, const v1::AttachResponse& response);
  // The coordinator has stored that it read some of claude's answer to the tell.
  bool SawBegin(const std::string& tell_id) const { return begun_.count(tell_id) > 0; }
  // Events of a journal that were gone when the coordinator came to read them.
  struct Lack {
    std::string journal_id;
    uint64_t up_to = 0;
  };
  // Null: it has read the tell's turn from its beginning, as far as it has read it.
  const Lack* LackOf(const std::string& tell_id) const;
  // The coordinator has acknowledged them.
  bool Acknowledged(const Lack& lack) const;
  const LastEvents& last() const { return last_; }

 private:
  struct Stream {
    std::string session_id;
    std::string journal_id;
    uint64_t allowed = 0;
    uint64_t came = 0;
    uint64_t seq = 0;
  };
  void OnAck(const Stream& stream, const v1::Position& position);
  void OnReset(Stream& stream, const v1::Position& position);

  World& world_;
  const std::function<ReadMark(const std::string&)> stored_;
  std::map<const void*, Stream> streams_;
  std::map<std::string, uint64_t> marks_;         // The highest that was acknowledged, by journal.
  std::map<std::string, std::string> in_flight_;  // By journal, who was written last.
  // What was read and not acknowledged: who is answered, by journal and event.
  std::map<std::string, std::map<uint64_t, std::string>> answered_;
  std::set<std::string> begun_;
  std::map<std::string, Lack> lacks_;  // By tell.
  LastEvents last_;
};

}  // namespace iris::simulation

#endif  // IRIS_TESTS_SIMULATION_STREAM_WATCH_H_
