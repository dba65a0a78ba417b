#ifndef IRIS_AGENT_SESSION_CHILD_NOTE_H_
#define IRIS_AGENT_SESSION_CHILD_NOTE_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "agent/claude/claude_child.h"
#include "agent/inventory/session_context.h"
#include "agent/session/held_claim.h"
#include "agent/session/session_files.h"

namespace iris {

// What the next agent of the host has to know of a session's child: its processes and its claim, in
// the session's files. Lives on the process loop.
class ChildNote {
 public:
  using Text = std::function<std::string()>;

  // All of them outlive this. `who`: the session's claude, for people.
  ChildNote(const SessionContext& context, SessionFiles& files, const HeldClaim& claim, Text who)
      : context_(context), files_(files), claim_(claim), who_(std::move(who)) {}

  // There is one, of the newest child or of one of an earlier agent.
  bool exists() const { return files_.state().has_child(); }
  // `child` runs, as far as it is known by now; durable then. FAILURE_STORAGE: the note before
  // stands, and a child that is not in it must not be told anything.
  absl::Status Write(const ClaudeChild& child);
  // The same of a child that is in it; a failure is logged.
  void Update(const ClaudeChild& child);
  // None runs any more. The same.
  void Remove();

 private:
  void Log(const absl::Status& saved) const;

  const SessionContext& context_;
  SessionFiles& files_;
  const HeldClaim& claim_;
  const Text who_;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_CHILD_NOTE_H_
