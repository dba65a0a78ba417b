#include "agent/app/host_folder.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/app/host_record.h"
#include "agent/inventory/evidence.h"
#include "agent/journal/files.h"
#include "common/base/ids.h"
#include "common/base/scoped_fd.h"
#include "common/endpoint/data_lock.h"
#include "common/endpoint/private_dir.h"
#include "common/failure/agent_fix.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

constexpr size_t kFoldersMax = 4096;  // Of hosts/, looked at.
constexpr size_t kSetAsideMax = 8;    // Of one place.
constexpr size_t kIdBytes = 16;

std::string LockIn(const std::string& folder) { return absl::StrCat(folder, "/agent.lock"); }

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

// Sessions come after the record, so where they are without one an older build has made them.
bool HasSessions(const std::string& folder) { return Exists(absl::StrCat(folder, "/sessions")); }

// PLACE or PLACE.ID.
bool IsHostFolder(absl::string_view name) {
  const size_t dot = name.find('.');
  return IsHostId(name.substr(0, dot)) &&
         (dot == absl::string_view::npos || IsHostId(name.substr(dot + 1)));
}

std::vector<std::string> FoldersIn(const std::string& hosts) {
  std::vector<std::string> names;
  DIR* const listing = opendir(hosts.c_str());
  if (listing == nullptr) return names;
  while (const dirent* entry = readdir(listing)) {
    if (names.size() >= kFoldersMax) break;
    if (IsHostFolder(entry->d_name)) names.emplace_back(entry->d_name);
  }
  closedir(listing);
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<HostRecord> RecordIn(const std::string& folder) {
  absl::StatusOr<std::optional<HostRecord>> record = ReadHostRecord(folder);
  if (!record.ok()) return std::nullopt;
  return *std::move(record);
}

// The record of a folder that another machine wrote.
std::optional<HostRecord> Anothers(const std::string& folder, const Evidence& evidence) {
  std::optional<HostRecord> record = RecordIn(folder);
  if (record.has_value() && !Contradicts(record->evidence, evidence)) record.reset();
  return record;
}

// The record of a folder that this machine wrote.
std::optional<HostRecord> SurelyOurs(const std::string& folder, const Evidence& evidence) {
  std::optional<HostRecord> record = RecordIn(folder);
  if (record.has_value() && !IsSurelySame(record->evidence, evidence)) record.reset();
  return record;
}

void RemoveTree(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

// False: somebody holds it, who uses it or is about to make it its own.
bool RemoveUnlessHeld(const std::string& path) {
  if (!Exists(path)) return true;
  const absl::StatusOr<ScopedFd> lock = LockData(LockIn(path));
  if (!lock.ok()) return false;
  RemoveTree(path);
  return true;
}

// The next renaming finds room among those of `place` that are set aside: the oldest go, but for
// those that are held.
void MakeRoomAside(const std::string& hosts, const std::string& place) {
  std::multimap<absl::Time, std::string> aside;
  for (const std::string& name : FoldersIn(hosts)) {
    const std::string path = absl::StrCat(hosts, "/", name);
    struct stat info;  // Its change was the renaming.
    if (!absl::StartsWith(name, place + ".") || lstat(path.c_str(), &info) != 0) continue;
    aside.emplace(absl::TimeFromTimespec(info.st_ctim), path);
  }
  size_t kept = aside.size();
  for (const auto& [since, path] : aside) {
    if (kept < kSetAsideMax) break;
    if (RemoveUnlessHeld(path)) --kept;
  }
}

bool Rename(const std::string& from, const std::string& to, const std::string& why,
            HostFolder& folder) {
  const bool renamed = rename(from.c_str(), to.c_str()) == 0;
  folder.news.push_back(
      renamed ? absl::StrCat(why, ": ", from, " is ", to, " now")
              : absl::StrCat(why, ", but ", from, " cannot become ", to, ": ", strerror(errno)));
  if (renamed) (void)SyncDirectory(to.substr(0, to.rfind('/')));
  return renamed;
}

// The sessions of a copy belong to the machine that it was copied from, which may be at work on
// them: were they gone on with here, a message that runs there would run twice. Nor are they thrown
// away: where machines in truth share the folder and never met (no hostname of their own, one
// machine id, one home), each finds its own again, by SurelyOurs().
void SetCopyAside(const std::string& hosts, const HostFacts& facts, HostFolder& folder) {
  if (!Anothers(folder.path, facts.evidence).has_value()) return;
  const absl::StatusOr<ScopedFd> lock = LockData(LockIn(folder.path));
  if (!lock.ok()) return;  // Its agent runs. Whoever locks the folder next hears so.
  const std::optional<HostRecord> record = Anothers(folder.path, facts.evidence);
  if (!record.has_value()) return;  // Somebody was faster.
  const std::string aside = absl::StrCat(folder.path, ".", record->id);
  RemoveUnlessHeld(aside);  // An earlier copy of the same. One that stays is in the way.
  MakeRoomAside(hosts, facts.place);
  Rename(folder.path, aside, "this machine is another one than the one that wrote its folder",
         folder);
}

// True: nothing is left to look for.
bool TakeOver(const std::string& candidate, const HostFacts& facts, HostFolder& folder) {
  const std::optional<HostRecord> seen = SurelyOurs(candidate, facts.evidence);
  if (!seen.has_value()) return false;
  const absl::StatusOr<ScopedFd> lock = LockData(LockIn(candidate));
  if (absl::IsAlreadyExists(lock.status())) {
    // Only in one boot is the holder certainly a process of this machine.
    if (seen->evidence.boot_id != facts.evidence.boot_id) return false;
    folder.path = candidate;
    return true;
  }
  // Without a lock nobody knows whether its agent runs.
  if (!lock.ok() || !lock->valid()) return false;
  if (!SurelyOurs(candidate, facts.evidence).has_value()) return false;  // Any more.
  // Fails, as it should, where another agent of this host has made our folder meanwhile.
  return Rename(candidate, folder.path, "this host has another name", folder);
}

absl::Status Storage(const absl::Status& status, absl::string_view what) {
  return DiskFailure(what, status.message(), kFixHostDisk);
}

absl::Status MakeSessions(const std::string& folder) {
  return EnsurePrivateDir(absl::StrCat(folder, "/sessions"));
}

}  // namespace

HostFolder ChooseHostFolder(const std::string& hosts, const HostFacts& facts) {
  HostFolder folder = {.path = absl::StrCat(hosts, "/", facts.place), .news = {}};
  SetCopyAside(hosts, facts, folder);
  // What a start that failed has left is no folder of ours yet.
  if (Exists(absl::StrCat(folder.path, "/identity")) || HasSessions(folder.path)) return folder;
  for (const std::string& name : FoldersIn(hosts)) {
    if (name == facts.place) continue;
    if (TakeOver(absl::StrCat(hosts, "/", name), facts, folder)) break;
  }
  return folder;
}

absl::StatusOr<std::string> SettleHostId(const std::string& folder, const HostFacts& facts) {
  const absl::StatusOr<std::optional<HostRecord>> found = ReadHostRecord(folder);
  if (!found.ok() && !absl::IsDataLoss(found.status())) {
    return Storage(found.status(), "who this host is cannot be read");
  }
  const bool has_record = found.ok() && found->has_value();
  if (has_record && Contradicts((*found)->evidence, facts.evidence)) {
    return Storage(absl::FailedPreconditionError("it cannot be set aside"),
                   absl::StrCat(folder, " was written by another machine"));
  }
  HostRecord ours = {.id = RandomHex(kIdBytes), .evidence = facts.evidence};
  if (has_record) ours.id = (*found)->id;
  const bool is_older = found.ok() && !has_record && HasSessions(folder);
  if (is_older) ours.id = facts.place;
  if (!found.ok()) LogWarn(found.status().message(), "; this host is ", ours.id, " from now on");

  if (!has_record || **found != ours) {
    const absl::Status written = WriteHostRecord(folder, ours);
    if (!written.ok()) LogWarn("who this host is cannot be written: ", written.message());
    // Nothing is given to a host that would be another one at its next start.
    if (!written.ok() && !has_record && !is_older) {
      return Storage(written, "who this host is cannot be written");
    }
  }
  if (absl::Status made = MakeSessions(folder); !made.ok()) return made;
  return ours.id;
}

absl::Status KeepHostId(const std::string& folder, const std::string& id, const HostFacts& facts) {
  const HostRecord ours = {.id = id, .evidence = facts.evidence};
  if (RecordIn(folder) != ours) {
    const absl::Status written = WriteHostRecord(folder, ours);
    if (!written.ok()) LogWarn("who this host is cannot be written: ", written.message());
  }
  return MakeSessions(folder);
}

}  // namespace iris
