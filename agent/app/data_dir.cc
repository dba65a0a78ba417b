#include "agent/app/data_dir.h"

#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "agent/app/host_folder.h"
#include "agent/app/host_record.h"
#include "common/endpoint/private_dir.h"
#include "common/failure/agent_fix.h"
#include "common/failure/failure.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

std::vector<std::string> Candidates(const Options& options, const std::string& home) {
  if (!options.data.empty()) return {options.data};
  if (!options.home.empty()) return {options.home};
  std::vector<std::string> candidates;
  const char* xdg = getenv("XDG_DATA_HOME");
  if (xdg != nullptr && xdg[0] == '/') candidates.push_back(absl::StrCat(xdg, "/iris"));
  if (!home.empty()) {
    candidates.push_back(absl::StrCat(home, "/.local/share/iris"));
    candidates.push_back(absl::StrCat(home, "/.iris"));
  }
  return candidates;
}

std::string WithoutFinalSlashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

DataDir Below(const std::string& path, const std::string& host) {
  return {.path = path,
          .log = absl::StrCat(host, "/agent.log"),
          .lock = absl::StrCat(host, "/agent.lock"),
          .host = host,
          .sessions = absl::StrCat(host, "/sessions"),
          .news = {},
          .host_id = ""};
}

std::string NameOf(const std::string& folder) { return folder.substr(folder.rfind('/') + 1); }

// The host's folder whose lock is open as `lock`, wherever it is by now; "": it is none.
std::string FolderOfLock(int lock) {
  char target[PATH_MAX];
  const ssize_t n = readlink(absl::StrCat("/proc/self/fd/", lock).c_str(), target, sizeof(target));
  absl::string_view path(target, n > 0 ? static_cast<size_t>(n) : 0);
  if (!absl::ConsumeSuffix(&path, "/agent.lock")) return "";  // Also where it was removed.
  std::string folder(path);
  return IsHostId(NameOf(folder)) ? folder : "";
}

}  // namespace

absl::StatusOr<DataDir> OpenDataDir(const Options& options, const HostFacts& facts) {
  std::vector<std::string> reasons;
  for (const std::string& candidate : Candidates(options, facts.home)) {
    const std::string path = WithoutFinalSlashes(candidate);
    const std::string hosts = absl::StrCat(path, "/hosts");
    absl::Status status = EnsureOwnPath(path);
    if (status.ok()) status = EnsurePrivateDir(hosts);
    if (status.ok()) {
      HostFolder folder = ChooseHostFolder(hosts, facts);
      status = EnsurePrivateDir(folder.path);
      if (status.ok()) {
        DataDir data = Below(path, folder.path);
        data.news = std::move(folder.news);
        return data;
      }
    }
    reasons.emplace_back(status.message());
  }
  if (reasons.empty()) reasons.push_back("the account has no home directory");
  return MakeFailure(v1::FAILURE_STORAGE,
                     absl::StrCat("no data directory: ", absl::StrJoin(reasons, "; ")),
                     kFixAgentDir);
}

absl::StatusOr<DataDir> ReopenDataDir(const std::string& host) {
  const size_t name = host.rfind("/hosts/");
  if (name == std::string::npos || host.find('/', name + 7) != std::string::npos) {
    return MakeFailure(v1::FAILURE_INTERNAL, absl::StrCat(host, " is no host's folder"));
  }
  const std::string path = name == 0 ? "/" : host.substr(0, name);
  absl::Status status = EnsureOwnPath(path);
  if (status.ok()) status = EnsurePrivateDir(host.substr(0, host.rfind('/')));
  if (status.ok()) status = EnsurePrivateDir(host);
  if (!status.ok()) return status;
  return Below(path, host);
}

absl::StatusOr<DataDir> DataDirOf(const handover::Agent& before, const Options& options,
                                  const HostFacts& facts) {
  std::string host_id = before.host_id();
  std::string folder = before.host_dir();
  if (folder.empty()) {
    folder = FolderOfLock(before.data_lock());
    if (host_id.empty() && !folder.empty()) host_id = NameOf(folder);
  }
  absl::StatusOr<DataDir> data =
      folder.empty() ? OpenDataDir(options, facts) : ReopenDataDir(folder);
  if (data.ok()) data->host_id = host_id.empty() ? facts.place : host_id;
  return data;
}

}  // namespace iris
