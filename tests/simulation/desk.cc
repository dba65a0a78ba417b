#include "tests/simulation/desk.h"

#include <cctype>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/session/claim.h"
#include "common/base/ids.h"
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

void Desk::Begin(const World& world, uint64_t ids_seed) {
  world_ = &world;
  disk_.Heal();
  ++schedules_;
  if (ids_.size() >= kSchedulesPerStore || ids_.count(ids_seed) > 0) {
    store_.reset();
    fs::remove(store_path());
    ids_.clear();
  }
  ids_.insert(ids_seed);
  (void)OpenStore().ok();  // A new one takes an id too.
  SeedIds(ids_seed);
  team_ = absl::StrFormat("team-%07d", schedules_);
}

absl::StatusOr<Store*> Desk::OpenStore() {
  if (store_ != nullptr) return store_.get();
  StoreOptions options;
  options.path = store_path();
  options.vfs = disk_.vfs();
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
  store_ = *std::move(opened);
  return store_.get();
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
