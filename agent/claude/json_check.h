#ifndef IRIS_AGENT_CLAUDE_JSON_CHECK_H_
#define IRIS_AGENT_CLAUDE_JSON_CHECK_H_

#include <cstddef>
#include <vector>

#include "absl/strings/string_view.h"

namespace iris {

// Tells whether a text is one JSON object (RFC 8259), in linear time and bounded memory, however
// long the text is and however it is cut. Looks at bytes: whether strings are UTF-8, and whether
// escapes are whole characters, is not asked. Not thread-safe.
class JsonCheck {
 public:
  static constexpr size_t kDepthMax = 10'000;  // What nests deeper counts as none.

  void Feed(absl::string_view bytes);
  // All of the text has come.
  bool IsObject() const { return next_ == Next::kNothing && !in_string_; }
  // The text cannot become one any more.
  bool bad() const { return next_ == Next::kBad; }
  // Another text begins.
  void Reset();

 private:
  // What may stand here, outside of strings; blanks may, but for kLiteral and kNumber.
  enum class Next {
    kObject,  // The text begins.
    kValue,
    kValueOrEnd,  // An array begins.
    kKey,
    kKeyOrEnd,  // An object begins.
    kColon,
    kCommaOrEnd,
    kLiteral,  // The rest of true, false or null: literal_.
    kNumber,   // number_ says where in it.
    kNothing,  // The object has ended.
    kBad,
  };
  // -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
  enum class Number { kMinus, kZero, kInteger, kPoint, kFraction, kE, kSign, kExponent };

  // Returns how many of `bytes` belong to the string that has begun.
  size_t FeedString(absl::string_view bytes);
  void Take(char c);
  void TakeValue(char c);
  // False: the number is over, and `c` comes after it.
  bool TakeOfNumber(char c);
  void Open(bool object);
  void Close(bool object);
  void AfterValue();

  Next next_ = Next::kObject;
  std::vector<bool> open_;  // Of the brackets that are open: whether it is an object.
  bool in_string_ = false;
  bool is_key_ = false;   // That string.
  bool escaped_ = false;  // After a backslash.
  int hex_digits_ = 0;    // Of an escape, still to come.
  const char* literal_ = "";
  Number number_ = Number::kMinus;
};

}  // namespace iris

#endif  // IRIS_AGENT_CLAUDE_JSON_CHECK_H_
