#include "coordinator/link/way_digest.h"

#include "absl/strings/str_cat.h"
#include "common/base/sha256.h"

namespace iris {

std::string DigestOfWay(const RemoteCommand& remote, const RemoteOptions& options) {
  std::string host;
  for (const auto& [key, value] : options.own) {
    if (!value.names_host) continue;
    absl::StrAppend(&host, host.empty() ? "" : " ",
                    value.text.empty() ? absl::StrCat(value.number) : value.text);
  }
  if (host.empty()) host = "0";  // As stores have it: a port that is not given.
  return Sha256Hex(absl::StrCat(remote.text, "\n", host, "\n", options.agent_dir));
}

}  // namespace iris
