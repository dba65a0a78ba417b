#ifndef IRIS_COORDINATOR_REACH_REMOTE_KINDS_H_
#define IRIS_COORDINATOR_REACH_REMOTE_KINDS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "coordinator/config/config.h"
#include "coordinator/config/key.h"
#include "coordinator/reach/reach.h"

namespace iris {

// A kind of host, as a configuration names it. Another one is added to RemoteKinds(), and its Reach
// to Reaches, by the same name.
struct RemoteKind {
  absl::string_view name;      // As Target::kind().
  const RemoteReader* reader;  // For the life of the process.
};

// All there are. The last, ssh, reads what no other does.
absl::Span<const RemoteKind> RemoteKinds();

// The first of `kinds` that reads a `remote` which begins with `program`; the last, if none does.
const RemoteKind& KindFor(absl::string_view program,
                          absl::Span<const RemoteKind> kinds = RemoteKinds());

// Those of `kinds` that a host may be of whose `remote` is `text`, variables expanded: one; all of
// them, where it is empty or SplitShellWords() refuses it. `home` as there.
absl::Span<const RemoteKind> KindsOf(absl::string_view text, absl::string_view home,
                                     absl::Span<const RemoteKind> kinds);

// The first of their own keys that has this path ("teams.*.remoteOptions.port"). nullptr: none.
const Key* FindKey(absl::string_view path, absl::Span<const RemoteKind> kinds);
const RefusedKey* FindRefusedKey(absl::string_view path, absl::Span<const RemoteKind> kinds);

// Has `text` read by the kind that its first word names; as RemoteReader::Read().
absl::Status ReadByKind(const RemoteText& text, absl::Span<const RemoteKind> kinds, RemoteWay& way);

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_REMOTE_KINDS_H_
