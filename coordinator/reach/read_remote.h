#ifndef IRIS_COORDINATOR_REACH_READ_REMOTE_H_
#define IRIS_COORDINATOR_REACH_READ_REMOTE_H_

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "coordinator/config/config.h"
#include "coordinator/reach/remote_kinds.h"

namespace iris {

// Reads what a team's `remote` says, whose variables are expanded, by the one of `kinds` that its
// first word names: `way.remote`, whose `written` stays, becomes what `text` says. The first word
// must be one that a kind reads, or, letter by letter, one of `allowed`, which takes ssh's
// arguments. `home` and `given` as in RemoteText. FAILURE_BAD_REQUEST, each with its fix: what
// SplitShellWords() refuses; a program that is not allowed, or belongs to a kind that is not built
// yet; and as ReadByKind().
absl::Status ReadRemote(const std::string& text, absl::Span<const std::string> allowed,
                        absl::string_view home, const absl::flat_hash_set<std::string>* given,
                        RemoteWay& way, absl::Span<const RemoteKind> kinds = RemoteKinds());

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_READ_REMOTE_H_
