#include "common/endpoint/runtime_dir.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/fnv.h"
#include "common/endpoint/private_dir.h"
#include "common/failure/failure.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

// Leaves room for "/iris/HASH/coordinator.sock" within the 100 bytes that a socket's path may have.
constexpr size_t kRootBytesMax = 60;
constexpr size_t kHomeHexDigits = 16;

bool IsOursAlone(const std::string& dir) {
  struct stat info;
  return stat(dir.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == geteuid() &&
         (info.st_mode & 022) == 0;
}

bool Usable(const std::string& root) {
  return absl::StartsWith(root, "/") && root.size() <= kRootBytesMax && IsOursAlone(root);
}

// Two spellings of one home must meet the same daemon.
std::string Normalized(absl::string_view home) {
  std::vector<absl::string_view> parts;
  for (absl::string_view part : absl::StrSplit(home, '/', absl::SkipEmpty())) {
    if (part != ".") parts.push_back(part);
  }
  return absl::StrCat("/", absl::StrJoin(parts, "/"));
}

std::string UserDir(const RuntimeRoots& roots) {
  if (Usable(roots.xdg_runtime_dir)) return absl::StrCat(roots.xdg_runtime_dir, "/iris");
  const std::string run_user = absl::StrCat(roots.run_user, "/", geteuid());
  if (Usable(run_user)) return absl::StrCat(run_user, "/iris");
  return absl::StrCat(roots.tmp, "/iris-", geteuid());
}

}  // namespace

RuntimeRoots SystemRuntimeRoots() {
  const char* xdg = getenv("XDG_RUNTIME_DIR");
  return {.xdg_runtime_dir = xdg != nullptr ? xdg : "", .run_user = "/run/user", .tmp = "/tmp"};
}

absl::StatusOr<std::string> FindRuntimeDir(const RuntimeRoots& roots, absl::string_view home) {
  if (!home.empty() && home[0] != '/') {
    return MakeFailure(v1::FAILURE_BAD_REQUEST, absl::StrCat("home ", home, " is not absolute"));
  }
  std::string dir = UserDir(roots);
  if (absl::Status status = EnsurePrivateDir(dir); !status.ok()) return status;
  if (home.empty()) return dir;
  absl::StrAppend(&dir, "/", FnvHex128(Normalized(home)).substr(0, kHomeHexDigits));
  if (absl::Status status = EnsurePrivateDir(dir); !status.ok()) return status;
  return dir;
}

}  // namespace iris
