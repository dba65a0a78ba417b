#ifndef IRIS_AGENT_CLAUDE_LAUNCH_H_
#define IRIS_AGENT_CLAUDE_LAUNCH_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/claude/transcript.h"
#include "agent/inventory/session_context.h"
#include "agent/process/child.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// FAILURE_BAD_REQUEST: the environment in `spec` is larger than LaunchSpec.environment may be.
absl::Status CheckEnvironment(const v1::LaunchSpec& spec, const SessionContext& context);

// Which directory a path leads to, whatever symbolic links do so: one that is replaced is another.
// Nobody has the same while a process works in it.
struct DirectoryId {
  uint64_t device = 0;
  uint64_t inode = 0;  // 0: unknown.

  bool known() const { return inode != 0; }
  friend bool operator==(const DirectoryId&, const DirectoryId&) = default;
};

struct LaunchPlan {
  ChildSpec child;
  bool resumes = false;   // --resume, because the session has a transcript here.
  DirectoryId directory;  // As DirectoryOf().
};

// Turns a launch spec into a process to start, by what this host has now: finds the program (the
// team's claudePath, PATH, the places where installers put it), looks for the session's transcript,
// and builds arguments and environment: spec.environment, or where that is not set the agent's own,
// of which CLAUDE* and ANTHROPIC* variables are left out unless spec.pass_env names them. Where
// claude or node is in such a place, the place joins PATH. PWD is the team's directory.
//
// Blocks while it looks: for SlowWork, by copies of what it is given, and not for a loop. A network
// file system whose server hangs holds it up only where claude is nowhere else, or has its home or
// the team's directory there.
//
// FAILURE_BAD_REQUEST: the team's directory is missing, is none, or is closed to the account.
// FAILURE_CLAUDE_MISSING: says where it looked. FAILURE_NOT_EXECUTABLE: what it found there cannot
// be run (empty, a link that leads nowhere, no program, its interpreter is missing, the account has
// no right to it), and why.
absl::StatusOr<LaunchPlan> PlanLaunch(const v1::LaunchSpec& spec, const std::string& session_id,
                                      const SessionContext& context);

// `spec` with the SSH_AUTH_SOCK that its child is to be told, which outlives the connection that
// lends it (AuthLinks): before PlanLaunch(), and on the loop.
v1::LaunchSpec WithLastingAuthSock(const v1::LaunchSpec& spec, const SessionContext& context);

// Looks for the transcript once more, and blocks meanwhile: another host that shares this home may
// have written one since PlanLaunch() made `plan` of the same.
void LookForTranscript(const v1::LaunchSpec& spec, const std::string& session_id,
                       const SessionContext& context, LaunchPlan& plan);

// For a session of which claude says that it has one, wherever its transcript is.
void ResumeAnyway(LaunchPlan& plan);

// Whether a child that was started as `one` says is what `other` asks for: all that decides what is
// started, where, and what it may do is the same. Not its environment and SSH_AUTH_SOCK, which are
// others with every connection and every front end, nor what concerns the agent alone (limits,
// labels).
bool LaunchesAlike(const v1::LaunchSpec& one, const v1::LaunchSpec& other);

// The directory that `spec.cwd` leads to now; unknown: to none, or to one on a network file system,
// which is not to be looked at again and again: where its server hangs, whoever looks does.
DirectoryId DirectoryOf(const v1::LaunchSpec& spec, const SessionContext& context);

// Where the claude that `spec` launches keeps its config and, below projects/, its sessions.
std::string ConfigDirOf(const v1::LaunchSpec& spec, const SessionContext& context);

// Where the session's transcript is, under the home that its claude has or would have.
TranscriptPlace TranscriptPlaceOf(const v1::LaunchSpec& spec, const std::string& session_id,
                                  const SessionContext& context);

}  // namespace iris

#endif  // IRIS_AGENT_CLAUDE_LAUNCH_H_
