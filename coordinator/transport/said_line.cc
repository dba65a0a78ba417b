#include "coordinator/transport/said_line.h"

#include <cstdint>
#include <cstdlib>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/utf8.h"
#include "common/json/peer_json.h"

namespace iris {
namespace {

using nlohmann::json;

// Called with one value after the other, in the order in which they stand.
//
//   {"type": …, "message": {"content": [{"type": "text", "text": …}]}, "structured_output": …}
//   1                      2           3 4                              2 …
class Reader final : public nlohmann::json_sax<json> {
 public:
  explicit Reader(SaidLine& line) : line_(line) {}

  bool null() override { return Scalar("null", /*is_null=*/true); }
  bool boolean(bool value) override { return Scalar(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return Scalar(absl::StrCat(value)); }
  bool number_unsigned(number_unsigned_t value) override { return Scalar(absl::StrCat(value)); }
  bool number_float(number_float_t, const string_t& text) override { return Scalar(text); }
  bool binary(binary_t&) override { return true; }

  bool string(string_t& text) override {
    const bool structured = BeginValue();
    if (structured && depth_ <= kPeerJsonDepthMax) PutStructured(json(text).dump());
    if (depth_ == 1) {
      if (key_[1] == "type") line_.type = text;
      if (key_[1] == "parent_tool_use_id") line_.by_sub_agent = true;
      if (key_[1] == "result") line_.result = std::move(text);
    } else if (depth_ == 2 && in_message_ && key_[2] == "content") {
      line_.texts = {std::move(text)};
    } else if (depth_ == 4 && in_block_) {
      if (key_[4] == "type") block_is_text_ = text == "text";
      if (key_[4] == "text") {
        block_text_ = std::move(text);
        block_has_text_ = true;
      }
    }
    return EndValue();
  }

  bool start_object(size_t) override { return Open('{'); }
  bool start_array(size_t) override { return Open('['); }
  bool end_object() override { return Close('}'); }
  bool end_array() override { return Close(']'); }

  bool key(string_t& name) override {
    if (depth_ <= kKeysDepth) key_[depth_] = name;
    if (in_structured_ && depth_ <= kPeerJsonDepthMax) {
      PutStructured(json(name).dump());
      line_.structured += ':';
      comma_ = false;
    }
    return true;
  }

  bool parse_error(size_t, const std::string&, const json::exception&) override { return false; }

 private:
  static constexpr int kKeysDepth = 4;

  // True inside the structured output, which may begin here.
  bool BeginValue() {
    if (depth_ == 1 && key_[1] == "structured_output") {
      line_.structured.clear();
      in_structured_ = true;
      comma_ = false;
    }
    return in_structured_;
  }
  bool EndValue() {
    if (depth_ == 1) in_structured_ = false;
    return true;
  }
  void PutStructured(absl::string_view text) {
    absl::StrAppend(&line_.structured, comma_ ? "," : "", text);
    comma_ = true;
  }

  bool Scalar(absl::string_view text, bool is_null = false) {
    if (BeginValue() && depth_ <= kPeerJsonDepthMax && !(is_null && depth_ == 1)) {
      PutStructured(text);
    }
    if (depth_ == 1 && key_[1] == "parent_tool_use_id") line_.by_sub_agent = !is_null;
    return EndValue();
  }

  bool Open(char bracket) {
    if (BeginValue() && depth_ <= kPeerJsonDepthMax) {
      // Nothing of a value that nests too deep is kept.
      PutStructured(depth_ == kPeerJsonDepthMax ? "null" : absl::string_view(&bracket, 1));
      if (depth_ < kPeerJsonDepthMax) comma_ = false;
    }
    ++depth_;
    if (depth_ <= kKeysDepth) key_[depth_].clear();
    if (depth_ == 2) in_message_ = bracket == '{' && key_[1] == "message";
    if (depth_ == 3) in_content_ = in_message_ && bracket == '[' && key_[2] == "content";
    if (depth_ == 4) {
      in_block_ = in_content_ && bracket == '{';
      block_is_text_ = block_has_text_ = false;
    }
    return true;
  }

  bool Close(char bracket) {
    if (depth_ == 4 && in_block_ && block_is_text_ && block_has_text_) {
      line_.texts.push_back(std::move(block_text_));
    }
    if (depth_ == 4) in_block_ = false;
    if (depth_ == 3) in_content_ = false;
    if (depth_ == 2) in_message_ = false;
    if (in_structured_ && depth_ <= kPeerJsonDepthMax) {
      line_.structured += bracket;
      comma_ = true;
    }
    --depth_;
    return EndValue();
  }

  SaidLine& line_;
  int depth_ = 0;  // Of brackets that are open.
  std::string key_[kKeysDepth + 1];
  bool in_message_ = false;
  bool in_content_ = false;
  bool in_block_ = false;
  bool block_is_text_ = false;
  bool block_has_text_ = false;
  std::string block_text_;
  bool in_structured_ = false;
  bool comma_ = false;  // Before the next value of it.
};

bool Parse(const std::string& text, SaidLine& line) {
  line = {};
  Reader reader(line);
  line.is_json = json::sax_parse(text.begin(), text.end(), &reader);
  return line.is_json;
}

// The code unit of the escape \uXXXX that begins at `at`, or -1.
int EscapedUnit(absl::string_view text, size_t at) {
  uint32_t unit = 0;
  if (text.substr(at, 2) != "\\u" || text.size() < at + 6) return -1;
  return absl::SimpleHexAtoi(text.substr(at + 2, 4), &unit) ? static_cast<int>(unit) : -1;
}

bool IsBetween(int unit, int first, int last) { return unit >= first && unit <= last; }

// JavaScript writes half a character as it is; a JSON parser refuses it.
void ReplaceLoneSurrogates(std::string& text) {
  for (size_t at = text.find('\\'); at != std::string::npos; at = text.find('\\', at)) {
    const int unit = EscapedUnit(text, at);
    const bool pair =
        IsBetween(unit, 0xD800, 0xDBFF) && IsBetween(EscapedUnit(text, at + 6), 0xDC00, 0xDFFF);
    if (pair) {
      at += 12;
    } else if (IsBetween(unit, 0xD800, 0xDFFF)) {
      text.replace(at, 6, "\\ufffd");
      at += 6;
    } else {
      at += 2;
    }
  }
}

}  // namespace

SaidLine ReadSaidLine(std::string& line) {
  SaidLine said;
  if (Parse(line, said) || line.empty() || line[0] != '{') return said;
  ReplaceLoneSurrogates(line);
  if (!IsUtf8(line)) line = ToUtf8(line);
  Parse(line, said);
  return said;
}

}  // namespace iris
