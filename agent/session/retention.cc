#include "agent/session/retention.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/ids.h"
#include "common/log/log.h"

namespace iris {
namespace {

constexpr size_t kUuidBytes = 36;

void RemoveTree(const std::string& path) {
  std::error_code why;
  std::filesystem::remove_all(path, why);
  if (why) LogWarn(path, " stays: ", why.message());
}

}  // namespace

absl::StatusOr<std::vector<std::string>> Retention::Sessions() const {
  DIR* const listing = opendir(sessions_dir_.c_str());
  if (listing == nullptr) return absl::ErrnoToStatus(errno, sessions_dir_);
  std::vector<std::string> ids;
  while (const dirent* entry = readdir(listing)) {
    if (IsUuid(entry->d_name)) ids.emplace_back(entry->d_name);
  }
  closedir(listing);
  return ids;
}

std::string Retention::DirOf(const std::string& session_id) const {
  return absl::StrCat(sessions_dir_, "/", session_id);
}

std::string Retention::WhyOver(const Use& use) {
  if (use.is_clean && use.unused >= kClean) {
    return absl::StrCat("nobody used it for ", absl::FormatDuration(kClean));
  }
  if (use.is_deserted && use.unused >= kUnfetched) {
    return absl::StrCat("nobody came for ", absl::FormatDuration(kUnfetched), "; ",
                        use.journal_bytes, " bytes of news and ", use.open_tells,
                        use.open_tells == 1 ? " open message goes" : " open messages go",
                        " with it");
  }
  return "";
}

void Retention::Remove(const std::string& session_id) const { RemoveTree(DirOf(session_id)); }

void Retention::PutAside(const std::string& session_id, const absl::Status& why) {
  const std::string aside = absl::StrCat(DirOf(session_id), kDamagedInfix, RandomHex(4));
  LogError("session ", session_id, " is put aside: ", why.message());
  if (rename(DirOf(session_id).c_str(), aside.c_str()) != 0) {
    return LogError(aside, ": ", strerror(errno));
  }
  ++damaged_;
}

void Retention::RemoveDamaged() {
  std::vector<std::string> names;
  DIR* const listing = opendir(sessions_dir_.c_str());
  if (listing == nullptr) return;
  while (const dirent* entry = readdir(listing)) {
    const absl::string_view name = entry->d_name;
    if (IsUuid(name.substr(0, kUuidBytes)) &&
        absl::StartsWith(name.substr(std::min(name.size(), kUuidBytes)), kDamagedInfix)) {
      names.emplace_back(name);
    }
  }
  closedir(listing);
  damaged_ = names.size();
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(sessions_dir_, "/", name);
    struct stat info;  // Its change was the renaming.
    if (lstat(path.c_str(), &info) != 0 ||
        absl::TimeFromTimespec(info.st_ctim) + kDamaged > now_()) {
      continue;
    }
    LogInfo(path, " is removed");
    RemoveTree(path);
    --damaged_;
  }
}

}  // namespace iris
