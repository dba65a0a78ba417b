#ifndef IRIS_AGENT_CLAUDE_SAID_H_
#define IRIS_AGENT_CLAUDE_SAID_H_

#include <string>

#include "absl/algorithm/container.h"
#include "agent/claude/line_scanner.h"
#include "agent/claude/stream_json.h"

namespace iris {

// What the model has said on claude's stdout, as far as claude's transcript is measured by it.
//
// Facts (claude 2.1.330; held to by tests/programs/test_transcript_contract.py): each block of a
// message is a line on stdout first, and gets to the transcript under the same uuid when the whole
// message is over, in several writes. A claude that is killed between them leaves some of the
// blocks, each with the stop reason of a turn that has ended.
struct Said {
  std::string last;          // The uuid of the last line; "": none was heard.
  bool called_tool = false;  // A tool was called, and may have run.

  void OnLine(const LineFacts& facts) {
    if (KindOfLine(facts) != LineKind::kAssistant || !IsOfMainAgent(facts)) return;
    last = facts.uuid;
    called_tool |=
        absl::c_any_of(facts.blocks, [](const auto& block) { return block.type == "tool_use"; });
  }
};

}  // namespace iris

#endif  // IRIS_AGENT_CLAUDE_SAID_H_
