#ifndef IRIS_TESTS_PROGRAMS_CONVERSATION_H_
#define IRIS_TESTS_PROGRAMS_CONVERSATION_H_

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "tests/programs/json.h"
#include "tests/programs/session.h"
#include "tests/programs/turn.h"

namespace iris::stub {

// Reads lines from stdin, runs one turn at a time, and keeps what must wait. One thread, one poll.
class Conversation {
 public:
  // `interrupts` becomes readable at SIGINT.
  Conversation(Session& session, int interrupts) : session_(session), interrupts_(interrupts) {}

  // Until stdin ends and nothing is left to do. Returns the exit code.
  int Run();

 private:
  void Wait();
  void ReadStdin();
  void OnLine(const std::string& text);
  void OnUser(const Json& line);
  void OnControlRequest(const Json& line);
  void OnInterrupt(const std::string& request_id, bool cancel_queued);
  void OnCancel(const std::string& request_id, const std::string& uuid);
  void OnPermissionMode(const std::string& request_id, const std::string& mode);
  void StartWhatIsDue();
  bool idle() const { return turn_ == nullptr; }

  Session& session_;
  const int interrupts_;
  std::string buffer_;  // Read from stdin, without a newline yet.
  bool stdin_closed_ = false;
  bool interrupted_ = false;  // By SIGINT: exit 0 after the turn.
  std::unique_ptr<Turn> turn_;
  std::deque<UserMessage> queue_;
  std::set<std::string> seen_;  // Uuids taken in this process.
  std::optional<Clock::time_point> background_at_;
};

}  // namespace iris::stub

#endif  // IRIS_TESTS_PROGRAMS_CONVERSATION_H_
