#include "agent/session/session_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/journal/files.h"
#include "agent/journal/record.h"
#include "common/endpoint/private_dir.h"
#include "common/failure/agent_fix.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "common/log/log.h"

namespace iris {
namespace {

// CRC-32 (4) | the serialized v1::LaunchSpec
constexpr size_t kLaunchBytesMax = 16 << 20;

std::string LaunchPath(const std::string& dir) { return absl::StrCat(dir, "/launch"); }
std::string StatePath(const std::string& dir) { return absl::StrCat(dir, "/state"); }

absl::Status Storage(const absl::Status& why) {
  if (why.ok() || absl::IsDataLoss(why) || KindOf(why) == v1::FAILURE_STORAGE ||
      KindOf(why) == v1::FAILURE_BUSY_LIMIT) {
    return why;
  }
  if (SaysExhausted(why.message())) return Exhausted(why, "a session's files");
  return DiskFailure("a session's files", why.message(), kFixHostDisk);
}

absl::Status Gone(const std::string& dir, const absl::Status& why) {
  return MakeFailure(v1::FAILURE_STORAGE,
                     absl::StrCat("the agent's directory ", dir,
                                  " is gone, and could not be made again: ", why.message()),
                     kFixGoneDir);
}

std::string Above(const std::string& dir) { return dir.substr(0, dir.rfind('/')); }

// Of its environment only where claude keeps its sessions.
v1::LaunchSpec WithoutSecrets(v1::LaunchSpec launch) {
  if (!launch.has_environment()) return launch;
  launch.clear_kept();
  for (const std::string& entry : launch.environment().entries()) {
    if (absl::StartsWith(entry, "HOME=") || absl::StartsWith(entry, "CLAUDE_CONFIG_DIR=")) {
      launch.add_kept(entry);
    }
  }
  launch.clear_environment();
  return launch;
}

// All that it says anew is that no child is left.
bool OnlyForgetsChild(saved::State before, saved::State now) {
  before.clear_child();
  before.set_used_age_ms(now.used_age_ms());
  return now.SerializeAsString() == before.SerializeAsString();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SessionFiles>> SessionFiles::Open(JournalSync& disk,
                                                                 const std::string& dir,
                                                                 const std::string& incarnation,
                                                                 const Journal::Limits& limits) {
  std::unique_ptr<SessionFiles> files(new SessionFiles(dir));
  const absl::Status loaded = files->Load(disk, incarnation, limits);
  if (!loaded.ok()) return Storage(loaded);
  return files;
}

bool SessionFiles::LookUnchanged(const std::string& dir, const Journal::Tail& tail) {
  struct stat state;
  return stat(StatePath(dir).c_str(), &state) == 0 &&
         static_cast<size_t>(state.st_size) == SlotFile::kFileBytes && Journal::EndsAt(dir, tail);
}

absl::Status SessionFiles::Load(JournalSync& disk, const std::string& incarnation,
                                const Journal::Limits& limits) {
  const bool is_new = access(dir_.c_str(), F_OK) != 0;
  if (access(Above(dir_).c_str(), F_OK) != 0) {
    if (absl::Status made = EnsureOwnPath(Above(dir_)); !made.ok()) return Gone(Above(dir_), made);
  }
  if (absl::Status made = EnsurePrivateDir(dir_); !made.ok()) return made;
  if (is_new) {
    absl::Status durable = SyncDirectory(Above(dir_));
    if (!durable.ok()) return durable;
  }
  absl::StatusOr<std::unique_ptr<SlotFile>> state = SlotFile::Open(StatePath(dir_));
  if (!state.ok()) return state.status();
  state_file_ = *std::move(state);
  if (!state_.ParseFromString(state_file_->content())) {
    return absl::DataLossError(absl::StrCat(StatePath(dir_), " is damaged"));
  }
  if (absl::Status launch = LoadLaunch(); !launch.ok()) return launch;
  absl::StatusOr<std::unique_ptr<TellLedger>> tells =
      TellLedger::Open(absl::StrCat(dir_, "/tells"), disk.kept_files());
  if (!tells.ok()) return tells.status();
  tells_ = *std::move(tells);
  absl::StatusOr<std::unique_ptr<Journal>> journal = Journal::Open(
      disk, dir_, incarnation, [this](const v1::Event& event) { tells_->Learn(event); }, limits);
  if (!journal.ok()) return journal.status();
  journal_ = *std::move(journal);
  journal_->OnGone([this] {
    if (const absl::Status made = MakeAgain(); !made.ok()) LogError(made.message());
  });
  KeepOpenWhileChildRuns();
  return absl::OkStatus();
}

void SessionFiles::KeepOpenWhileChildRuns() {
  tells_->SetStaysOpen(state_.has_child());
  journal_->SetStaysOpen(state_.has_child());
}

absl::Status SessionFiles::MakeAgain() {
  // Any other error may pass, with all that is there.
  const bool gone = access(dir_.c_str(), F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR);
  if (!gone && !is_made_again_) return absl::OkStatus();
  absl::Status made = EnsureOwnPath(dir_);
  if (!made.ok()) return Gone(dir_, made);
  is_made_again_ = true;
  made = SyncDirectory(Above(dir_));
  if (made.ok()) made = state_file_->Write(state_.SerializeAsString());
  if (made.ok() && opened_) made = WriteLaunch(launch_);
  if (made.ok()) made = tells_->WriteAnew();
  if (made.ok()) made = journal_->WriteAnew();
  if (!made.ok()) return Gone(dir_, made);
  LogWarn(dir_, " was removed, and is made again");
  is_made_again_ = false;
  return absl::OkStatus();
}

absl::Status SessionFiles::CheckRoom() {
  absl::Status made = MakeAgain();
  return made.ok() ? journal_->CheckRoom() : made;
}

absl::Status SessionFiles::LoadLaunch() {
  const absl::StatusOr<std::string> bytes = ReadWholeFile(LaunchPath(dir_), kLaunchBytesMax);
  if (absl::IsNotFound(bytes.status())) return absl::OkStatus();
  if (!bytes.ok()) return bytes.status();
  const absl::string_view content = *bytes;
  opened_ = content.size() >= 4 && Crc32(content.substr(4)) == ReadUint32(content) &&
            launch_.ParseFromArray(content.data() + 4, static_cast<int>(content.size() - 4));
  return opened_ ? absl::OkStatus()
                 : absl::DataLossError(absl::StrCat(LaunchPath(dir_), " is damaged"));
}

absl::Status SessionFiles::SaveState(saved::State state) {
  if (absl::Status made = MakeAgain(); !made.ok()) return made;
  if (host_age_) state.set_used_age_ms(absl::ToInt64Milliseconds(host_age_()));
  const std::string bytes = state.SerializeAsString();
  // What has ended many children at once, an agent that leaves, waits for no disk.
  const absl::Status written = OnlyForgetsChild(state_, state) ? state_file_->WriteUnsynced(bytes)
                                                               : state_file_->Write(bytes);
  if (!written.ok()) return Storage(written);
  state_ = std::move(state);
  KeepOpenWhileChildRuns();
  return absl::OkStatus();
}

absl::Status SessionFiles::SaveLaunch(const v1::LaunchSpec& launch) {
  if (absl::Status made = MakeAgain(); !made.ok()) return made;
  const v1::LaunchSpec kept = WithoutSecrets(launch);
  const std::string bytes = kept.SerializeAsString();
  // Maps are serialized in any order; what differs in that alone is written once more.
  if (opened_ && bytes == launch_.SerializeAsString()) return absl::OkStatus();
  const absl::Status written = WriteLaunch(kept);
  if (!written.ok()) return Storage(written);
  opened_ = true;
  launch_ = kept;
  return absl::OkStatus();
}

absl::Status SessionFiles::WriteLaunch(const v1::LaunchSpec& launch) const {
  const std::string bytes = launch.SerializeAsString();
  std::string content;
  AppendUint32(content, Crc32(bytes));
  return ReplaceFile(LaunchPath(dir_), content + bytes);
}

}  // namespace iris
