#ifndef IRIS_AGENT_CLAUDE_LINE_SCANNER_H_
#define IRIS_AGENT_CLAUDE_LINE_SCANNER_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/json/json_scan.h"

namespace iris {

// What the agent must know of a line of claude's, on its stdout or in its transcript, to follow its
// turns: fields of the outermost object and of its `message`. Strings are cut at
// LineScanner::kValueBytesMax; escapes in them are not decoded (what is looked for has none).
struct LineFacts {
  bool is_object = false;  // The line is one JSON object, and nothing else.
  std::string type;
  std::string subtype;
  std::string uuid;
  bool is_error = false;
  bool is_replay = false;
  std::string request_id;  // Of a control request, or of what withdraws one.
  bool has_user_message_uuids = false;
  std::vector<std::string> user_message_uuids;  // ≤ 1,024.
  std::string parent_tool_use_id;               // On stdout: a sub-agent said it.
  std::string state;                            // Of the session: idle, running, requires_action.

  // In a transcript only.
  bool is_sidechain = false;    // A sub-agent's line.
  bool is_meta = false;         // claude put it there, in the user's name.
  bool is_api_error = false;    // Not the model's words: why the API gave none.
  std::string tool_use_result;  // Where it is a string.

  bool has_message = false;  // The fields below are there, as far as the line goes.
  std::string model;
  std::string stop_reason;
  // The message's content: a block each, or one of type "text" where it is a string. ≤ 256.
  struct Block {
    std::string type;
    std::string id;    // Of the call of a tool, or of the call whose result it is.
    std::string name;  // Of a tool.
    std::string text;
  };
  std::vector<Block> blocks;
};

class LineScannerSink {
 public:
  virtual ~LineScannerSink() = default;
  // Bytes of the current line as they came, newline left out. May be empty for the end of an empty
  // line.
  virtual void OnLinePiece(absl::string_view piece, bool ends_line) = 0;
  // After the last piece. `head` is the line's beginning, whole if it is at most kHeadBytesMax
  // long.
  virtual void OnLine(const LineFacts& facts, absl::string_view head, bool head_is_whole) = 0;
};

// Splits a byte stream into lines and reads their outermost fields on the way, in linear time and
// bounded memory however long a line is and however it is cut: a 64 MiB line is never held. Looks
// at bytes, so multi-byte text may be cut anywhere. Not thread-safe.
class LineScanner {
 public:
  static constexpr size_t kHeadBytesMax = 1 << 20;
  static constexpr size_t kValueBytesMax = 256;

  explicit LineScanner(LineScannerSink& sink) : sink_(sink) {}

  void Feed(absl::string_view bytes);
  // What has come of a line that has not ended; all of it, if holds_unfinished(): it is held up to
  // kHeadBytesMax. Another scanner that is fed it goes on with the line.
  const std::string& unfinished() const { return head_; }
  bool holds_unfinished() const { return head_.size() == line_bytes_; }
  // That is one JSON object: only the newline is missing.
  bool unfinished_is_object() const { return IsObject(); }
  // The stream is over: what is there without a newline counts as a line.
  void Finish();

 private:
  enum class Role { kSkip, kKey, kValue, kListItem };
  // Which of the containers with wanted fields. kOther: none, or deeper.
  enum class Place { kOther, kRoot, kUuids, kMessage, kContent, kBlock };
  static constexpr int kPlacesDepth = 4;
  static constexpr size_t kDepthMax = 10'000;  // What nests deeper is no object.

  bool IsObject() const { return !bad_ && check_.IsWhole(); }
  void Scan(absl::string_view piece);
  void OnOpen(char bracket);
  void OnClose();
  void OnStringStart();
  void OnStringEnd();
  void OnValue();
  void OnLiteral(char first);
  void EndLine();
  Place Here() const { return depth_ <= kPlacesDepth ? places_[depth_] : Place::kOther; }
  Place PlaceOf(char bracket) const;
  // Its fields have names.
  static bool IsNamed(Place place);

  LineScannerSink& sink_;
  std::string head_;
  size_t line_bytes_ = 0;

  JsonScan check_{kDepthMax};
  LineFacts facts_;
  bool bad_ = false;     // Not an object: nothing more is looked at until the newline.
  bool closed_ = false;  // The outermost object has ended.
  int depth_ = 0;
  Place places_[kPlacesDepth + 1] = {};  // By depth; 0 is outside.
  bool in_string_ = false;
  bool escaped_ = false;
  bool expect_key_ = false;  // The next string is a key, if the place has names.
  Role role_ = Role::kSkip;
  std::string key_;
  std::string text_;  // The string being read, if its role is not kSkip.
};

}  // namespace iris

#endif  // IRIS_AGENT_CLAUDE_LINE_SCANNER_H_
