#include "agent/app/data_dir.h"

#include <cstdlib>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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

}  // namespace

absl::StatusOr<DataDir> OpenDataDir(const Options& options, const HostFacts& facts) {
  std::vector<std::string> reasons;
  for (const std::string& candidate : Candidates(options, facts.home)) {
    const std::string path = WithoutFinalSlashes(candidate);
    const std::string hosts = absl::StrCat(path, "/hosts");
    DataDir data = {.path = path,
                    .log = absl::StrCat(hosts, "/", facts.host_id, "/agent.log"),
                    .lock = absl::StrCat(hosts, "/", facts.host_id, "/agent.lock"),
                    .host = absl::StrCat(hosts, "/", facts.host_id),
                    .sessions = absl::StrCat(hosts, "/", facts.host_id, "/sessions")};
    absl::Status status = EnsureOwnPath(path);
    if (status.ok()) status = EnsurePrivateDir(hosts);
    if (status.ok()) status = EnsurePrivateDir(data.host);
    if (status.ok()) status = EnsurePrivateDir(data.sessions);
    if (status.ok()) return data;
    reasons.emplace_back(status.message());
  }
  if (reasons.empty()) reasons.push_back("the account has no home directory");
  return MakeFailure(v1::FAILURE_STORAGE,
                     absl::StrCat("no data directory: ", absl::StrJoin(reasons, "; ")),
                     kFixAgentDir);
}

}  // namespace iris
