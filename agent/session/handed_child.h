#ifndef IRIS_AGENT_SESSION_HANDED_CHILD_H_
#define IRIS_AGENT_SESSION_HANDED_CHILD_H_

#include "agent/claude/claude_child.h"
#include "agent/handover/handover.pb.h"

namespace iris {

// A session's child in what one program of this process hands to the next (an upgrade).
void HandOverChild(const ClaudeChild& child, handover::Session& state);
ClaudeHandover ChildIn(const handover::Session& state);
// Of a session that cannot go on: its claude finishes its turn, as where its agent dies, and nobody
// takes its keeper for a stray. Nothing where it has none.
void LetChildFinish(const handover::Session& state);

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_HANDED_CHILD_H_
