#include "coordinator/link/way_digest.h"

#include "absl/strings/str_cat.h"
#include "common/base/sha256.h"

namespace iris {

std::string DigestOfWay(const RemoteCommand& remote, const RemoteOptions& options) {
  return Sha256Hex(absl::StrCat(remote.text, "\n", options.port, "\n", options.agent_dir));
}

}  // namespace iris
