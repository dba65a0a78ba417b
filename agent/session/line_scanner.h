#ifndef IRIS_AGENT_SESSION_LINE_SCANNER_H_
#define IRIS_AGENT_SESSION_LINE_SCANNER_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace iris {

// What the agent must know of a line of claude's stdout to follow its turns: fields of the
// outermost object. Escapes in strings are not decoded (none of these values has any).
struct LineFacts {
  bool is_object = false;  // The line is one JSON object, as far as its brackets show.
  std::string type;
  std::string subtype;
  std::string uuid;
  bool is_error = false;
  bool is_replay = false;
  bool has_user_message_uuids = false;
  std::vector<std::string> user_message_uuids;  // ≤ 1,024.
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
  // The stream is over: what is there without a newline counts as a line.
  void Finish();

 private:
  enum class Role { kSkip, kKey, kValue, kListItem };

  void Scan(absl::string_view piece);
  void OnOpen(char bracket);
  void OnClose();
  void OnStringStart();
  void OnStringEnd();
  void OnLiteral(char first);
  void EndLine();

  LineScannerSink& sink_;
  std::string head_;
  size_t line_bytes_ = 0;

  LineFacts facts_;
  bool bad_ = false;     // Not an object: nothing more is looked at until the newline.
  bool closed_ = false;  // The outermost object has ended.
  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool expect_key_ = false;  // At depth 1: the next string is a key.
  bool in_uuid_list_ = false;
  Role role_ = Role::kSkip;
  std::string key_;
  std::string text_;  // The string being read, if its role is not kSkip.
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_LINE_SCANNER_H_
