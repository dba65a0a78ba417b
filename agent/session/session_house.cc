// What a table of sessions does about what nobody uses any more, and what it says it holds.

#include <dirent.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/session/claim.h"
#include "agent/session/session_table.h"
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

void SessionTable::ArmHouse() {
  house_timer_ = loop_.After(options_.house_every, [this] {
    KeepHouse();
    ArmHouse();
  });
}

void SessionTable::KeepHouse() {
  std::vector<std::string> over;
  for (const auto& [id, session] : sessions_) {
    const std::string why = WhyOver(*session);
    if (why.empty()) continue;
    LogInfo("session ", id, " is removed: ", why);
    over.push_back(id);
  }
  for (const std::string& id : over) Remove(id);
  RemoveDamaged();
  SweepClaimFolders();
  if (const absl::Status saved = age_.Save(); !saved.ok()) LogWarn(saved.message());
}

bool SessionTable::IsClean(const Session& session) {
  return session.deserted() && !session.active() && !session.journal().has_unacknowledged();
}

absl::Duration SessionTable::UnusedFor(const Session& session) const {
  return age_.Age() - session.used_at();
}

std::string SessionTable::WhyOver(const Session& session) const {
  const absl::Duration unused = UnusedFor(session);
  if (IsClean(session) && unused >= kRetention) {
    return absl::StrCat("nobody used it for ", absl::FormatDuration(kRetention));
  }
  if (session.deserted() && unused >= kUnfetchedRetention) {
    const size_t open = session.OpenTells().size();
    return absl::StrCat("nobody came for ", absl::FormatDuration(kUnfetchedRetention), "; ",
                        session.journal().bytes(), " bytes of news and ", open,
                        open == 1 ? " open message goes" : " open messages go", " with it");
  }
  return "";
}

void SessionTable::Remove(const std::string& session_id) {
  sessions_.erase(session_id);
  RemoveTree(DirOf(session_id));
}

bool SessionTable::MakeRoom() {
  if (sessions_.size() < options_.sessions_max) return true;
  std::string longest;
  absl::Duration unused = -absl::InfiniteDuration();
  for (const auto& [id, session] : sessions_) {
    if (!IsClean(*session) || UnusedFor(*session) <= unused) continue;
    longest = id;
    unused = UnusedFor(*session);
  }
  if (longest.empty()) return false;
  LogInfo("session ", longest, ", unused for ", absl::FormatDuration(unused), ", makes room");
  Remove(longest);
  return true;
}

void SessionTable::RemoveDamaged() {
  std::vector<std::string> names;
  DIR* const listing = opendir(identity_.sessions_dir.c_str());
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
    const std::string path = absl::StrCat(identity_.sessions_dir, "/", name);
    struct stat info;  // Its change was the renaming.
    if (lstat(path.c_str(), &info) != 0 ||
        absl::TimeFromTimespec(info.st_ctim) + kDamagedRetention > options_.now()) {
      continue;
    }
    LogInfo(path, " is removed");
    RemoveTree(path);
    --damaged_;
  }
}

void SessionTable::SweepClaimFolders() const {
  std::set<std::string> folders;
  for (const auto& [id, session] : sessions_) {
    const std::string path = session->claim_path();
    if (path.empty() || !folders.insert(path.substr(0, path.rfind('/'))).second) continue;
    SweepClaims(path, options_.now());
  }
}

v1::HostHoldings SessionTable::Holdings() const {
  v1::HostHoldings holdings;
  absl::Duration longest;
  holdings.set_sessions(static_cast<uint32_t>(sessions_.size()));
  for (const auto& [id, session] : sessions_) {
    const v1::SessionState state = session->state();
    if (session->has_child()) holdings.set_with_child(holdings.with_child() + 1);
    if (state == v1::SESSION_DRAINING) holdings.set_draining(holdings.draining() + 1);
    if (state == v1::SESSION_UNVERIFIABLE) holdings.set_unverifiable(holdings.unverifiable() + 1);
    if (session->has_claim()) holdings.set_claims(holdings.claims() + 1);
    const Journal& journal = session->journal();
    if (journal.has_unacknowledged()) {
      holdings.set_unacknowledged_bytes(holdings.unacknowledged_bytes() + journal.bytes());
    }
    longest = std::max(longest, UnusedFor(*session));
  }
  holdings.set_journal_bytes(disk_->kept_bytes());
  holdings.set_journal_quota_bytes(disk_->quota_bytes());
  holdings.set_longest_unused_ms(absl::ToInt64Milliseconds(longest));
  holdings.set_damaged(static_cast<uint32_t>(damaged_));
  struct statvfs disk;
  if (statvfs(identity_.sessions_dir.c_str(), &disk) == 0) {
    holdings.set_free_disk_bytes(static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize);
  }
  return holdings;
}

}  // namespace iris
