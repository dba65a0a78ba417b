#ifndef IRIS_AGENT_SESSION_HELD_CLAIM_H_
#define IRIS_AGENT_SESSION_HELD_CLAIM_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "agent/inventory/identity.h"
#include "agent/process/survivor.h"
#include "agent/session/claim.h"
#include "agent/session/session_files.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// This host's claim on one session (claim.h), from before its child is started until the last
// process of it is gone: the child never runs beside another host's. Lives on the process loop.
//
//   none ── TakeForStart, TakeForSurvivor ──▶ held ── Release ──▶ none
class HeldClaim {
 public:
  using Text = std::function<std::string()>;

  // `path`: where the claim on the session would be now; "" if nobody knows. `who`: the session's
  // claude, for people. `files` has the claim that the child has, and outlives this.
  HeldClaim(std::string session_id, const AgentIdentity& identity, SessionFiles& files, Text path,
            Text who)
      : id_(std::move(session_id)),
        identity_(identity),
        files_(files),
        path_of_next_(std::move(path)),
        who_(std::move(who)) {}

  // A person asked for it: the next start takes it from whoever has it.
  void TakeOverNext() { take_over_ = true; }
  // That start is over, whatever became of it.
  void ForgetTakeover() { take_over_ = false; }

  // For a child that is about to be started. FAILURE_WRONG_HOST: another host has the session.
  // FAILURE_BAD_REQUEST: the path is too long to be noted. FAILURE_STORAGE: as TakeClaim().
  absl::Status TakeForStart();
  // It is still ours, as the files have it; OK also where nobody can say now.
  // FAILURE_WRONG_HOST: another host has the session.
  absl::Status Hold();
  // For the keeper of a child of an earlier agent. True if the claim is ours.
  bool TakeForSurvivor(ProcessId keeper);
  // The last process is gone, or none was started.
  void Release();

  // Where it is, or would be; "": nobody knows.
  std::string path() const;
  // It was taken and not released. The files may not have it yet.
  const std::string& held_path() const { return held_path_; }
  // There is a claim file of this host for a child or a survivor.
  bool is_held() const { return !held_path_.empty() || !files_.state().child().claim().empty(); }
  // Another host had the session when a child was last to be started.
  bool is_anothers() const { return claimed_by_.has_value(); }
  void DescribeOther(v1::ClaimInfo& info) const;

 private:
  void NoteClaimed(const absl::Status& outcome, const std::optional<Claim>& other);

  const std::string id_;
  const AgentIdentity& identity_;
  SessionFiles& files_;
  const Text path_of_next_;
  const Text who_;
  std::string held_path_;
  bool take_over_ = false;           // By the next start.
  std::optional<Claim> claimed_by_;  // Somebody else.
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_HELD_CLAIM_H_
