#include "coordinator/reach/ssh/key_file.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/failure/failure.h"
#include "coordinator/link/host_text.h"
#include "coordinator/reach/ssh/ssh_command.h"
#include "coordinator/reach/ssh/ssh_lines.h"

namespace iris {
namespace {

constexpr absl::string_view kFixIdentity = "Correct remoteOptions.identity, or put the key there.";
constexpr absl::string_view kFixOption = "Correct -i in the team's `remote`, or put the key there.";
constexpr absl::string_view kFixConfigured =
    "Correct IdentityFile in ~/.ssh/config (or in the file of -F), or put the key there.";
constexpr absl::string_view kNameIdentity =
    "Name the private key's file in remoteOptions.identity.";
constexpr absl::string_view kNameOption =
    "Name the private key's file with -i in the team's `remote`.";
constexpr absl::string_view kNameConfigured =
    "Name the private key's file with IdentityFile in ~/.ssh/config (or in the file of -F).";
constexpr absl::string_view kFixContent =
    "Check that remoteOptions.identity (or -i, or IdentityFile in ~/.ssh/config) names a private "
    "key which this account may read.";

struct KeyFile {
  std::string path;
  absl::string_view fix;           // Where it is missing.
  absl::string_view is_directory;  // The fix where it is one.
};

// As ssh expands ~/: by the account, whatever $HOME says.
std::string HomeOfAccount() {
  std::vector<char> buffer(16 << 10);
  passwd entry;
  passwd* found = nullptr;
  getpwuid_r(getuid(), &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? "" : found->pw_dir;
}

std::vector<KeyFile> KeyFilesOf(const SshTarget& target) {
  std::vector<KeyFile> files;
  if (!target.options.identity.empty()) {
    files.push_back({target.options.identity, kFixIdentity, kNameIdentity});
  }
  for (const std::string& path : ValuesOf(target.remote.options, 'i')) {
    if (absl::StartsWith(path, "~/")) {
      files.push_back({absl::StrCat(HomeOfAccount(), path.substr(1)), kFixOption, kNameOption});
    } else if (!absl::StartsWith(path, "~")) {  // Of another account: ssh knows where.
      files.push_back({path, kFixOption, kNameOption});
    }
  }
  return files;
}

absl::Status Blame(const absl::Status& refused, absl::string_view what, absl::string_view fix) {
  return MakeFailure(v1::FAILURE_AUTH, absl::StrCat(what, "; ", ToProto(refused).detail()), fix);
}

std::string NotThere(absl::string_view path, int error) {
  return absl::StrCat("the key file ", path,
                      error == ENOENT
                          ? " does not exist on this machine"
                          : absl::StrCat(" cannot be used on this machine: ", strerror(error)));
}

// Without what ssh says of it, which is of its mode.
absl::Status IsDirectory(absl::string_view path, absl::string_view fix) {
  return MakeFailure(
      v1::FAILURE_AUTH,
      absl::StrCat("the host refused the login: ", path, " is a directory, not a key file"), fix);
}

// Of `Load key "PATH": why`; empty: it is no such line.
std::string PathOfLoadKey(absl::string_view line) {
  if (!absl::ConsumePrefix(&line, "Load key \"")) return "";
  return std::string(line.substr(0, line.rfind("\": ")));
}

}  // namespace

absl::Status WithKeyFile(const absl::Status& refused, const SshTarget& target,
                         absl::string_view log) {
  // A jump host's refusal is not in ssh's own log.
  if (KindOf(refused) != v1::FAILURE_AUTH || !absl::StrContains(log, "Permission denied (")) {
    return refused;
  }
  for (const KeyFile& file : KeyFilesOf(target)) {
    struct stat info;
    if (stat(file.path.c_str(), &info) != 0) {
      return Blame(refused, NotThere(file.path, errno), file.fix);
    }
    if (S_ISDIR(info.st_mode)) return IsDirectory(file.path, file.is_directory);
  }
  for (absl::string_view line : Lines(log)) {
    struct stat info;
    const std::string loaded = PathOfLoadKey(line);
    if (!loaded.empty() && stat(loaded.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
      return IsDirectory(PrintableHostText(loaded, kSshLineBytesMax), kNameConfigured);
    }
    if (absl::StartsWith(line, "Load key \"") && !absl::StrContains(line, "bad permissions")) {
      return Blame(refused,
                   absl::StrCat("ssh cannot use the key file (",
                                PrintableHostText(line, kSshLineBytesMax), ")"),
                   kFixContent);
    }
    // ssh says so of files that a configuration names, and not of its defaults.
    if (absl::ConsumePrefix(&line, "no such identity: ") &&
        absl::ConsumeSuffix(&line, absl::StrCat(": ", strerror(ENOENT)))) {
      return Blame(refused, NotThere(PrintableHostText(line, kSshLineBytesMax), ENOENT),
                   kFixConfigured);
    }
  }
  return refused;
}

}  // namespace iris
