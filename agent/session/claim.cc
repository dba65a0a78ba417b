#include "agent/session/claim.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "agent/journal/files.h"
#include "agent/session/since.h"
#include "common/base/ids.h"
#include "common/base/scoped_fd.h"
#include "common/base/utf8.h"
#include "common/endpoint/private_dir.h"
#include "common/failure/agent_fix.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "common/loop/callback_watch.h"
#include "common/process/spawn.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

using nlohmann::json;

constexpr size_t kClaimBytesMax = 4096;
constexpr size_t kHostnameBytesMax = 256;
constexpr absl::string_view kSuffix = ".claim";
constexpr absl::string_view kUnfinished = ".tmp";
// A claim is written within moments of its making; one that is no claim after so long never will
// be: its maker died, and had not started anything.
constexpr absl::Duration kWrittenWithin = absl::Seconds(10);
constexpr absl::Duration kUnfinishedKept = absl::Hours(24);
constexpr int kRacesMax = 5;  // Lost to somebody who changed the claim at the same moment.
constexpr int kLockTries = 50;
constexpr absl::Duration kLockTryEvery = absl::Milliseconds(4);

std::string FolderOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

std::string SessionOf(const std::string& path) {
  return std::string(absl::StripSuffix(path.substr(path.rfind('/') + 1), kSuffix));
}

absl::Status Storage(const std::string& path, absl::string_view why) {
  if (SaysExhausted(why)) {
    return Exhausted(absl::ResourceExhaustedError(why),
                     absl::StrCat("session ", SessionOf(path), " cannot be claimed"));
  }
  return DiskFailure(absl::StrCat("session ", SessionOf(path), " cannot be claimed"), why,
                     kFixClaudeDisk);
}

std::string Encode(const Claim& claim) {
  const json fields = {{"host_id", claim.host_id},
                       {"hostname", claim.hostname},
                       {"boot_id", claim.boot_id},
                       {"pid_namespace", claim.pid_namespace},
                       {"pid", claim.process.pid},
                       {"start_time", claim.process.start_time},
                       {"since_ms", absl::ToUnixMillis(claim.since)}};
  return fields.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

// Nothing: cut off, or none of ours.
std::optional<Claim> Parse(absl::string_view text) {
  if (!absl::EndsWith(text, "\n")) return std::nullopt;
  const json fields = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!fields.is_object()) return std::nullopt;
  const auto word = [&fields](const char* name) {
    const auto found = fields.find(name);
    return found != fields.end() && found->is_string() ? found->get<std::string>() : "";
  };
  const auto number = [&fields](const char* name) {
    const auto found = fields.find(name);
    return found != fields.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
  };
  return Claim{.host_id = word("host_id"),
               .hostname = CutUtf8(word("hostname"), kHostnameBytesMax),
               .boot_id = word("boot_id"),
               .pid_namespace = word("pid_namespace"),
               .process = {.pid = static_cast<pid_t>(number("pid")),
                           .start_time = static_cast<uint64_t>(number("start_time"))},
               .since = absl::FromUnixMillis(number("since_ms"))};
}

// What lies at the path now.
struct Found {
  bool there = false;
  std::string content;         // Empty also where it is no file of ours.
  std::optional<Claim> claim;  // Nothing: it is no claim.
};

absl::StatusOr<Found> Look(const std::string& path) {
  const absl::StatusOr<std::string> content = ReadWholeFile(path, kClaimBytesMax);
  if (absl::IsNotFound(content.status())) return Found();
  if (absl::IsDataLoss(content.status())) return Found{.there = true};
  if (!content.ok()) return content.status();
  return Found{.there = true, .content = *content, .claim = Parse(*content)};
}

// Processes of `claim` can be seen from here. A pid says nothing in another namespace, so
// containers that share a machine id are hosts of their own. One that has another id by now, since
// its data directory was removed or is another one, is known by its boot.
bool IsOfThisHost(const Claim& claim, const Claim& ours) {
  const bool same_boot = !claim.boot_id.empty() && claim.boot_id == ours.boot_id;
  return claim.pid_namespace == ours.pid_namespace && (claim.host_id == ours.host_id || same_boot);
}

// Of a claim of this host: nothing runs for it.
bool IsOver(const Claim& claim, const Claim& ours) {
  return claim.boot_id != ours.boot_id || claim.process == OurProcess() || !claim.process.Runs();
}

