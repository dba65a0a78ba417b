#ifndef IRIS_COORDINATOR_CALLER_CALLER_H_
#define IRIS_COORDINATOR_CALLER_CALLER_H_

#include <cstddef>
#include <ostream>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace iris {

// Who asks the coordinator for something: who sends a message, and who sees and ends which. Every
// text is some caller's name; whether a team of that name is configured is asked where something is
// sent (CheckTeams()).
//
//   command line   a person, who sees and ends every message. As a sender: what older front ends
//   say. team           by its name in the configuration neutral        works in a folder that
//   belongs to no team: "notes@laptop" nobody         not known, or not asked for
//
// Not thread-safe.
class Caller {
 public:
  enum class Kind { kNobody, kCommandLine, kTeam, kNeutral };

  // The name of the command line among the callers; no team has it.
  static constexpr char kCommandLineName[] = "cli";

  Caller() = default;  // Nobody.
  // A name that stands in the source; any other goes through Named().
  template <size_t kBytes>
  Caller(const char (&name)[kBytes]) : Caller(Named(name)) {}  // NOLINT: as said.

  static Caller CommandLine() { return Named(kCommandLineName); }
  // Whoever a front end says it speaks for, or the store has; empty: nobody.
  static Caller Named(absl::string_view name);
  // Whose folder belongs to no team: "notes@laptop" for /home/me/notes on laptop. No team can have
  // the name, since a team's has no @. Where the folder's own name has characters other than
  // letters, digits, '.', '_' and '-' they become '-', and a few digits that depend on the whole
  // path are added, so that two such folders stay two callers. At most 128 bytes.
  static Caller InFolder(absl::string_view folder, absl::string_view host);

  Kind kind() const { return kind_; }
  bool is_nobody() const { return kind_ == Kind::kNobody; }
  // As front ends, tools and the store have it.
  const std::string& name() const { return name_; }
  // Whether this one may follow, see and end what `sender` has sent.
  bool MaySee(const Caller& sender) const;

  friend bool operator==(const Caller&, const Caller&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Caller& caller) {
    return out << caller.name_;
  }

 private:
  Caller(Kind kind, std::string name) : kind_(kind), name_(std::move(name)) {}

  Kind kind_ = Kind::kNobody;
  std::string name_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_CALLER_CALLER_H_
