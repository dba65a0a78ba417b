// However the child's stdout is cut into reads, it holds the same lines; and what the scanner says
// of a line is what a JSON parser says of it.

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "agent/claude/line_scanner.h"
#include "nlohmann/json.hpp"
#include "tests/fuzz/require.h"

namespace iris {
namespace {

using nlohmann::json;

struct Line {
  std::string bytes;
  LineFacts facts;
  std::string head;
  bool head_is_whole;
};

class Recorder final : public LineScannerSink {
 public:
  void OnLinePiece(absl::string_view piece, bool ends_line) override {
    Require(!ended_, "nothing comes between a line's last piece and OnLine()");
    bytes_.append(piece.data(), piece.size());
    ended_ = ends_line;
  }
  void OnLine(const LineFacts& facts, absl::string_view head, bool head_is_whole) override {
    Require(std::exchange(ended_, false), "OnLine() follows a last piece");
    lines.push_back({.bytes = std::exchange(bytes_, {}),
                     .facts = facts,
                     .head = std::string(head),
                     .head_is_whole = head_is_whole});
  }

  std::vector<Line> lines;

 private:
  std::string bytes_;
  bool ended_ = false;
};

// Lines of `stream`, read in pieces whose lengths follow from `seed`; 0: in one piece.
std::vector<Line> Scan(absl::string_view stream, uint16_t seed) {
  Recorder recorder;
  LineScanner scanner(recorder);
  uint32_t state = seed;
  while (!stream.empty()) {
    state = state * 1664525 + 1013904223;
    const size_t length = seed == 0 ? stream.size() : (state >> 16) % (1 + seed % 32) + 1;
    scanner.Feed(stream.substr(0, length));
    stream.remove_prefix(std::min(length, stream.size()));
  }
  scanner.Finish();
  return std::move(recorder.lines);
}

void RequireAlike(const LineFacts& a, const LineFacts& b) {
  Require(a.is_object == b.is_object && a.type == b.type && a.subtype == b.subtype &&
              a.uuid == b.uuid && a.is_error == b.is_error && a.is_replay == b.is_replay &&
              a.has_user_message_uuids == b.has_user_message_uuids &&
              a.user_message_uuids == b.user_message_uuids &&
              a.parent_tool_use_id == b.parent_tool_use_id && a.is_sidechain == b.is_sidechain &&
              a.is_meta == b.is_meta && a.is_api_error == b.is_api_error &&
              a.tool_use_result == b.tool_use_result && a.has_message == b.has_message &&
              a.model == b.model && a.stop_reason == b.stop_reason &&
              std::equal(a.blocks.begin(), a.blocks.end(), b.blocks.begin(), b.blocks.end(),
                         [](const auto& one, const auto& other) {
                           return one.type == other.type && one.name == other.name &&
                                  one.text == other.text;
                         }),
          "a line has the same fields however it is cut");
}

// Whether the outermost object says a key twice, which claude never does.
class Keys final : public json::json_sax_t {
 public:
  bool twice = false;
  int depth = 0;
  std::vector<std::string> outermost;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return ++depth > 0; }
  bool end_object() override { return --depth >= 0; }
  bool start_array(size_t) override { return ++depth > 0; }
  bool end_array() override { return --depth >= 0; }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }
  bool key(string_t& name) override {
    if (depth != 1) return true;
    twice = twice || std::find(outermost.begin(), outermost.end(), name) != outermost.end();
    outermost.push_back(name);
    return true;
  }
};

std::string TextOf(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

bool FlagOf(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

void RequireTrue(const Line& line) {
  if (line.bytes.size() > LineScanner::kValueBytesMax) return;
  // Escapes are not decoded; and the parser takes NUL for the end of its text.
  if (line.bytes.find_first_of("\\\0", 0, 2) != std::string::npos) return;
  Keys keys;
  if (!json::sax_parse(line.bytes, &keys) || keys.twice) return;
  const json object = json::parse(line.bytes);
  if (!object.is_object()) return;
  Require(line.facts.is_object, "a JSON object is one");
  Require(line.facts.type == TextOf(object, "type"), "type");
  Require(line.facts.subtype == TextOf(object, "subtype"), "subtype");
  Require(line.facts.uuid == TextOf(object, "uuid"), "uuid");
  Require(line.facts.is_error == FlagOf(object, "is_error"), "is_error");
  Require(line.facts.is_replay == FlagOf(object, "isReplay"), "isReplay");
  Require(line.facts.is_sidechain == FlagOf(object, "isSidechain"), "isSidechain");
  Require(line.facts.parent_tool_use_id == TextOf(object, "parent_tool_use_id"), "the sub-agent");
  std::vector<std::string> uuids;
  const auto list = object.find("user_message_uuids");
  const bool has_list = list != object.end() && list->is_array();
  if (has_list) {
    for (const json& item : *list) {
      if (item.is_string()) uuids.push_back(item.get<std::string>());
    }
  }
  Require(line.facts.has_user_message_uuids == has_list, "has_user_message_uuids");
  Require(line.facts.user_message_uuids == uuids, "user_message_uuids");
}

void Check(absl::string_view stream, uint16_t seed) {
  const std::vector<Line> whole = Scan(stream, 0);
  const std::vector<Line> cut = Scan(stream, seed);
  Require(whole.size() == cut.size(), "the same number of lines however they are cut");
  std::string joined;
  for (size_t i = 0; i < whole.size(); ++i) {
    Require(whole[i].bytes == cut[i].bytes, "the same bytes however they are cut");
    Require(whole[i].head == cut[i].head && whole[i].head_is_whole == cut[i].head_is_whole,
            "the same head however they are cut");
    Require(whole[i].head_is_whole && whole[i].head == whole[i].bytes, "a short line is its head");
    Require(whole[i].bytes.find('\n') == std::string::npos, "a line has no newline in it");
    RequireAlike(whole[i].facts, cut[i].facts);
    RequireTrue(whole[i]);
    joined += whole[i].bytes + "\n";
  }
  std::string expected(stream);
  if (!expected.empty() && expected.back() != '\n') expected += '\n';
  Require(joined == expected, "no byte is lost or added");
}

}  // namespace
}  // namespace iris

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const uint16_t seed = static_cast<uint16_t>(data[0] << 8 | data[1]);
  iris::Check(absl::string_view(reinterpret_cast<const char*>(data) + 2, size - 2), seed);
  return 0;
}
