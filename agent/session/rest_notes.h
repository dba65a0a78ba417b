#ifndef IRIS_AGENT_SESSION_REST_NOTES_H_
#define IRIS_AGENT_SESSION_REST_NOTES_H_

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "agent/session/saved_session.pb.h"

namespace iris {

// Which sessions of an agent rest, and what the next agent has to know of each without a look at
// its files. One file, which grows by a line for each session that comes to rest, and for each that
// is asked for again:
//
//   boot | A rests | B rests | A is left | A rests | …
//
// That one is left is written before anything of it is changed: the death of the agent, at any
// moment, leaves no note of a session that does not rest. What a loss of power has taken was of
// another boot, whose notes count for nothing; nor do those of a file that is damaged anywhere, or
// could not be written. Who has no note reads the session's files, which always count for more.
// Lives on the process loop.
class RestNotes {
 public:
  using ById = std::map<std::string, saved::Resting>;

  // The file `path`, and the boot that the machine runs; "" if nobody knows: nothing is noted then.
  RestNotes(std::string path, std::string boot_id)
      : path_(std::move(path)), boot_id_(std::move(boot_id)) {}

  // What agents of this boot have noted; nothing where that cannot be trusted. Once, before all
  // else.
  ById Load();

  // They rest. Where it cannot be written, there are no notes any more.
  void Add(const std::vector<saved::Resting>& resting);
  // These rest, and no others.
  void WriteAnew(const std::vector<saved::Resting>& resting);
  // Before anything of the session is changed. Nothing where it has no note.
  void Leave(const std::string& session_id);

  bool Has(const std::string& session_id) const { return noted_.contains(session_id); }
  // It is mostly of lines that count no more: WriteAnew() makes it short.
  bool is_long() const { return bytes_ > 2 * bytes_anew_ + kSlackBytes; }

 private:
  static constexpr size_t kSlackBytes = 1 << 20;

  absl::Status Append(absl::string_view lines);
  // None counts any more.
  void Drop(const absl::Status& why);

  const std::string path_;
  const std::string boot_id_;
  size_t bytes_ = 0;  // Of the file; 0: there is none.
  size_t bytes_anew_ = 0;
  std::set<std::string> noted_;  // Session ids.
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_REST_NOTES_H_
