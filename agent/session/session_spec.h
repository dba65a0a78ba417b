#ifndef IRIS_AGENT_SESSION_SESSION_SPEC_H_
#define IRIS_AGENT_SESSION_SESSION_SPEC_H_

#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/claude/launch.h"
#include "agent/claude/transcript.h"
#include "agent/handover/handover.pb.h"
#include "agent/inventory/session_context.h"
#include "agent/session/lifetime.h"
#include "agent/session/session_files.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// How a session's claude is to be started, as the newest Open says, and how the one that runs was.
// Lives on the process loop.
class SessionSpec {
 public:
  using Planned = absl::AnyInvocable<void(absl::StatusOr<LaunchPlan>)>;

  // How long the host may be looked at: transcripts of other sessions may be before that.
  static constexpr absl::Duration kWithin = absl::Minutes(1);

  // What `files` has of it, which outlives this. `before`: what the program that this process ran
  // before knew of it.
  SessionSpec(const SessionContext& context, std::string session_id, SessionFiles& files,
              const handover::Session* before);

  // The next child is started by `spec`; one that runs stays, and is outdated if it was started
  // otherwise. Starts nothing. FAILURE_STORAGE: it could not be stored.
  // FAILURE_BAD_REQUEST: its environment is too large.
  absl::Status Renew(const v1::LaunchSpec& spec);
  // The newest one.
  const v1::LaunchSpec& newest() const { return newest_; }
  // An Open came, in this life of the agent or another.
  bool opened() const { return files_.launch() != nullptr; }

  // What to start now; from here on that is the child's. The host is looked at by the agent's
  // SlowWork, and `done` comes later, unless this is gone by then: as PlanLaunch(), or
  // FAILURE_STORAGE: nobody can look now, or it took longer than kWithin.
  void Plan(Planned done);
  // The same of what Plan() gave, by the transcript that is there now (LookForTranscript()).
  void LookForTranscript(LaunchPlan plan, Planned done);
  const v1::LaunchSpec& of_child() const { return of_child_; }
  // How long the child may take until it is ready: 30 s, unless the team says otherwise.
  absl::Duration InitTimeoutOfChild() const;
  // The child was started otherwise than the newest Open says (LaunchesAlike()), or in another
  // directory than its cwd leads to now. (That is looked at on the loop, by one stat(), where it is
  // on a disk, which answers; on a network file system it is not.)
  bool IsOutdated() const;

  // Where the session's transcript is, as the child has it or as the next one would.
  TranscriptPlace TranscriptOfChild() const;
  TranscriptPlace TranscriptOfNext() const;
  // Where the claim on the session is, or would be; "" before the first Open.
  std::string ClaimFile() const;
  void Describe(v1::SessionInfo& info) const;
  // "claude for team gpu on gpu1", for people.
  std::string Who() const;

  // What an upgrade needs to know beside the files. `child`: it goes on.
  void HandOver(bool child, handover::Session& state) const;
  // The child of the program before goes on.
  void AdoptChild(const handover::Session& before);

 private:
  // `done` with what `plan` gives, on another thread.
  void Look(absl::AnyInvocable<absl::StatusOr<LaunchPlan>()> plan, Planned done);
  // The cwd of the newest Open leads elsewhere than to where the child was started.
  bool DirectoryIsReplaced() const;

  const SessionContext& context_;
  const std::string id_;
  SessionFiles& files_;
  v1::LaunchSpec newest_;
  v1::LaunchSpec of_child_;
  DirectoryId child_directory_;  // Unknown: it is not looked at again.
  const Lifetime lifetime_;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_SESSION_SPEC_H_
