#include "coordinator/reach/read_remote.h"

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/config/shell_words.h"
#include "coordinator/reach/reach.h"

namespace iris {

absl::Status ReadRemote(const std::string& text, absl::Span<const std::string> allowed,
                        absl::string_view home, const absl::flat_hash_set<std::string>* given,
                        RemoteWay& way, absl::Span<const RemoteKind> kinds) {
  absl::StatusOr<std::vector<std::string>> words = SplitShellWords(text, home);
  if (!words.ok()) return words.status();
  const RemoteText remote = {
      .text = text, .words = *std::move(words), .allowed = allowed, .home = home, .given = given};
  return ReadByKind(remote, kinds, way);
}

}  // namespace iris
