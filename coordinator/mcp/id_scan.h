#ifndef IRIS_COORDINATOR_MCP_ID_SCAN_H_
#define IRIS_COORDINATOR_MCP_ID_SCAN_H_

#include <string>

#include "absl/strings/string_view.h"
#include "coordinator/mcp/message.h"

namespace iris {

// Finds the id of a client's message that cannot be read: no JSON, too deep or too long. Whoever
// waits for the answer then hears at least that there is none. It looks at quotes and brackets
// alone, takes the text in pieces, and keeps no more of it than an id. Not thread-safe.
class McpIdScan {
 public:
  void Take(absl::string_view text);
  // Of what was taken so far; null: none was seen that is fit to answer.
  const Json& id() const { return id_; }

 private:
  void TakeCharacter(char c);
  void TakeBare(char c);  // Outside of strings.
  void Keep(char c);
  void EndMember();

  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  std::string token_;   // Of the outermost object: what stands since the last of `{`, `,` and `:`.
  bool is_id_ = false;  // The member whose value is being read.
  Json id_;
};

// The same for a text that is there as a whole.
Json FindMcpId(absl::string_view text);

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_ID_SCAN_H_
