// A stand-in for `claude` 2.1.330 in stream-json mode, for tests: no network, no account, and the
// prompt says what happens. Its lines and rules are those of the real one; README.md lists the
// words and what it leaves out. test_claude_contract.py holds both programs to the same contract.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/programs/arguments.h"
#include "tests/programs/conversation.h"
#include "tests/programs/session.h"
#include "tests/programs/termination.h"
#include "tests/programs/text.h"

namespace iris::stub {
namespace {

// Set by an environment variable, or by a file in the home where only that can be reached.
bool Wanted(const char* variable, const char* file) {
  const char* value = getenv(variable);
  if (value != nullptr && std::string(value) == "1") return true;
  const char* home = getenv("HOME");
  std::error_code error;
  return home != nullptr && std::filesystem::exists(std::filesystem::path(home) / file, error);
}

int Complain(const std::string& text) {
  fprintf(stderr, "%s\n", text.c_str());
  return 1;
}

// Where --resume finds nothing, claude also says so in a result line.
int NoConversation(Session& session) {
  const std::string text = "No conversation found with session ID: " + session.id;
  session.output.Line({{"type", "result"},
                       {"subtype", "error_during_execution"},
                       {"duration_ms", 0},
                       {"duration_api_ms", 0},
                       {"is_error", true},
                       {"num_turns", 0},
                       {"stop_reason", nullptr},
                       {"session_id", session.id},
                       {"total_cost_usd", 0},
                       {"usage", Json::object()},
                       {"modelUsage", Json::object()},
                       {"permission_denials", Json::array()},
                       {"uuid", NewUuid()},
                       {"errors", Json::array({text})},
                       {"result_index", 0}});
  return Complain(text);
}

int Main(int argc, char** argv) {
  Arguments arguments;
  if (const auto complaint = ReadArguments(argc, argv, &arguments)) return Complain(*complaint);
  if (arguments.version) {
    printf("%s (Claude Code)\n", kVersion);
    return 0;
  }
  const int interrupts = InstallSignalHandlers();
  if (Wanted("STUB_CRASH_AT_START", ".stub-crash-at-start")) {
    return Complain("stub: crashed at start, as it was told to");
  }
  if (Wanted("STUB_HANG_AT_START", ".stub-hang-at-start")) {
    for (;;) pause();
  }
  const bool resumes = !arguments.resume.empty();
  std::string id = resumes ? arguments.resume : arguments.session_id;
  if (id.empty()) id = NewUuid();
  Session session(arguments, id, std::filesystem::current_path());
  session.not_logged_in = Wanted("STUB_NOT_LOGGED_IN", ".stub-not-logged-in");
  const bool is_old = Wanted("STUB_OLD", ".stub-old");
  if (is_old) session.output.SpeakOld();
  const char* states = getenv("CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS");
  session.says_state = states != nullptr && std::string(states) == "1" && !is_old;
  const bool exists = session.transcript.Load();
  if (resumes && !exists) return NoConversation(session);
  if (!resumes && exists) return Complain("Error: Session ID " + id + " is already in use.");
  session.repair_due = resumes;
  return Conversation(session, interrupts).Run();
}

}  // namespace
}  // namespace iris::stub

int main(int argc, char** argv) { return iris::stub::Main(argc, argv); }
