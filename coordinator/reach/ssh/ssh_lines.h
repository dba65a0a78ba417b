#ifndef IRIS_COORDINATOR_REACH_SSH_SSH_LINES_H_
#define IRIS_COORDINATOR_REACH_SSH_SSH_LINES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "common/failure/failure.h"

namespace iris {

// Of a line that is shown.
inline constexpr size_t kSshLineBytesMax = 400;

// What the lines that ssh and hosts say mean. OpenSSH's are of version 9.2, measured.
struct Words {
  absl::string_view text;  // Within one line.
  FailureKind kind;
  absl::string_view cause;  // Comes before the line itself.
  absl::string_view fix;    // Empty = the kind's.
};

struct Found {
  const Words* words;
  absl::string_view line;

  std::string Detail() const;
  absl::Status Failure() const;
  // The same where `line` is of the ssh that leads through a jump host: that one is what failed.
  absl::Status FailureOfJump() const;
};

// The lines that are not empty. They last as long as `text`.
std::vector<absl::string_view> Lines(absl::string_view text);

// The lines that `text` ends with and that end as ssh ends its own ("\r\n"), last first: programs
// of a host, and files that it prints, end theirs with a newline alone.
std::vector<absl::string_view> TrailingSshLines(absl::string_view text);

// What the first row of ssh's own words that any of `lines` holds says; with `only`, of the rows of
// that kind. What ssh repeats of a host's words is passed over.
absl::optional<Found> FindSshWords(const std::vector<absl::string_view>& lines,
                                   FailureKind only = v1::FAILURE_UNSPECIFIED);

// What a jump host's refusal to lead further says, in the lines of the ssh that asked it; nothing
// where none of `lines` is one.
absl::optional<Found> FindBehindJump(const std::vector<absl::string_view>& lines);

// What a host says in place of running a command for an account that may not.
absl::optional<Found> FindAccountWords(const std::vector<absl::string_view>& lines);

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SSH_SSH_LINES_H_
