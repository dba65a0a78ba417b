#include "common/endpoint/endpoint.h"

#include "absl/strings/str_cat.h"
#include "common/endpoint/runtime_dir.h"

namespace iris {

absl::StatusOr<Endpoint> FindEndpoint(absl::string_view name, absl::string_view home) {
  absl::StatusOr<std::string> dir = FindRuntimeDir(SystemRuntimeRoots(), home);
  if (!dir.ok()) return dir.status();
  return Endpoint{.dir = *dir,
                  .socket = absl::StrCat(*dir, "/", name, ".sock"),
                  .lock = absl::StrCat(*dir, "/", name, ".lock")};
}

}  // namespace iris
