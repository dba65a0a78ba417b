#ifndef IRIS_TESTS_PROGRAMS_TURN_H_
#define IRIS_TESTS_PROGRAMS_TURN_H_

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/programs/json.h"
#include "tests/programs/prompt.h"
#include "tests/programs/session.h"
#include "tests/programs/tool.h"

namespace iris::stub {

using Clock = std::chrono::steady_clock;

inline Clock::duration ToDuration(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

// One turn: from the user's messages (none, where a background task asked) to the result line.
//
//   Start ──▶ Advance ──▶ waits (time, tool, permission) ──▶ Advance ──▶ over
//                  └─▶ Interrupt / MakeWay ──▶ over
//
// Blocks go to stdout as they are said; the transcript gets a message whole, at its end, as
// claude's does: a kill in mid-message leaves the user's line alone. Not thread-safe.
class Turn {
 public:
  // Messages that wait in `queue` when a tool has ended join this turn.
  Turn(Session& session, std::vector<UserMessage> messages, std::deque<UserMessage>& queue);

  // Writes what opens a turn. `again`: the first message's line is in the transcript already.
  void Start(bool again);
  // The same for a turn that nobody asked for.
  void StartUnasked();

  // Goes on until the turn waits or is over.
  void Advance();

  bool over() const { return over_; }
  int tool_fd() const { return tool_ ? tool_->fd() : -1; }
  std::optional<Clock::time_point> wake_at() const { return wake_at_; }
  // When a turn that nobody asked for is due, if this one ordered it. Taken once.
  std::optional<Clock::time_point> TakeBackground();

  // The answer to can_use_tool; ignored where it answers something else.
  void OnControlResponse(const Json& response);
  // Nobody can answer any more.
  void OnStdinClosed();

  // Ends the turn with an error result. Call WithdrawPermission() before the control response.
  void WithdrawPermission();
  void Interrupt();

  // Ends the turn for a message with priority "now": at once, or after the tool that runs: a
  // success with what was said so far, an error where nothing was said.
  void MakeWay();

 private:
  void Run(const Step& step);
  void Think(const std::string& text);
  void Say(const std::string& text, bool split = false);
  void EmitBlock(Json block, bool split, bool aborted);
  // By the session's model, if `model` is empty.
  void Emit(Json content, bool split, bool aborted, const std::string& model = "");
  // A line of the kind `what`, which may be damaged.
  void Put(const Json& line, const std::string& what, bool split = false);
  void ReachLimit(long until);
  void EndMessage(const Json& stop_reason);
  void CallTool(const std::string& command);
  void AskPermission(const std::string& command);
  void StartTool(const std::string& command);
  void FinishTool();
  void DenyTool(const std::string& text, const char* kind);
  void ToolResult(const std::string& text, bool is_error, Json tool_use_result, Json meta);
  std::vector<UserMessage> TakeQueued();
  void GoOnAfterTool(const std::string& text);
  void CutMessage();
  void UserNotice(const std::string& text);
  // `more`: members that the assistant's line and its twin in the transcript have as well.
  void SyntheticError(const std::string& text, long status, const char* error,
                      const Json& more = Json::object());

  Json Result(const char* subtype, bool is_error, const char* terminal_reason) const;
  void End(Json result, const char* lifecycle);
  void Mark(Json& line) const;
  std::vector<std::string> Uuids(const std::vector<UserMessage>& messages) const;

  Session& session_;
  std::vector<UserMessage> messages_;
  std::deque<UserMessage>& queue_;
  std::vector<UserMessage> joined_;
  std::vector<Step> steps_;
  size_t next_ = 0;
  bool over_ = false;
  bool hangs_ = false;
  bool unasked_ = false;
  bool replay_due_ = false;  // isReplay comes just before the first line of the answer.
  bool mark_due_ = true;     // The first assistant line names the user's messages.
  bool make_way_ = false;
  int api_turns_ = 1;

  std::string message_id_;
  std::vector<Json> unwritten_;  // Assistant lines of the open message, for the transcript.
  std::string last_text_;
  std::string streaming_;  // What has streamed of the block to come.
  std::string awaited_;    // The file that ends a pause.

  std::unique_ptr<Tool> tool_;
  std::string tool_use_id_;
  Json tool_input_;
  std::string permission_id_;  // Of the open request.
  Json denials_ = Json::array();
  std::string damage_;  // "torn assistant": what becomes of the next line of which kind.
  Json structured_;

  std::optional<Clock::time_point> wake_at_;
  std::optional<Clock::time_point> background_at_;
  const Clock::time_point started_ = Clock::now();
};

}  // namespace iris::stub

#endif  // IRIS_TESTS_PROGRAMS_TURN_H_
