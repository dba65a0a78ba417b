#include "coordinator/reach/remote_kinds.h"

#include <algorithm>
#include <string>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "coordinator/config/refuse.h"
#include "coordinator/reach/ssh/ssh_remote.h"

namespace iris {
namespace {

absl::Status CheckOptions(const RemoteText& text, const RemoteKind& kind) {
  if (text.given == nullptr) return absl::OkStatus();
  std::string strange;  // The first of them, whatever their order is in a hash set.
  for (const std::string& key : *text.given) {
    const bool is_its = absl::c_linear_search(kind.reader->options(), key);
    if (!is_its && (strange.empty() || key < strange)) strange = key;
  }
  if (strange.empty()) return absl::OkStatus();
  return Refuse(
      absl::StrCat("remoteOptions.", strange, " is not for a host that is reached by ", kind.name),
      absl::StrCat("Remove remoteOptions.", strange, "."));
}

}  // namespace

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

absl::Status ReadByKind(const RemoteText& text, absl::Span<const RemoteKind> kinds,
                        RemoteWay& way) {
  const absl::string_view program =
      text.words.empty() ? absl::string_view() : absl::string_view(text.words[0]);
  const RemoteKind& kind = KindFor(program, kinds);
  if (absl::Status options = CheckOptions(text, kind); !options.ok()) return options;
  return kind.reader->Read(text, way);
}

}  // namespace iris
