#include "coordinator/reach/read_remote.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/config/shell_words.h"
#include "coordinator/reach/reach.h"
#include "coordinator/reach/ssh/ssh_remote.h"

namespace iris {

absl::Status ReadRemote(const std::string& text, absl::Span<const std::string> allowed,
                        absl::string_view home, const absl::flat_hash_set<std::string>* given,
                        RemoteWay& way) {
  absl::StatusOr<std::vector<std::string>> words = SplitShellWords(text, home);
  if (!words.ok()) return words.status();
  const RemoteText remote = {
      .text = text, .words = *std::move(words), .allowed = allowed, .home = home, .given = given};
  const SshRemoteReader ssh;
  const RemoteReader* const kinds[] = {&ssh};  // ssh is the last: it reads what no other does.
  const absl::string_view program =
      remote.words.empty() ? absl::string_view() : absl::string_view(remote.words[0]);
  const auto* const kind =
      std::find_if(std::begin(kinds), std::end(kinds),
                   [program](const RemoteReader* reader) { return reader->Reads(program); });
  return (*kind)->Read(remote, way);
}

}  // namespace iris
