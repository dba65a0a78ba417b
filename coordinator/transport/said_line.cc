#include "coordinator/transport/said_line.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "common/base/utf8.h"
#include "common/json/json_scan.h"
#include "common/json/json_string.h"
#include "coordinator/transport/structured_writer.h"

namespace iris {
namespace {

constexpr size_t kKeyBytesMax = 100;  // Of keys that are only looked at: longer than any known one.
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

  bool WantsInput(absl::string_view key) const { return RankOf(key) < rank; }
  void TakeInput(absl::string_view key, absl::string_view text) {
    if (text.empty()) return;
    rank = RankOf(key);
    tool.input = CutUtf8(text, kToolInputBytesMax);
  }
  void TakeName(absl::string_view name) { tool.name = CutUtf8(name, kToolNameBytesMax); }

  static size_t RankOf(absl::string_view key) {
    return std::find(std::begin(kTelling), std::end(kTelling), key) - kTelling;
  }
};

// Called with one value after the other, in the order in which they stand.
//
//   {"type": …, "message": {"content": [{"type": "tool_use", "input": {…}}]}, "structured_output":
//   …} 1                      2           3 4                           5         2 …
//   {"usage": {…}, "permission_denials": [{"tool_name": …, "tool_input": {…}}]}
//   1         2                          2 3                             4
class Reader final : public JsonScanSink {
 public:
  // `bytes_max`: no text of the line is longer.
  Reader(size_t bytes_max, bool with_result, SaidLine& line)
      : bytes_max_(bytes_max), with_result_(with_result), line_(line) {}

  void OnOpen(bool object) override {
    if (IsStructured()) structured_.Begin();
    structured_.Open(object, depth_);
    ++depth_;
    if (depth_ <= kKeysDepth) key_[depth_].clear();
    if (depth_ == 2) {
      in_message_ = object && key_[1] == "message";
      in_usage_ = object && key_[1] == "usage";
      in_denials_ = !object && key_[1] == "permission_denials";
    }
    if (depth_ == 3) {
      in_content_ = in_message_ && !object && key_[2] == "content";
      in_denial_ = in_denials_ && object;
      if (in_denial_) denied_ = {};
    }
    if (depth_ == 4) {
      in_block_ = in_content_ && object;
      in_denied_input_ = in_denial_ && object && key_[3] == "tool_input";
      block_is_text_ = block_has_text_ = block_is_tool_ = false;
      if (in_block_) tool_ = {};
    }
    if (depth_ == 5) in_tool_input_ = in_block_ && object && key_[4] == "input";
  }

  void OnClose(bool object) override {
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
    structured_.Close(object, depth_);
    --depth_;
    if (depth_ == 1) structured_.End();
  }

  bool OnBegin(JsonKind kind) override {
    kind_ = kind;
    if (kind == JsonKind::kKey) {
      text_.Begin(structured_.Takes(depth_) ? bytes_max_ : kKeyBytesMax);
      return depth_ <= kKeysDepth || structured_.Takes(depth_);
    }
    if (IsStructured()) structured_.Begin();
    if (depth_ == 1 && key_[1] == "parent_tool_use_id") {
      line_.by_sub_agent = kind != JsonKind::kNull;
    }
    slot_ = Slot::kNone;
    if (structured_.Takes(depth_)) {
      slot_ = Slot::kStructured;
    } else if (kind == JsonKind::kString) {
      slot_ = SlotOfString();
    } else if (kind == JsonKind::kNumber && IsWantedNumber()) {
      slot_ = Slot::kNumber;
    }
    text_.Begin(bytes_max_);
    return slot_ != Slot::kNone;
  }
  void OnPlain(absl::string_view bytes) override { text_.AddPlain(bytes); }
  void OnEscape(uint16_t unit) override { text_.AddEscape(unit); }
  void OnEnd() override {
    if (kind_ == JsonKind::kKey) return TakeKey();
    if (slot_ != Slot::kNone) TakeValue(text_.Take());
    if (depth_ == 1) structured_.End();
  }

 private:
  static constexpr int kKeysDepth = 5;

  // What the value is that has begun.
  enum class Slot {
    kNone,
    kStructured,  // Some of it.
    kNumber,      // By its key.
    kType,
    kResult,
    kContent,
    kModel,
    kBlockType,
    kBlockText,
    kToolName,
    kToolInput,
    kDeniedName,
    kDeniedInput,
  };

  bool IsStructured() const { return depth_ == 1 && key_[1] == "structured_output"; }

