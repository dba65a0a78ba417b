#ifndef IRIS_COORDINATOR_TRANSPORT_SAID_LINE_H_
#define IRIS_COORDINATOR_TRANSPORT_SAID_LINE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace iris {

// A use of a tool, in claude's words: to be shown, and not to be trusted. Both are cut.
struct SaidTool {
  std::string name;  // "Bash". ≤ 100 bytes.
  std::string input;  // What says most of its input: "npm test", a path. ≤ 200 bytes; may be empty.

  bool operator==(const SaidTool&) const = default;
};

// What one line of claude's stdout adds to an answer, and to what is known of its turn.
struct SaidLine {
  std::string type;
  bool by_sub_agent = false;       // A line with a parent_tool_use_id.
  bool is_notice = false;          // Of claude, not of a model: mostly why the API gave no answer.
  std::vector<std::string> texts;  // Of the message's content: its text blocks, or a plain string.
  std::string result;              // Where it is text.
  std::string structured;          // `structured_output`, as JSON on one line; empty: none.
  uint32_t tools = 0;              // tool_use blocks of the message's content.
  SaidTool last_tool;              // The last one of them.
  // Of a result line. Negative: it does not say.
  int64_t cost_micro_usd = -1;  // total_cost_usd.
  int64_t duration_ms = -1;
  int64_t input_tokens = -1;  // With what was written to the cache or read from there.
  int64_t output_tokens = -1;
  uint32_t denials = 0;  // permission_denials.
  static constexpr size_t kDeniedMax = 8;
  std::vector<SaidTool> denied;  // The first ones of them.
};

// Reads a line, which is JSON, in linear time. Keeps what stands above and forgets the rest as it
// comes, so that neither many small values nor deep ones take memory: what nests deeper than
// kPeerJsonDepthMax is passed over. Escapes of half a character (a lone surrogate) and bytes that
// are no UTF-8 become U+FFFD. `line` is in pieces, each of which is freed once it was read: a long
// text is not held twice. Where `with_result` is false, `result` stays empty.
SaidLine ReadSaidLine(std::vector<std::string> line, bool with_result);

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_SAID_LINE_H_
