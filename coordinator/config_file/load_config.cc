#include "coordinator/config_file/load_config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/scoped_fd.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "coordinator/config/refuse.h"
#include "coordinator/config_file/config_text.h"
#include "coordinator/config_file/json_text.h"
#include "coordinator/config_file/schema_walk.h"
#include "coordinator/config_file/secrets.h"
#include "coordinator/config_file/trusted_path.h"
#include "coordinator/config_file/yaml_text.h"
#include "coordinator/reach/remote_kinds.h"

namespace iris {
namespace {

struct FileText {
  std::string text;
  bool readable_by_others;
};

absl::Status RefuseErrno(absl::string_view what, int error) {
  if (IsExhausted(error)) return Exhausted(error, what);
  return Refuse(absl::StrCat(what, ": ", strerror(error)),
                "Make it a file that the user who runs Iris can read.");
}

// For people who come from iris-mcp, which looks elsewhere.
absl::Status NoConfiguration(const ConfigSource& source) {
  std::string fix =
      "Create it, or point IRIS_CONFIG to it; {\"teams\": {\"NAME\": {\"path\": "
      "\"/its/directory\"}}} is enough.";
  const std::string original = absl::StrCat(source.home, "/.iris/config.yaml");
  if (!source.home.empty() && access(original.c_str(), F_OK) == 0) {
    absl::StrAppend(&fix, " ", original,
                    " is iris-mcp's and is not read: copy it, and each key that differs is named.");
  }
  return Refuse("there is no configuration", fix);
}

absl::StatusOr<FileText> ReadFile(const ConfigSource& source) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  ScopedFd fd(open(source.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd && errno == ENOENT) return NoConfiguration(source);
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

absl::Status CheckSecrets(const ConfigText& text, const ConfigSource& source,
                          bool readable_by_others) {
  if (const auto path = FindPrivateKey(text.root); path.has_value()) {
    return Annotate(Refuse("a private key does not belong into a configuration",
                           "Put it into a file of its own (chmod 600) and name that file in the "
                           "team's remoteOptions.identity."),
                    PlaceOf(source, text, *path));
  }
  if (!readable_by_others) return absl::OkStatus();
  if (const auto path = FindSecret(text.root); path.has_value()) {
    return Annotate(Refuse("holds a secret, and other users may read the file",
                           absl::StrCat("chmod 600 ", source.path)),
                    PlaceOf(source, text, *path));
  }
  return absl::OkStatus();
}

bool IsYaml(absl::string_view path) {
  return absl::EndsWith(path, ".yaml") || absl::EndsWith(path, ".yml");
}

absl::Status CheckAbsolute(absl::string_view variable, absl::string_view value) {
  if (absl::StartsWith(value, "/")) return absl::OkStatus();
  return Refuse(absl::StrCat(variable, " is not an absolute path"),
                absl::StrCat("Set ", variable, " to a path that begins with /."));
}

// The one configuration in `dir`; where there is none, what a new one would be called.
absl::StatusOr<std::string> ConfigIn(absl::string_view dir) {
  std::string found;
  for (absl::string_view name : {"config.json", "config.yaml", "config.yml"}) {
    const std::string path = absl::StrCat(dir, "/", name);
    struct stat status;
    if (lstat(path.c_str(), &status) != 0) continue;
    if (!found.empty()) {
      return Refuse(absl::StrCat("there are two configurations, ", found, " and ", path),
                    "Remove one of them, or point IRIS_CONFIG to the one that counts.");
    }
    found = path;
  }
  return found.empty() ? absl::StrCat(dir, "/config.json") : found;
}

}  // namespace

absl::StatusOr<std::string> ConfigPath(const EnvLookup& env, absl::string_view home) {
  const std::string config = env("IRIS_CONFIG").value_or("");
  if (!config.empty()) {
    if (absl::Status status = CheckAbsolute("IRIS_CONFIG", config); !status.ok()) return status;
    return config;
  }
  const std::string iris_home = env("IRIS_HOME").value_or("");
  if (!iris_home.empty()) {
    if (absl::Status status = CheckAbsolute("IRIS_HOME", iris_home); !status.ok()) return status;
    return ConfigIn(iris_home);
  }
  // The XDG specification has relative values ignored.
  const std::string xdg = env("XDG_CONFIG_HOME").value_or("");
  if (absl::StartsWith(xdg, "/")) return ConfigIn(absl::StrCat(xdg, "/iris"));
  if (home.empty()) {
    return Refuse("the home directory is not known", "Set HOME or IRIS_CONFIG.");
  }
  return ConfigIn(absl::StrCat(home, "/.config/iris"));
}

absl::StatusOr<Config> LoadConfig(const ConfigSource& source) {
  if (absl::Status status = CheckTrustedPath(source.path, source.home); !status.ok()) {
    return Annotate(status, source.path);
  }
  absl::StatusOr<FileText> file = ReadFile(source);
  if (!file.ok()) return Annotate(file.status(), source.path);
  return ParseConfig(file->text, source, file->readable_by_others);
}

absl::StatusOr<Config> ParseConfig(absl::string_view text, const ConfigSource& source,
                                   bool readable_by_others) {
  return ParseConfig(text, source, readable_by_others, RemoteKinds());
}

absl::StatusOr<Config> ParseConfig(absl::string_view text, const ConfigSource& source,
                                   bool readable_by_others, absl::Span<const RemoteKind> kinds) {
  const absl::StatusOr<ConfigText> parsed =
      IsYaml(source.path) ? ParseYamlText(text, source.path) : ParseJsonText(text, source.path);
  if (!parsed.ok()) return parsed.status();
  if (absl::Status status = CheckSecrets(*parsed, source, readable_by_others); !status.ok()) {
    return status;
  }
  return WalkSchema(*parsed, source, kinds);
}

}  // namespace iris
