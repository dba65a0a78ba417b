#include "coordinator/app/places.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/hostname.h"
#include "common/failure/failure.h"
#include "coordinator/config_file/load_config.h"

namespace iris {
namespace {

// Empty: not known.
std::string HomeDirectory(const EnvLookup& env) {
  const std::string home = env("HOME").value_or("");
  if (absl::StartsWith(home, "/")) return home;
  std::vector<char> buffer(16 << 10);
  passwd entry;
  passwd* found = nullptr;
  if (getpwuid_r(getuid(), &entry, buffer.data(), buffer.size(), &found) != 0) return "";
  return found == nullptr || found->pw_dir == nullptr ? "" : found->pw_dir;
}

absl::Status RefuseIrisHome(const std::string& home, absl::string_view why) {
  return MakeFailure(v1::FAILURE_BAD_REQUEST, absl::StrCat("IRIS_HOME ", home, " ", why),
                     "Point IRIS_HOME to a directory of yours, or unset it.");
}

// `home` is not there: whether it can be made, as far as that is seen without doing it.
absl::Status CheckMakeable(const std::string& home) {
  struct stat info {};
  std::string above = home;
  do {
    above.resize(std::max<size_t>(above.rfind('/'), 1));
  } while (stat(above.c_str(), &info) != 0 && above.size() > 1);
  if (!S_ISDIR(info.st_mode)) {
    return RefuseIrisHome(home, absl::StrCat("cannot be made: ", above, " is not a directory"));
  }
  if (faccessat(AT_FDCWD, above.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return absl::OkStatus();
  return RefuseIrisHome(home, absl::StrCat("cannot be made: ", above, ": ", strerror(errno)));
}

absl::Status CheckIrisHome(const std::string& home) {
  if (!absl::StartsWith(home, "/")) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST,
                       absl::StrCat("IRIS_HOME is not an absolute path: ", home),
                       "Set IRIS_HOME to a path that begins with /.");
  }
  struct stat info;
  if (lstat(home.c_str(), &info) != 0) return CheckMakeable(home);
  if (S_ISDIR(info.st_mode)) return absl::OkStatus();
  return RefuseIrisHome(home, S_ISLNK(info.st_mode) ? "is a symbolic link, and no directory itself"
                                                    : "is not a directory");
}

absl::StatusOr<std::string> DataDir(const EnvLookup& env, const std::string& iris_home,
                                    const std::string& home) {
  if (!iris_home.empty()) return iris_home;
  // The XDG specification has relative values ignored.
  const std::string xdg = env("XDG_DATA_HOME").value_or("");
  if (absl::StartsWith(xdg, "/")) return absl::StrCat(xdg, "/iris");
  if (!home.empty()) return absl::StrCat(home, "/.local/share/iris");
  return MakeFailure(v1::FAILURE_BAD_REQUEST, "the home directory is not known",
                     "Set HOME or IRIS_HOME.");
}

}  // namespace

absl::optional<std::string> ProcessEnv(absl::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr) return absl::nullopt;
  return std::string(value);
}

absl::StatusOr<Places> FindPlacesWithoutConfig(const EnvLookup& env) {
  Places places;
  places.iris_home = env("IRIS_HOME").value_or("");
  if (!places.iris_home.empty()) {
    if (absl::Status status = CheckIrisHome(places.iris_home); !status.ok()) return status;
  }
  absl::StatusOr<std::string> data_dir = DataDir(env, places.iris_home, HomeDirectory(env));
  if (!data_dir.ok()) return data_dir.status();
  places.data_dir = *std::move(data_dir);
  places.store = absl::StrCat(places.data_dir, "/iris.db");
  places.lock = absl::StrCat(places.data_dir, "/coordinator.lock");
  places.log = absl::StrCat(places.data_dir, "/coordinator.log");
  absl::StatusOr<Endpoint> endpoint = FindEndpoint("coordinator", places.iris_home);
  if (!endpoint.ok()) return endpoint.status();
  places.endpoint = *std::move(endpoint);
  return places;
}

absl::StatusOr<Places> FindPlaces(const EnvLookup& env) {
  absl::StatusOr<Places> places = FindPlacesWithoutConfig(env);
  if (!places.ok()) return places;
  const std::string home = HomeDirectory(env);
  absl::StatusOr<std::string> config = ConfigPath(env, home);
  if (!config.ok()) return config.status();
  places->config = {.path = *std::move(config), .env = env, .home = home};
  return places;
}

absl::Status KeptByAnotherHost(const Places& places, const LockHolder& holder) {
  const std::string host =
      holder.hostname == Hostname()
          ? absl::StrCat("another container, or another host, that is called ", holder.hostname)
          : absl::StrCat("host ", holder.hostname);
  const std::string pid = holder.pid == 0 ? "" : absl::StrCat(", pid ", holder.pid, ",");
  return MakeFailure(v1::FAILURE_STORAGE,
                     absl::StrCat("the coordinator of ", host, pid, " keeps ", places.data_dir),
                     "Stop it there (`iris stop`), or give each host an IRIS_HOME of its own.");
}

}  // namespace iris
