#ifndef IRIS_AGENT_SESSION_CLAIM_H_
#define IRIS_AGENT_SESSION_CLAIM_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/inventory/session_context.h"
#include "agent/process/survivor.h"

namespace iris {

// A session's claim file: which host runs its claude. It lies beside claude's transcripts, in one
// folder for all projects (hosts may spell a project's path differently, and claude resumes from
// any), so that hosts that share a home never run two children on one session:
//
//   ‹claude's config›/projects/.iris/SESSION.claim     one line of JSON, 0600
//
// Made whole by link(), which is atomic on NFS too. Taken before a child is started, kept while it
// or a survivor runs, removed when its last descendant is gone. The claim of a process of this host
// (one pid namespace, and one host id or one boot) that is gone counts for nothing; another host's
// stands until that host removes it or a person takes it over, for nobody here can see what runs
// there.
struct Claim {
  std::string host_id;
  std::string hostname;
  std::string boot_id;
  std::string pid_namespace;
  ProcessId process;  // The keeper; while it is not started yet, the agent.
  absl::Time since;
};

// The path of the claim on a session whose claude keeps its sessions in `config_dir`.
std::string ClaimPath(const std::string& config_dir, const std::string& session_id);

// Which file lies at a claim's path. A claim is made whole and never changed, only replaced or
// removed: where the file is the same one, so is the claim.
struct ClaimFileId {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t bytes = 0;
  absl::Time changed;

  friend bool operator==(const ClaimFileId&, const ClaimFileId&) = default;
};
// Nothing: there is none, or nobody can look. By one lstat().
std::optional<ClaimFileId> ClaimFileIdAt(const std::string& path);

// What this host claims: for `process`.
Claim OurClaim(const SessionContext& context, ProcessId process);
// The calling process, an agent that is about to start a keeper.
ProcessId OurProcess();

// What is claimed at `path`; nothing: nobody has claimed it. DataLoss: it is no claim, at least not
// yet. Other errors are errno's.
absl::StatusOr<std::optional<Claim>> ReadClaim(const std::string& path);

// Claims the session for `ours`, or makes sure that it still is. `takeover`: whoever else has
// claimed it, because a person asked. What was taken from another host is put into `taken`.
//
// FAILURE_WRONG_HOST: another host has it, or another agent of this host that still runs it, or it
// is being claimed this moment; named, with since when and what to do. `taken` is who then.
// FAILURE_STORAGE: it cannot be written. Where this account may not write to claude's config (it is
// read-only), there is nothing to claim: claude cannot go on with a session there either.
absl::Status TakeClaim(const std::string& path, const Claim& ours, bool takeover,
                       std::optional<Claim>* taken = nullptr);

// Removes this host's claim if its process is this one or gone. What others claim stays.
void DropClaim(const std::string& path, const Claim& ours);

// Removes the claim with the host, boot, pid namespace and process of `gone`: one that is known to
// have ended although it cannot be seen from here, and leaves nobody to remove it.
void DropClaimOf(const std::string& path, const Claim& gone);

// Removes what claims that were being made have left below the folder of `path` for a day.
void SweepClaims(const std::string& path, absl::Time now);

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_CLAIM_H_
