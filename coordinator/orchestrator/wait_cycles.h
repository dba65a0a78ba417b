#ifndef IRIS_COORDINATOR_ORCHESTRATOR_WAIT_CYCLES_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_WAIT_CYCLES_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace iris {

// Which turns wait for which, as far as that is known: a turn that has asked another session, and
// waits for its answer as long as it takes, ends only after the turn that the other one is in. Says
// whether one more question would wait for ever. A turn whose questions are not known works by
// itself: then nothing waits for ever. Not thread-safe.
class WaitCycles {
 public:
  struct Session {
    bool in_turn = false;      // A tell is in flight.
    bool has_process = false;  // One of those that are limited in number.
  };
  void AddSession(const std::string& session_id, Session session);
  // The turn that `asker` is in waits without a limit for a tell that is open on `asked`. Both were
  // added.
  void AddQuestion(const std::string& asker, const std::string& asked);

  // A question of `asker` to `asked` would wait for the turn of `asker` that waits for it.
  bool WouldWaitForItself(const std::string& asker, const std::string& asked) const;
  // Once the turn of `asker` waits too, all of `processes_max` processes are of sessions whose
  // turns wait for others: none would ever become free. As long as nobody waits for itself, one of
  // those that they wait for has none, whomever `asker` asks.
  bool WouldWaitForProcess(const std::string& asker, size_t processes_max) const;

 private:
  Session Find(const std::string& session_id) const;

  std::map<std::string, Session> sessions_;
  std::map<std::string, std::vector<std::string>> asked_by_;  // Whom each session's turn has asked.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_WAIT_CYCLES_H_
