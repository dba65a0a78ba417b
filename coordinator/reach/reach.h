#ifndef IRIS_COORDINATOR_REACH_REACH_H_
#define IRIS_COORDINATOR_REACH_REACH_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "coordinator/config/config.h"
#include "coordinator/config/key.h"
#include "coordinator/link/target.h"
#include "coordinator/transport/transport_factory.h"

namespace iris {

// What each kind of host gives, in a folder of its own beside this file:
//
//   RemoteReader   what a team's `remote` and remoteOptions say, checked     → RemoteWay
//   Reach          that as a Target (coordinator/link), which says what it   → Connection
//                  means now, and connects; maybe a way without an agent     → Transport
//   ShellClient    of a kind whose way is a program before a shell (shell/): → typed failure
//                  how that ended, and its words, explained
//
// Names, facts and failures that only one kind has are its own; links pass them on.

// What the configuration says of a team's host.
struct RemoteText {
  absl::string_view text;                 // `remote`, its variables expanded.
  std::vector<std::string> words;         // The same, as a shell splits it.
  absl::Span<const std::string> allowed;  // settings.allowedRemoteCommands.
  absl::string_view home;                 // What ~/ stands for on this machine.
  // The keys that remoteOptions have ("port", "identity"); null: what they say is not known.
  const absl::flat_hash_set<std::string>* given = nullptr;
};

// Starts nothing and asks nobody: a configuration is read by it.
class RemoteReader {
 public:
  virtual ~RemoteReader() = default;

  // A `remote` that begins with this word, its program, is of this kind.
  virtual bool Reads(absl::string_view program) const = 0;
  // The keys of remoteOptions that this kind has beside every kind's (Schema()), for its life: what
  // they take and mean, for the loader and for the document. Their values are in
  // RemoteOptions::own; the loader refuses every other key. A key that another kind has too is of
  // the same type there.
  virtual absl::Span<const Key> keys() const = 0;
  // Those that are refused with an explanation of their own.
  virtual absl::Span<const RefusedKey> refused_keys() const { return {}; }
  // Takes the words apart into `way.remote`, and settles with `way.options`, which hold what
  // remoteOptions say, what is said twice. FAILURE_BAD_REQUEST, each with its fix: what this kind
  // does not take, or both say and say differently.
  virtual absl::Status Read(const RemoteText& text, RemoteWay& way) const = 0;
};

// Has what its targets share over the life of the process. Thread-safe; outlives its targets.
class Reach {
 public:
  virtual ~Reach() = default;

  // `way` was read by this kind's RemoteReader.
  virtual TargetPtr To(const RemoteWay& way) const = 0;
  // What makes a session's transport where that way ends at a host on which no agent can run
  // (FAILURE_NO_AGENT_POSSIBLE): it gets what no agent has had. Null: this kind has none, and the
  // failure is the sender's to read. Lives as long as this, on the coordinator's loop.
  virtual TransportFactory* WithoutAgent(const RemoteWay&) const { return nullptr; }
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_REACH_H_
