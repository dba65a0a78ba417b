#include "coordinator/transport/said_line.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/utf8.h"
#include "common/json/peer_json.h"

namespace iris {
namespace {

using nlohmann::json;

constexpr size_t kToolNameBytesMax = 100;
constexpr size_t kToolInputBytesMax = 200;
constexpr double kNumberMax = 1e15;
constexpr int64_t kTokensMax = 4'000'000'000'000'000;  // Of three such numbers, however often said.
// Members of a tool's input that say what it does, the most telling first.
constexpr absl::string_view kTelling[] = {"command", "file_path", "notebook_path", "path",  "url",
                                          "pattern", "query",     "description",   "prompt"};
constexpr size_t kTellingCount = std::size(kTelling);

// A use of a tool while it is read.
struct ToolReader {
  SaidTool tool;
  size_t rank = kTellingCount;  // Of what `tool.input` was.

  void TakeInput(absl::string_view key, absl::string_view text) {
    const size_t found = std::find(std::begin(kTelling), std::end(kTelling), key) - kTelling;
    if (found >= rank || text.empty()) return;
    rank = found;
    tool.input = CutUtf8(text, kToolInputBytesMax);
  }
  void TakeName(absl::string_view name) { tool.name = CutUtf8(name, kToolNameBytesMax); }
};

// Called with one value after the other, in the order in which they stand.
//
//   {"type": …, "message": {"content": [{"type": "tool_use", "input": {…}}]}, "structured_output":
//   …} 1                      2           3 4                           5         2 …
//   {"usage": {…}, "permission_denials": [{"tool_name": …, "tool_input": {…}}]}
//   1         2                          2 3                             4
class Reader final : public nlohmann::json_sax<json> {
 public:
  explicit Reader(SaidLine& line) : line_(line) {}

  bool null() override { return Scalar("null", /*is_null=*/true); }
  bool boolean(bool value) override { return Scalar(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override {
    TakeNumber(static_cast<double>(value));
    return Scalar(absl::StrCat(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    TakeNumber(static_cast<double>(value));
    return Scalar(absl::StrCat(value));
  }
  bool number_float(number_float_t value, const string_t& text) override {
    TakeNumber(value);
    return Scalar(text);
  }
  bool binary(binary_t&) override { return true; }

  bool string(string_t& text) override {
    const bool structured = BeginValue();
    if (structured && depth_ <= kPeerJsonDepthMax) PutStructured(json(text).dump());
    if (depth_ == 3 && in_denial_ && key_[3] == "tool_name") denied_.TakeName(text);
    if (depth_ == 4 && in_denied_input_) denied_.TakeInput(key_[4], text);
    if (depth_ == 5 && in_tool_input_) tool_.TakeInput(key_[5], text);
    if (depth_ == 1) {
      if (key_[1] == "type") line_.type = text;
      if (key_[1] == "parent_tool_use_id") line_.by_sub_agent = true;
      if (key_[1] == "result") line_.result = std::move(text);
    } else if (depth_ == 2 && in_message_ && key_[2] == "content") {
      line_.texts = {std::move(text)};
    } else if (depth_ == 2 && in_message_ && key_[2] == "model") {
      line_.is_notice = text == "<synthetic>";
    } else if (depth_ == 4 && in_block_) {
      if (key_[4] == "type") block_is_text_ = text == "text";
      if (key_[4] == "type") block_is_tool_ = text == "tool_use";
      if (key_[4] == "name") tool_.TakeName(text);
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
  static constexpr int kKeysDepth = 5;

  void TakeNumber(double value) {
    if (depth_ > 2 || (depth_ == 2 && !in_usage_)) return;
    const double number = std::clamp(value, 0.0, kNumberMax);
    if (depth_ == 1) {
      if (key_[1] == "total_cost_usd") {
        line_.cost_micro_usd = std::llround(std::min(number * 1e6, kNumberMax));
      }
      if (key_[1] == "duration_ms") line_.duration_ms = std::llround(number);
      return;
    }
    const bool is_input = key_[2] == "input_tokens" || key_[2] == "cache_read_input_tokens" ||
                          key_[2] == "cache_creation_input_tokens";
    if (is_input) {
      const int64_t sum = std::max<int64_t>(line_.input_tokens, 0) + std::llround(number);
      line_.input_tokens = std::min(sum, kTokensMax);
    }
    if (key_[2] == "output_tokens") line_.output_tokens = std::llround(number);
  }

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
    if (depth_ == 2) {
      in_message_ = bracket == '{' && key_[1] == "message";
      in_usage_ = bracket == '{' && key_[1] == "usage";
      in_denials_ = bracket == '[' && key_[1] == "permission_denials";
    }
    if (depth_ == 3) {
      in_content_ = in_message_ && bracket == '[' && key_[2] == "content";
      in_denial_ = in_denials_ && bracket == '{';
      if (in_denial_) denied_ = {};
    }
    if (depth_ == 4) {
      in_block_ = in_content_ && bracket == '{';
      in_denied_input_ = in_denial_ && bracket == '{' && key_[3] == "tool_input";
      block_is_text_ = block_has_text_ = block_is_tool_ = false;
      if (in_block_) tool_ = {};
    }
    if (depth_ == 5) in_tool_input_ = in_block_ && bracket == '{' && key_[4] == "input";
    return true;
  }

  bool Close(char bracket) {
    if (depth_ == 4 && in_block_ && block_is_text_ && block_has_text_) {
      line_.texts.push_back(std::move(block_text_));
    }
    if (depth_ == 4 && in_block_ && block_is_tool_) {
      ++line_.tools;
      line_.last_tool = std::move(tool_.tool);
    }
    if (depth_ == 3 && in_denial_) {
      ++line_.denials;
      if (line_.denied.size() < SaidLine::kDeniedMax) line_.denied.push_back(denied_.tool);
    }
    if (depth_ == 5) in_tool_input_ = false;
    if (depth_ == 4) in_block_ = in_denied_input_ = false;
    if (depth_ == 3) in_content_ = in_denial_ = false;
    if (depth_ == 2) in_message_ = in_usage_ = in_denials_ = false;
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
  bool block_is_tool_ = false;
  bool in_tool_input_ = false;
  ToolReader tool_;  // Of the block.
  bool in_usage_ = false;
  bool in_denials_ = false;
  bool in_denial_ = false;
  bool in_denied_input_ = false;
  ToolReader denied_;
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
