#ifndef IRIS_AGENT_SESSION_RETENTION_H_
#define IRIS_AGENT_SESSION_RETENTION_H_

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace iris {

// How long a host keeps a session that nobody uses, and what is left of those that were damaged.
// claude's transcripts stay. Lives on the process loop.
//
// The folders are listed and removed on the loop, which the sessions' own files are written on as
// well: where these hang, there is no agent. A session has a dozen files and the segments of its
// journal (journal.h), and no folder. Removed are those that became too old since yesterday, once a
// day, and one that makes room for another; a list has what the agent keeps (4,096 sessions) and
// what was put aside within 30 days.
class Retention {
 public:
  // In the name of what was put aside: SESSION.damaged-RANDOM.
  static constexpr char kDamagedInfix[] = ".damaged-";
  // Nothing of the session is open, and all that happened was acknowledged.
  static constexpr absl::Duration kClean = absl::Hours(30 * 24);
  // It has news or tells that nobody has come for: their coordinator is gone for good.
  static constexpr absl::Duration kUnfetched = absl::Hours(90 * 24);
  // What was put aside because it was damaged; by the wall clock.
  static constexpr absl::Duration kDamaged = absl::Hours(30 * 24);

  // What of a session decides.
  struct Use {
    bool is_deserted = false;  // Nobody waits for anything there.
    bool is_clean = false;     // Likewise, nothing is open, and all was acknowledged.
    absl::Duration unused;     // By the host's age.
    size_t open_tells = 0;
    size_t journal_bytes = 0;
  };

  // Of the sessions in `sessions_dir`. `now`: the wall clock.
  Retention(std::string sessions_dir, std::function<absl::Time()> now)
      : sessions_dir_(std::move(sessions_dir)), now_(std::move(now)) {}

  // The ids of those that are there, damaged ones not. Errors are errno's.
  absl::StatusOr<std::vector<std::string>> Sessions() const;
  std::string DirOf(const std::string& session_id) const;
  // Why a session goes, for people; "": it stays.
  static std::string WhyOver(const Use& use);
  // Its files go.
  void Remove(const std::string& session_id) const;

  // Its files cannot be used, for `why`: they are kept under another name.
  void PutAside(const std::string& session_id, const absl::Status& why);
  // Those that were put aside long ago go.
  void RemoveDamaged();
  // Put aside, and still there.
  size_t damaged() const { return damaged_; }

 private:
  const std::string sessions_dir_;
  const std::function<absl::Time()> now_;
  size_t damaged_ = 0;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_RETENTION_H_
