#include "coordinator/config/load_config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/scoped_fd.h"
#include "common/failure/failure.h"
#include "coordinator/config/json_text.h"
#include "coordinator/config/refuse.h"
#include "coordinator/config/schema_walk.h"
#include "coordinator/config/secrets.h"

namespace iris {
namespace {

struct FileText {
  std::string text;
  bool readable_by_others;
};

absl::Status RefuseErrno(absl::string_view what, int error) {
  return Refuse(absl::StrCat(what, ": ", strerror(error)),
                "Make it a file that the user who runs Iris can read.");
}

absl::StatusOr<FileText> ReadFile(const std::string& path) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  ScopedFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd && errno == ENOENT) {
    return Refuse("there is no configuration",
                  "Create it, or point IRIS_CONFIG to it; {\"teams\": {\"NAME\": {\"path\": "
                  "\"/its/directory\"}}} is enough.");
  }
  struct stat status;
  if (!fd || fstat(fd.get(), &status) != 0) return RefuseErrno("cannot be opened", errno);
  if (!S_ISREG(status.st_mode)) {
    return Refuse("is not a regular file", "Make it a file, or point IRIS_CONFIG to one.");
  }
  // One byte more than allowed tells a file that is too long, whatever fstat said a moment ago.
  std::string text(kConfigBytesMax + 1, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return RefuseErrno("cannot be read", errno);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > kConfigBytesMax) {
    return Refuse(absl::StrCat("is larger than ", kConfigBytesMax, " bytes"), "Shorten it.");
  }
  text.resize(size);
  return FileText{.text = std::move(text),
                  .readable_by_others = (status.st_mode & (S_IRGRP | S_IROTH)) != 0};
}

absl::Status CheckSecrets(const JsonText& json, const ConfigSource& source,
                          bool readable_by_others) {
  if (const auto path = FindPrivateKey(json.root); path.has_value()) {
    return Annotate(Refuse("a private key does not belong into a configuration",
                           "Put it into a file of its own (chmod 600) and name that file in the "
                           "team's remoteOptions.identity."),
                    PlaceOf(source, json, *path));
  }
  if (!readable_by_others) return absl::OkStatus();
  if (const auto path = FindSecret(json.root); path.has_value()) {
    return Annotate(Refuse("holds a secret, and other users may read the file",
                           absl::StrCat("chmod 600 ", source.path)),
                    PlaceOf(source, json, *path));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> AbsoluteFrom(absl::string_view variable, const std::string& value) {
  if (absl::StartsWith(value, "/")) return value;
  return Refuse(absl::StrCat(variable, " is not an absolute path"),
                absl::StrCat("Set ", variable, " to a path that begins with /."));
}

}  // namespace

absl::StatusOr<std::string> ConfigPath(const EnvLookup& env, absl::string_view home) {
  const std::string config = env("IRIS_CONFIG").value_or("");
  if (!config.empty()) return AbsoluteFrom("IRIS_CONFIG", config);
  const std::string iris_home = env("IRIS_HOME").value_or("");
  if (!iris_home.empty()) {
    return AbsoluteFrom("IRIS_HOME", absl::StrCat(iris_home, "/config.json"));
  }
  // The XDG specification has relative values ignored.
  const std::string xdg = env("XDG_CONFIG_HOME").value_or("");
  if (absl::StartsWith(xdg, "/")) return absl::StrCat(xdg, "/iris/config.json");
  if (home.empty()) {
    return Refuse("the home directory is not known", "Set HOME or IRIS_CONFIG.");
  }
  return absl::StrCat(home, "/.config/iris/config.json");
}

absl::StatusOr<Config> LoadConfig(const ConfigSource& source) {
  if (absl::EndsWith(source.path, ".yaml") || absl::EndsWith(source.path, ".yml")) {
    return Annotate(Refuse("YAML is not built yet",
                           "Write the configuration as JSON, in a file "
                           "whose name does not end in .yaml or .yml."),
                    source.path);
  }
  absl::StatusOr<FileText> file = ReadFile(source.path);
  if (!file.ok()) return Annotate(file.status(), source.path);
  return ParseConfig(file->text, source, file->readable_by_others);
}

absl::StatusOr<Config> ParseConfig(absl::string_view text, const ConfigSource& source,
                                   bool readable_by_others) {
  absl::StatusOr<JsonText> json = ParseJsonText(text, source.path);
  if (!json.ok()) return json.status();
  if (absl::Status status = CheckSecrets(*json, source, readable_by_others); !status.ok()) {
    return status;
  }
  return WalkSchema(*json, source);
}

}  // namespace iris
