#include "coordinator/reach/remote_kinds.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/config/shell_words.h"
#include "coordinator/reach/ssh/ssh_remote.h"

namespace iris {

absl::Span<const RemoteKind> RemoteKinds() {
  static const auto* const ssh = new SshRemoteReader;
  static const RemoteKind kKinds[] = {{.name = "ssh", .reader = ssh}};
  return kKinds;
}

const RemoteKind& KindFor(absl::string_view program, absl::Span<const RemoteKind> kinds) {
  const auto kind = std::find_if(kinds.begin(), kinds.end() - 1, [program](const RemoteKind& one) {
    return one.reader->Reads(program);
  });
  return *kind;
}

absl::Span<const RemoteKind> KindsOf(absl::string_view text, absl::string_view home,
                                     absl::Span<const RemoteKind> kinds) {
  const absl::StatusOr<std::vector<std::string>> words = SplitShellWords(text, home);
  if (!words.ok() || words->empty()) return kinds;
  return absl::MakeConstSpan(&KindFor(words->front(), kinds), 1);
}

const Key* FindKey(absl::string_view path, absl::Span<const RemoteKind> kinds) {
  for (const RemoteKind& kind : kinds) {
    for (const Key& key : kind.reader->keys()) {
      if (key.path == path) return &key;
    }
  }
  return nullptr;
}

const RefusedKey* FindRefusedKey(absl::string_view path, absl::Span<const RemoteKind> kinds) {
  for (const RemoteKind& kind : kinds) {
    for (const RefusedKey& key : kind.reader->refused_keys()) {
      if (key.path == path) return &key;
    }
  }
  return nullptr;
}

absl::Status ReadByKind(const RemoteText& text, absl::Span<const RemoteKind> kinds,
                        RemoteWay& way) {
  const absl::string_view program =
      text.words.empty() ? absl::string_view() : absl::string_view(text.words[0]);
  return KindFor(program, kinds).reader->Read(text, way);
}

}  // namespace iris
