#ifndef IRIS_COORDINATOR_TRANSPORT_SAID_LINE_H_
#define IRIS_COORDINATOR_TRANSPORT_SAID_LINE_H_

#include <string>
#include <vector>

namespace iris {

// What one line of claude's stdout adds to an answer.
struct SaidLine {
  bool is_json = false;  // One JSON value, and nothing else.
  std::string type;
  bool by_sub_agent = false;       // A line with a parent_tool_use_id.
  std::vector<std::string> texts;  // Of the message's content: its text blocks, or a plain string.
  std::string result;              // Where it is text.
  std::string structured;          // `structured_output`, as JSON on one line; empty: none.
};

// Reads a line whatever it holds, in linear time. Keeps what stands above and forgets the rest as
// it comes, so that neither many small values nor deep ones take memory: what nests deeper than
// kPeerJsonDepthMax is passed over. Escapes of half a character (a lone surrogate) and bytes that
// are no UTF-8 become U+FFFD; `line` may be changed for that.
SaidLine ReadSaidLine(std::string& line);

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_SAID_LINE_H_
