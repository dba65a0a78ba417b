#ifndef IRIS_AGENT_SESSION_HELD_CLAIM_H_
#define IRIS_AGENT_SESSION_HELD_CLAIM_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/inventory/session_context.h"
#include "agent/process/slow_work.h"
#include "agent/process/survivor.h"
#include "agent/session/claim.h"
#include "agent/session/lifetime.h"
#include "agent/session/session_files.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// This host's claim on one session (claim.h), from before its child is started until the last
// process of it is gone: the child never runs beside another host's. Lives on the process loop. The
// files are looked at by the agent's SlowWork, in the order of the calls: what is taken or held is
// known later, unless there is nothing to look at. Where the claim lies on a disk, which answers,
// and its file is the one that was ours, one lstat() on the loop says so, and it is known at once.
//
//   none ── TakeForStart, TakeForSurvivor ──▶ held ── Release ──▶ none
class HeldClaim {
 public:
  using Text = std::function<std::string()>;
  using Done = absl::AnyInvocable<void(const absl::Status&)>;

  // How long a claim may be looked at: transcripts of other sessions may be before it.
  static constexpr absl::Duration kWithin = absl::Minutes(1);

  // `path`: where the claim on the session would be now; "" if nobody knows. `who`: the session's
  // claude, for people. `files` has the claim that the child has, and outlives this.
  HeldClaim(std::string session_id, const SessionContext& context, SessionFiles& files, Text path,
            Text who)
      : id_(std::move(session_id)),
        context_(context),
        files_(files),
        path_of_next_(std::move(path)),
        who_(std::move(who)) {}

  // A person asked for it: the next start takes it from whoever has it.
  void TakeOverNext() { take_over_ = true; }
  bool takes_over_next() const { return take_over_; }
  // That start is over, whatever became of it.
  void ForgetTakeover() { take_over_ = false; }

  // For a child that is about to be started. FAILURE_WRONG_HOST: another host has the session.
  // FAILURE_BAD_REQUEST: the path is too long to be noted. FAILURE_STORAGE: as TakeClaim(), or
  // whoever keeps it did not answer; it may be ours later, until Release().
  void TakeForStart(Done done);
  // It is still ours, as the files have it; OK also where nobody can say now.
  // FAILURE_WRONG_HOST: another host has the session.
  void Hold(Done done);
  // For the keeper of a child of an earlier agent. True if the claim is ours.
  void TakeForSurvivor(ProcessId keeper, absl::AnyInvocable<void(bool)> done);
  // The last process is gone, or none was started.
  void Release();
  // As DropClaimOf(), of a child in another container of this host.
  void ReleaseOf(const std::string& path, const Claim& gone);
  // Something of that is under way, and would end with the program of this process.
  bool is_busy() const { return under_way_ > 0; }

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
  using Taken = absl::AnyInvocable<void(const absl::Status&, const std::optional<Claim>& other)>;
  // A file that was looked at, and was our claim.
  struct Seen {
    std::string path;
    ProcessId process;
    std::optional<ClaimFileId> file;  // As it was before that.
  };

  // `done` with what TakeClaim() says.
  void Take(const std::string& path, const Claim& ours, bool takeover, Taken done);
  // Nothing has happened to the claim that was ours for `process`.
  bool IsAsSeen(const std::string& path, ProcessId process) const;
  void Do(SlowWork::Work work);
  void EndWork();
  void NoteClaimed(const absl::Status& outcome, const std::optional<Claim>& other);

  const std::string id_;
  const SessionContext& context_;
  SessionFiles& files_;
  const Text path_of_next_;
  const Text who_;
  std::string held_path_;
  std::optional<Seen> seen_;
  std::string disk_path_;    // Known to lie on a disk of this host, since the last start.
  std::string looked_path_;  // Looked at for that.
  size_t under_way_ = 0;
  bool take_over_ = false;           // By the next start.
  std::optional<Claim> claimed_by_;  // Somebody else.
  const Lifetime lifetime_;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_HELD_CLAIM_H_
