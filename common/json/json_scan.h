#ifndef IRIS_COMMON_JSON_JSON_SCAN_H_
#define IRIS_COMMON_JSON_JSON_SCAN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace iris {

// A key, or a value that is neither an object nor an array.
enum class JsonKind { kKey, kString, kNumber, kTrue, kFalse, kNull };

// Hears what a JSON text has, in the order in which it stands there. What was said of a text that
// turns out to be none does not count.
class JsonScanSink {
 public:
  virtual ~JsonScanSink() = default;
  // An object, or an array.
  virtual void OnOpen(bool object) = 0;
  virtual void OnClose(bool object) = 0;
  // Returns whether OnPlain() and OnEscape() are to be called.
  virtual bool OnBegin(JsonKind kind) = 0;
  // Of a string, bytes that stand for themselves: maybe no UTF-8, and cut where the text was. Of a
  // number, all of it.
  virtual void OnPlain(absl::string_view bytes) = 0;
  // Of a string, an escape: a unit of UTF-16, maybe half a character.
  virtual void OnEscape(uint16_t unit) = 0;
  virtual void OnEnd() = 0;
};

// Tells whether a text is JSON (RFC 8259), and what it has, in linear time and without keeping more
// of it than a number or a bit for each bracket that is open, however long the text is and however
// it is cut. Looks at bytes: whether strings are UTF-8, whether escapes are whole characters, and
// whether a number fits anywhere is not asked. Not thread-safe.
//
// Lines of claude's are of 64 MiB at the most, and whoever wrote them is not trusted. simdjson
// keeps up to 12 bytes for each of a text, or does not check what it passes over, by which broken
// lines are known; and Debian has no archive of it, as which our programs link libraries.
class JsonScan {
 public:
  // What nests deeper than `depth_max` counts as no JSON. `sink`, which may be null, outlives this.
  explicit JsonScan(size_t depth_max, JsonScanSink* sink = nullptr)
      : depth_max_(depth_max), sink_(sink) {}

  void Feed(absl::string_view bytes);
  // What has come is a JSON text. A number that stands alone is not said to the sink.
  bool IsWhole() const;
  // The text cannot become one any more.
  bool bad() const { return next_ == Next::kBad; }
  // Another text begins.
  void Reset();

 private:
  // What may stand here, outside of strings; blanks may, but for kLiteral and kNumber.
  enum class Next {
    kValue,
    kValueOrEnd,  // An array begins.
    kKey,
    kKeyOrEnd,  // An object begins.
    kColon,
    kCommaOrEnd,
    kLiteral,  // The rest of true, false or null: literal_.
    kNumber,   // number_ says where in it.
    kNothing,  // The text has ended.
    kBad,
  };
  // -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
  enum class Number { kMinus, kZero, kInteger, kPoint, kFraction, kE, kSign, kExponent };

  // Returns how many of `bytes` belong to the string that has begun.
  size_t FeedString(absl::string_view bytes);
  void EndString();
  void TakeEscaped(char c);
  void TakeHexDigit(char c);
  void Take(char c);
  void TakeLiteral(char c);
  void TakeValue(char c);
  // False: the number is over, and `c` comes after it.
  bool TakeOfNumber(char c);
  void EndNumber();
  void Open(bool object);
  void Close(bool object);
  void Begin(JsonKind kind);
  void End();
  void AfterValue();

  const size_t depth_max_;
  JsonScanSink* const sink_;
  Next next_ = Next::kValue;
  std::vector<bool> open_;  // Of the brackets that are open: whether it is an object.
  bool wanted_ = false;     // The sink hears the characters of what has begun.
  bool in_string_ = false;
  bool is_key_ = false;   // That string.
  bool escaped_ = false;  // After a backslash.
  int hex_digits_ = 0;    // Of an escape, still to come.
  uint16_t unit_ = 0;     // By those that have.
  const char* literal_ = "";
  Number number_ = Number::kMinus;
  std::string number_text_;  // Where it is wanted.
};

// How many of the first bytes may stand in a JSON string as they are: up to a quote, a backslash or
// a control character.
size_t PlainStringBytes(absl::string_view bytes);

}  // namespace iris

#endif  // IRIS_COMMON_JSON_JSON_SCAN_H_
