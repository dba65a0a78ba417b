#ifndef IRIS_TESTS_PROGRAMS_TRANSCRIPT_H_
#define IRIS_TESTS_PROGRAMS_TRANSCRIPT_H_

#include <map>
#include <string>
#include <vector>

#include "tests/programs/json.h"

namespace iris::stub {

// The file in which claude keeps one conversation, one JSON object a line:
//   <config>/projects/<cwd, every non-alphanumeric as '-'>/<session id>.jsonl
// where <config> is $CLAUDE_CONFIG_DIR, else $HOME/.claude. It holds user, assistant and tool
// lines and no results. The file appears with the first line. Not thread-safe.
class Transcript {
 public:
  // What the file says about a user message.
  enum class Turn {
    kUnknown,  // It is not there.
    kAsked,    // Nothing follows it: the same uuid runs again.
    kBegun,    // Another line follows it: the same uuid never runs again.
  };

  Transcript(std::string session_id, std::string cwd);

  // Reads the session's file, whichever project it lies under. False: there is none.
  bool Load();

  // Appends `line` (with "type" and, for messages, "message" and "uuid") and writes it at once.
  void Append(Json line);
  // Those of one message: the first one, and all others at once, as claude's own.
  void AppendAll(std::vector<Json> lines);

  // After Load(): what claude appends when the last turn was cut off, before it goes on. That is a
  // result for an open tool call and an assistant line "No response requested.".
  void Repair();

  Turn StateOf(const std::string& uuid) const;

  // User messages so far, those merged into one line counted singly.
  int prompts() const { return prompts_; }

  // The line that Append() would write, for a signal handler.
  std::string LineFor(Json line) const;
  int fd() const { return fd_; }

 private:
  void Open();
  // In one write: a kill leaves whole lines.
  bool Write(const std::string& text);
  void Notice(const Json& line);

  const std::string session_id_;
  const std::string cwd_;
  std::string path_;
  int fd_ = -1;
  std::map<std::string, Turn> turns_;
  std::string last_uuid_;
  std::string open_tool_use_;      // Id of a call without a result.
  bool waits_for_answer_ = false;  // The last message is not an assistant's.
  int prompts_ = 0;
};

}  // namespace iris::stub

#endif  // IRIS_TESTS_PROGRAMS_TRANSCRIPT_H_
