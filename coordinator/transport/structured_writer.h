#ifndef IRIS_COORDINATOR_TRANSPORT_STRUCTURED_WRITER_H_
#define IRIS_COORDINATOR_TRANSPORT_STRUCTURED_WRITER_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/json/json_string.h"
#include "common/json/peer_json.h"

namespace iris {

// Writes a value of a JSON text down again as it is read: on one line, with null for what nests
// deeper than kPeerJsonDepthMax in the whole text. `depth` is of the brackets that are open there.
// Not thread-safe.
class StructuredWriter {
 public:
  // `text` outlives this.
  explicit StructuredWriter(std::string& text) : text_(text) {}

  // The value begins, or another one that is meant instead.
  void Begin() {
    text_.clear();
    open_ = true;
    comma_ = false;
  }
  void End() { open_ = false; }
  // Whether what stands here is some of it.
  bool Takes(int depth) const { return open_ && depth <= kPeerJsonDepthMax; }

  void PutKey(absl::string_view key) {
    PutString(key);
    text_ += ':';
    comma_ = false;
  }
  void PutString(absl::string_view text) {
    Put("\"");
    AppendEscaped(text, text_);
    text_ += '"';
  }
  // A number, or a literal.
  void Put(absl::string_view text) {
    absl::StrAppend(&text_, comma_ ? "," : "", text);
    comma_ = true;
  }
  // `depth`: without this bracket; of Close() with it.
  void Open(bool object, int depth) {
    if (!Takes(depth)) return;
    const bool too_deep = depth == kPeerJsonDepthMax;
    Put(too_deep ? "null" : object ? "{" : "[");
    comma_ = too_deep;
  }
  void Close(bool object, int depth) {
    if (!Takes(depth)) return;
    text_ += object ? '}' : ']';
    comma_ = true;
  }

 private:
  std::string& text_;
  bool open_ = false;
  bool comma_ = false;  // Before the next value.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_STRUCTURED_WRITER_H_