absl::Status Refuse(const std::string& path, const Claim& theirs, const Claim& ours) {
  const std::string session = absl::StrCat("session ", SessionOf(path));
  if (IsOfThisHost(theirs, ours)) {
    return MakeFailure(v1::FAILURE_WRONG_HOST,
                       absl::StrCat(session, " runs under another agent on ", ours.hostname,
                                    ", pid ", theirs.process.pid, Since(theirs.since)),
                       kFixOtherAgent);
  }
  const std::string where =
      theirs.host_id != ours.host_id
          ? absl::StrCat(theirs.hostname, ", which shares this home")
          : absl::StrCat("another container of ", theirs.hostname, " (", theirs.pid_namespace, ")");
  return MakeFailure(v1::FAILURE_WRONG_HOST,
                     absl::StrCat(session, " runs on ", where, Since(theirs.since),
                                  "; whether it still does cannot be seen from ", ours.hostname),
                     kFixOtherHost);
}

absl::Status BeingClaimed(const std::string& path) {
  return MakeFailure(v1::FAILURE_WRONG_HOST,
                     absl::StrCat("session ", SessionOf(path),
                                  " is being claimed this moment by "
                                  "another agent that shares this home"),
                     kFixTryAgainSoon);
}

// A file with all that `ours` says, beside the claim that it may become.
absl::StatusOr<std::string> WriteUnfinished(const std::string& path, const Claim& ours) {
  const std::string fresh = absl::StrCat(path, "-", RandomHex(8), kUnfinished);
  const ScopedFd file(
      open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return absl::ErrnoToStatus(errno, fresh);
  const absl::Status written = WriteAt(file, 0, Encode(ours), fresh);
  if (written.ok()) return fresh;
  unlink(fresh.c_str());
  return written;
}

// AlreadyExists: somebody was faster.
absl::Status Create(const std::string& fresh, const std::string& path, const Claim& ours) {
  if (link(fresh.c_str(), path.c_str()) == 0) return absl::OkStatus();
  const int error = errno;
  // An answer that NFS lost and asked for again says that it is there already.
  struct stat info;
  if (stat(fresh.c_str(), &info) == 0 && info.st_nlink == 2) return absl::OkStatus();
  if (error == EEXIST) return absl::ErrnoToStatus(EEXIST, path);
  // A file system without links.
  const ScopedFd file(
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return absl::ErrnoToStatus(errno, path);
  const absl::Status written = WriteAt(file, 0, Encode(ours), path);
  if (!written.ok()) unlink(path.c_str());
  return written;
}

// The right to replace or remove claims. Not valid: somebody else keeps it for long. Where there
// are no locks, whoever comes last wins, as two agents of one host cannot do within this moment.
struct Lock {
  bool held = false;
  ScopedFd file;
};

Lock LockClaims(const std::string& path) {
  Lock lock;
  lock.file.Reset(open(absl::StrCat(FolderOf(path), "/lock").c_str(),
                       O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  for (int i = 0; lock.file && i < kLockTries; ++i) {
    if (flock(lock.file.get(), LOCK_EX | LOCK_NB) == 0) break;
    if (errno != EWOULDBLOCK) break;  // No locks here.
    if (i == kLockTries - 1) return lock;
    const MayBlock waits("LockClaims");
    absl::SleepFor(kLockTryEvery);  // flock() knows no deadline; its holder needs a moment only.
  }
  lock.held = true;
  return lock;
}

// Aborted: it is not `judged` any more.
absl::Status Replace(const std::string& fresh, const std::string& path, const Found& judged) {
  const Lock lock = LockClaims(path);
  if (!lock.held) return BeingClaimed(path);
  const absl::StatusOr<Found> now = Look(path);
  if (!now.ok()) return now.status();
  if (!now->there || now->content != judged.content) return absl::AbortedError("changed");
  if (rename(fresh.c_str(), path.c_str()) != 0) return absl::ErrnoToStatus(errno, path);
  return absl::OkStatus();
}

// Unless it is not `judged` any more, or cannot be removed now.
void Remove(const std::string& path, const Found& judged) {
  const Lock lock = LockClaims(path);
  const absl::StatusOr<Found> now = Look(path);
  if (!lock.held || !now.ok() || now->content != judged.content) return;
  if (unlink(path.c_str()) != 0) LogWarn(path, " stays: ", strerror(errno));
}

// By the clock of the file system alone.
bool IsYounger(const std::string& path, const std::string& fresh, absl::Duration age) {
  struct stat there, here;
  if (lstat(path.c_str(), &there) != 0 || lstat(fresh.c_str(), &here) != 0) return true;
  return absl::TimeFromTimespec(here.st_mtim) - absl::TimeFromTimespec(there.st_mtim) < age;
}

// claude cannot write below projects/ either.
bool IsReadOnly(std::string projects) {
  while (access(projects.c_str(), F_OK) != 0 && projects.rfind('/') != 0 &&
         projects.rfind('/') != std::string::npos) {
    projects.resize(projects.rfind('/'));
  }
  return access(projects.c_str(), W_OK) != 0 && (errno == EACCES || errno == EROFS);
}

// One try to put `ours` in the place of `found`. AlreadyExists, Aborted: look again.
absl::Status Put(const std::string& path, const Claim& ours, const Found& found) {
  const absl::StatusOr<std::string> fresh = WriteUnfinished(path, ours);
  if (!fresh.ok()) return fresh.status();
  const absl::Cleanup sweep = [&fresh] { unlink(fresh->c_str()); };
  if (!found.there) return Create(*fresh, path, ours);
  if (!found.claim.has_value() && IsYounger(path, *fresh, kWrittenWithin)) {
    return BeingClaimed(path);
  }
  return Replace(*fresh, path, found);
}

}  // namespace

std::string ClaimPath(const std::string& config_dir, const std::string& session_id) {
  return absl::StrCat(config_dir, "/projects/.iris/", session_id, kSuffix);
}

std::optional<ClaimFileId> ClaimFileIdAt(const std::string& path) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return std::nullopt;
  return ClaimFileId{.device = info.st_dev,
                     .inode = info.st_ino,
                     .bytes = info.st_size,
                     .changed = absl::TimeFromTimespec(info.st_ctim)};
}

Claim OurClaim(const SessionContext& context, ProcessId process) {
  return {.host_id = context.host_id,
          .hostname = context.hostname,
          .boot_id = context.boot_id,
          .pid_namespace = context.pid_namespace,
          .process = process,
          .since = absl::Now()};
}

ProcessId OurProcess() {
  // Looked up once a process: it stays the same, over execve() too.
  thread_local ProcessId known;
  if (known.pid != getpid()) {
    known = {.pid = getpid(), .start_time = ProcessStartTime(getpid())};
  }
  return known;
}

absl::StatusOr<std::optional<Claim>> ReadClaim(const std::string& path) {
  const absl::StatusOr<Found> found = Look(path);
  if (!found.ok()) return found.status();
  if (found->there && !found->claim.has_value()) return absl::DataLossError(path);
  return found->claim;
}

absl::Status TakeClaim(const std::string& path, const Claim& ours, bool takeover,
                       std::optional<Claim>* taken) {
  for (int race = 0; race < kRacesMax; ++race) {
    const absl::StatusOr<Found> found = Look(path);
    if (!found.ok()) return Storage(path, found.status().message());
    const bool here = found->claim.has_value() && IsOfThisHost(*found->claim, ours);
    if (here && found->claim->process == ours.process && found->claim->boot_id == ours.boot_id) {
      return absl::OkStatus();
    }
    const bool foreign = found->claim.has_value() && !here;
    if (taken != nullptr && (foreign || here)) *taken = found->claim;
    if (foreign && !takeover) return Refuse(path, *found->claim, ours);
    // What we see running here is ended first, whoever asks.
    if (here && !IsOver(*found->claim, ours)) return Refuse(path, *found->claim, ours);
    if (taken != nullptr && !foreign) taken->reset();

    if (const absl::Status made = EnsureOwnPath(FolderOf(path)); !made.ok()) {
      if (!IsReadOnly(FolderOf(FolderOf(path)))) return Storage(path, made.message());
      return absl::OkStatus();
    }
    const absl::Status put = Put(path, ours, *found);
    if (put.ok() || KindOf(put) == v1::FAILURE_WRONG_HOST) return put;
    if (!absl::IsAlreadyExists(put) && !absl::IsAborted(put)) return Storage(path, put.message());
  }
  return BeingClaimed(path);
}

void DropClaim(const std::string& path, const Claim& ours) {
  const absl::StatusOr<Found> found = Look(path);
  if (!found.ok() || !found->claim.has_value()) return;
  if (!IsOfThisHost(*found->claim, ours) || !IsOver(*found->claim, ours)) return;
  // One that stays is replaced when this host claims the session again.
  Remove(path, *found);
}

void DropClaimOf(const std::string& path, const Claim& gone) {
  const absl::StatusOr<Found> found = Look(path);
  if (!found.ok() || !found->claim.has_value()) return;
  const Claim& claim = *found->claim;
  if (!IsOfThisHost(claim, gone) || claim.boot_id != gone.boot_id ||
      claim.process != gone.process) {
    return;
  }
  Remove(path, *found);
}

void SweepClaims(const std::string& path, absl::Time now) {
  const std::string folder = FolderOf(path);
  DIR* const listing = opendir(folder.c_str());
  if (listing == nullptr) return;
  while (const dirent* entry = readdir(listing)) {
    if (!absl::EndsWith(entry->d_name, kUnfinished)) continue;
    const std::string file = absl::StrCat(folder, "/", entry->d_name);
    struct stat info;
    if (lstat(file.c_str(), &info) != 0) continue;
    if (absl::TimeFromTimespec(info.st_mtim) + kUnfinishedKept < now) unlink(file.c_str());
  }
  closedir(listing);
}

}  // namespace iris