  Slot SlotOfString() const {
    switch (depth_) {
      case 1:
        if (key_[1] == "type") return Slot::kType;
        return with_result_ && key_[1] == "result" ? Slot::kResult : Slot::kNone;
      case 2:
        if (in_message_ && key_[2] == "content") return Slot::kContent;
        return in_message_ && key_[2] == "model" ? Slot::kModel : Slot::kNone;
      case 3:
        return in_denial_ && key_[3] == "tool_name" ? Slot::kDeniedName : Slot::kNone;
      case 4:
        if (in_denied_input_ && denied_.WantsInput(key_[4])) return Slot::kDeniedInput;
        if (in_block_ && key_[4] == "type") return Slot::kBlockType;
        if (in_block_ && key_[4] == "name") return Slot::kToolName;
        return in_block_ && key_[4] == "text" ? Slot::kBlockText : Slot::kNone;
      case 5:
        return in_tool_input_ && tool_.WantsInput(key_[5]) ? Slot::kToolInput : Slot::kNone;
      default:
        return Slot::kNone;
    }
  }

  bool IsWantedNumber() const {
    if (depth_ == 1) return key_[1] == "total_cost_usd" || key_[1] == "duration_ms";
    return depth_ == 2 && in_usage_ && (IsInputTokens(key_[2]) || key_[2] == "output_tokens");
  }
  static bool IsInputTokens(absl::string_view key) {
    return key == "input_tokens" || key == "cache_read_input_tokens" ||
           key == "cache_creation_input_tokens";
  }

  void TakeKey() {
    if (depth_ > kKeysDepth && !structured_.Takes(depth_)) return;
    std::string key = text_.Take();
    if (structured_.Takes(depth_)) structured_.PutKey(key);
    if (depth_ <= kKeysDepth) key_[depth_] = std::move(key);
  }

  void TakeValue(std::string text) {
    switch (slot_) {
      case Slot::kNone:
        return;
      case Slot::kStructured:
        return TakeStructured(text);
      case Slot::kNumber:
        return TakeNumber(text);
      case Slot::kType:
        line_.type = std::move(text);
        return;
      case Slot::kResult:
        line_.result = std::move(text);
        return;
      case Slot::kContent:
        line_.texts.clear();
        line_.texts.push_back(std::move(text));
        return;
      case Slot::kModel:
        line_.is_notice = text == "<synthetic>";
        return;
      case Slot::kBlockType:
        block_is_text_ = text == "text";
        block_is_tool_ = text == "tool_use";
        return;
      case Slot::kBlockText:
        block_text_ = std::move(text);
        block_has_text_ = true;
        return;
      case Slot::kToolName:
        return tool_.TakeName(text);
      case Slot::kToolInput:
        return tool_.TakeInput(key_[5], text);
      case Slot::kDeniedName:
        return denied_.TakeName(text);
      case Slot::kDeniedInput:
        return denied_.TakeInput(key_[4], text);
    }
  }

  void TakeStructured(absl::string_view text) {
    switch (kind_) {
      case JsonKind::kString:
        return structured_.PutString(text);
      case JsonKind::kNumber:
        return structured_.Put(text);
      case JsonKind::kTrue:
        return structured_.Put("true");
      case JsonKind::kFalse:
        return structured_.Put("false");
      default:
        if (depth_ > 1) structured_.Put("null");  // All of it: as if there were none.
    }
  }

  void TakeNumber(absl::string_view text) {
    double value = 0;
    if (!absl::SimpleAtod(text, &value)) return;
    const double number = std::clamp(value, 0.0, kNumberMax);
    if (depth_ == 1 && key_[1] == "duration_ms") {
      line_.duration_ms = std::llround(number);
    } else if (depth_ == 1) {
      line_.cost_micro_usd = std::llround(std::min(number * 1e6, kNumberMax));
    } else if (IsInputTokens(key_[2])) {
      const int64_t sum = std::max<int64_t>(line_.input_tokens, 0) + std::llround(number);
      line_.input_tokens = std::min(sum, kTokensMax);
    } else {
      line_.output_tokens = std::llround(number);
    }
  }

  const size_t bytes_max_;
  const bool with_result_;
  SaidLine& line_;
  JsonString text_;  // What is being read, if it is wanted.
  JsonKind kind_ = JsonKind::kNull;
  Slot slot_ = Slot::kNone;
  StructuredWriter structured_{line_.structured};
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
};

}  // namespace

SaidLine ReadSaidLine(std::vector<std::string> line, bool with_result) {
  size_t bytes = 0;
  for (const std::string& piece : line) bytes += piece.size();
  SaidLine said;
  Reader reader(bytes, with_result, said);
  JsonScan scan(/*depth_max=*/bytes, &reader);
  for (std::string& piece : line) {
    scan.Feed(piece);
    std::string().swap(piece);
  }
  return said;
}

}  // namespace iris
