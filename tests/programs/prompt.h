#ifndef IRIS_TESTS_PROGRAMS_PROMPT_H_
#define IRIS_TESTS_PROGRAMS_PROMPT_H_

#include <string>
#include <vector>

namespace iris::stub {

// One thing that a turn does.
struct Step {
  enum class Kind {
    kText,         // A text block: `text`.
    kSplitText,    // The same, written in pieces that cut characters.
    kThinking,     // A thinking block: `text`.
    kPause,        // Nothing for `seconds` and, unless `until` is empty, until there is that file.
                   // `text` is what has streamed so far of a block.
    kHang,         // Nothing, for ever; still interruptible.
    kWedge,        // Nothing, for ever; only SIGKILL helps.
    kTool,         // A tool that runs the shell command `text`.
    kPermit,       // The same, after asking for permission.
    kDaemon,       // Leaves a process behind and says "daemon-pid N".
    kRaw,          // `text` on stdout, as it is.
    kStderr,       // `text` on stderr.
    kLimitWrites,  // No write to stdout above `number` bytes from now on.
    kEndMessage,   // What was said so far goes to the transcript, as the end of the turn.
    kExit,         // Exits with `number`, whatever was promised.
    kSignal,       // Kills itself with the signal `number`.
    kApiError,     // The turn ends with an API error of HTTP status `number`; 0 = none known.
    kApiRetry,     // A line that says that the API failed with `number` and is asked again.
    kNotLoggedIn,  // The turn ends with "Not logged in · Please run /login".
    kTurnError,    // The turn ends with error_during_execution.
    kBackground,   // `seconds` after now, a turn that nobody asked for.
    kPlainText,    // A message whose content is the plain string `text`.
    kStructured,   // The result has the structured output `text`, which is JSON.
    kLimit,        // The turn ends because the account's limit is reached until the Unix time
                   // `number`; 0: it says so in words alone, and calls it no error.
    kCommand,      // The turn ends with the result `text`, and the model was not asked.
    kDamage,       // `text`: what becomes of which line: "torn assistant" (README.md).
  };

  Kind kind = Kind::kText;
  std::string text = "";
  double seconds = 0;
  long number = 0;
  std::string until = "";
};

// What some words answer with.
struct Surroundings {
  std::string arguments_json;
  int prompts = 0;     // User messages in this session, with those of this turn.
  bool again = false;  // The session's last life began this very turn and did not finish it.
};

// The names of claude's commands: a prompt that begins with a slash and one of them is that
// command, whatever follows.
const std::vector<std::string>& Commands();

// Reads the words that steer a turn (README.md lists them): one at the beginning of a line. Lines
// without a word are passed over; a prompt that asks for no text is echoed.
std::vector<Step> ReadPrompt(const std::string& prompt, const Surroundings& surroundings);

}  // namespace iris::stub

#endif  // IRIS_TESTS_PROGRAMS_PROMPT_H_
