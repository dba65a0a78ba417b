#ifndef IRIS_TESTS_PROGRAMS_SESSION_H_
#define IRIS_TESTS_PROGRAMS_SESSION_H_

#include <string>
#include <vector>

#include "tests/programs/arguments.h"
#include "tests/programs/json.h"
#include "tests/programs/output.h"
#include "tests/programs/transcript.h"

namespace iris::stub {

// A message of the user, as it came.
struct UserMessage {
  std::string uuid;  // Empty: it had none, and gets no lifecycle lines.
  Json content;      // A string or an array of blocks.

  // The text, blocks joined by newlines.
  std::string Text() const;
};

// What all turns of the process share. The methods write the lines that belong to no turn, with
// the shapes seen on 2.1.330. Not thread-safe.
struct Session {
  Session(Arguments a, std::string id_given, std::string cwd_given)
      : arguments(std::move(a)),
        id(std::move(id_given)),
        cwd(std::move(cwd_given)),
        permission_mode(arguments.skip_permissions ? "bypassPermissions"
                                                   : arguments.permission_mode),
        model(arguments.model),
        transcript(id, cwd) {}

  // Stamps `line` with a uuid and the session's id, and writes it.
  void Write(Json line);
  void Lifecycle(const std::string& uuid, const char* state);
  // Where CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS asks for it. What it has said already is no news.
  void State(const char* state);
  void Init(const std::vector<std::string>& user_uuids);
  void Replay(const UserMessage& message, bool with_time);
  void Respond(const std::string& request_id, Json response);
  void Refuse(const std::string& request_id, const std::string& error, const std::string& code);
  Json InitializeAnswer() const;

  const Arguments arguments;
  const std::string id;
  const std::string cwd;
  std::string permission_mode;
  std::string model;
  Output output;
  Transcript transcript;
  bool not_logged_in = false;
  bool says_state = false;
  std::string state = "idle";
  bool repair_due = false;  // Resumed: a turn that was cut off is patched before the next one.
  bool last_result_was_error = false;
  int results = 0;
  double spent_usd = 0;  // By the process, as claude counts it.
  int messages = 0;      // For message and tool ids.
};

}  // namespace iris::stub

#endif  // IRIS_TESTS_PROGRAMS_SESSION_H_
