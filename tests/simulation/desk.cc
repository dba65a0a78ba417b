#include "tests/simulation/desk.h"

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/session/claim.h"
#include "common/base/ids.h"
#include "coordinator/orchestrator/tell.h"
#include "coordinator/store/sqlite/sqlite_store.h"

namespace iris::simulation {
namespace {

namespace fs = std::filesystem;

// What is older is in nobody's way, but makes the store slow.
constexpr size_t kSchedulesPerStore = 300;

// As claude names the folder of a project.
std::string FolderFor(std::string path) {
  for (char& c : path) {
    if (isalnum(static_cast<unsigned char>(c)) == 0) c = '-';
  }
  return path;
}

}  // namespace

Desk::Desk(std::string dir) : dir_(std::move(dir)) {
  fs::create_directories(team_path());
  fs::create_directories(fs::path(TranscriptOf("")).parent_path());
}

void Desk::Begin(const World& world, uint64_t ids_seed, size_t teams, bool twin) {
  world_ = &world;
  disk_.Heal();
  ++schedules_;
  if (ids_.size() >= kSchedulesPerStore || ids_.count(ids_seed) > 0) {
    store_.reset();
    twin_.reset();
    fs::remove(store_path());
    fs::remove(twin_path());
    ids_.clear();
  }
  ids_.insert(ids_seed);
  teams_.clear();
  for (size_t i = 0; i < teams; ++i) {
    teams_.push_back(
        absl::StrFormat("team-%07d%s", schedules_, i == 0 ? "" : absl::StrCat(".", i)));
  }
  (void)OpenStore().ok();  // A new one takes an id too.
  if (twin) ShareSessions(ids_seed);
  SeedIds(ids_seed);
}

// As after a copy of the store went to another machine: the same ids, drawn twice.
void Desk::ShareSessions(uint64_t ids_seed) {
  const absl::StatusOr<Store*> stores[] = {OpenStore(), OpenTwinStore()};
  for (const absl::StatusOr<Store*>& store : stores) {
    SeedIds(~ids_seed);  // Others than of the tells.
    for (const std::string& team : teams_) {
      if (!store.ok() || !(*store)->GetOrCreateSession(Caller::kCommandLineName, team).ok())
        std::abort();
    }
  }
}

absl::StatusOr<Store*> Desk::OpenStore() { return Open(store_, store_path(), disk_.vfs()); }

absl::StatusOr<Store*> Desk::OpenTwinStore() { return Open(twin_, twin_path(), ""); }

absl::StatusOr<Store*> Desk::Open(std::unique_ptr<Store>& store, const std::string& path,
                                  const std::string& vfs) {
  if (store != nullptr) return store.get();
  StoreOptions options;
  options.path = path;
  options.vfs = vfs;
  options.now = [this] { return world_->wall(); };
  // Never back, from one schedule to the next.
  options.monotonic = [this] {
    if (world_->now() < last_) before_ += last_;
    last_ = world_->now();
    return before_ + last_;
  };
  options.on_network_fs = [](const std::string&) { return false; };
  absl::StatusOr<std::unique_ptr<SqliteStore>> opened = SqliteStore::Open(std::move(options));
  if (!opened.ok()) return opened.status();
  store = *std::move(opened);
  return store.get();
}

bool Desk::Copy() {
  CloseStore();  // Which brings all of it into the one file.
  if (fs::exists(store_path() + "-wal")) return false;
  fs::copy_file(store_path(), dir_ + "/copy.db", fs::copy_options::overwrite_existing);
  return true;
}

void Desk::PutBack() {
  CloseStore();
  for (const char* left : {"-wal", "-shm", "-journal"}) fs::remove(store_path() + left);
  fs::copy_file(dir_ + "/copy.db", store_path(), fs::copy_options::overwrite_existing);
}

std::string Desk::TranscriptOf(const std::string& session_id) const {
  return absl::StrCat(home(), "/.claude/projects/", FolderFor(team_path()), "/", session_id,
                      ".jsonl");
}

std::string Desk::ClaimOf(const std::string& session_id) const {
  return ClaimPath(home() + "/.claude", session_id);
}

}  // namespace iris::simulation
