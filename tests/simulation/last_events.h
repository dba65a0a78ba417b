#ifndef IRIS_TESTS_SIMULATION_LAST_EVENTS_H_
#define IRIS_TESTS_SIMULATION_LAST_EVENTS_H_

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "proto/iris/v1/agent.pb.h"
#include "tests/simulation/world.h"

namespace iris::simulation {

// What one coordinator's Attach streams said last of each session: for who reads why a check does
// not hold. kEventsMax events a session, with the streams' beginnings and the tells among them;
// credit and acknowledgements are left out.
class LastEvents {
 public:
  static constexpr size_t kEventsMax = 20;

  explicit LastEvents(const World& world) : world_(world) {}

  void Add(const std::string& session_id, const v1::AttachRequest& request);
  void Add(const std::string& session_id, const v1::AttachResponse& response);

  // On which session it was sent; "": it was not.
  std::string SessionOf(const std::string& tell_id) const;
  std::vector<std::string> SentOn(const std::string& session_id) const;
  // A line each, the oldest first.
  std::string Of(const std::string& session_id) const;

 private:
  struct Line {
    absl::Duration when;
    std::string what;
    bool is_event = false;
  };
  struct Session {
    std::deque<Line> lines;
    size_t events = 0;  // Of them.
  };
  void Add(const std::string& session_id, std::string what, bool is_event);

  const World& world_;
  std::map<std::string, Session> sessions_;
  std::map<std::string, std::string> sent_on_;  // Sessions, by tell.
};

}  // namespace iris::simulation

#endif  // IRIS_TESTS_SIMULATION_LAST_EVENTS_H_
