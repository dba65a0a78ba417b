#include "agent/journal/journal_sync.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/base/scoped_fd.h"
#include "common/log/check.h"
#include "common/log/log.h"
#include "common/process/thread.h"

namespace iris {
namespace {

absl::Status SyncOne(const std::string& path) {
  const ScopedFd file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  // Trimmed meanwhile.
  if (!file) return errno == ENOENT ? absl::OkStatus() : absl::ErrnoToStatus(errno, path);
  struct stat info;
  const bool directory = fstat(file.get(), &info) == 0 && S_ISDIR(info.st_mode);
  const int result = directory ? fsync(file.get()) : fdatasync(file.get());
  return result == 0 ? absl::OkStatus() : absl::ErrnoToStatus(errno, path);
}

}  // namespace

JournalSync::~JournalSync() {
  *alive_ = false;
  if (timer_ != 0) loop_.Cancel(timer_);
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void JournalSync::SyncSoon(Client* client) {
  if (std::find(waiting_.begin(), waiting_.end(), client) != waiting_.end()) return;
  waiting_.push_back(client);
  if (timer_ == 0 && syncing_.empty()) {
    timer_ = loop_.After(kSyncWithin, [this] { StartBatch(); });
  }
}

void JournalSync::RemoveUnwritten(size_t bytes) {
  Check(bytes <= unwritten_bytes_, "journals hold less in memory than nothing");
  unwritten_bytes_ -= bytes;
}

void JournalSync::RemoveKept(size_t bytes) {
  Check(bytes <= kept_bytes_, "journals keep less than nothing");
  const bool was_over = over_quota();
  kept_bytes_ -= bytes;
  if (!was_over || over_quota()) return;
  loop_.Post([this, alive = alive_] {
    if (!*alive) return;
    const std::set<Client*> clients = clients_;
    for (Client* client : clients) {
      if (clients_.count(client) > 0) client->OnQuotaRoom();
    }
  });
}

void JournalSync::Forget(Client* client) {
  clients_.erase(client);
  waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), client), waiting_.end());
  std::replace(syncing_.begin(), syncing_.end(), client, static_cast<Client*>(nullptr));
}

void JournalSync::StartBatch() {
  timer_ = 0;
  if (sync_ == nullptr && !HasThread()) {
    timer_ = loop_.After(kSyncWithin, [this] { StartBatch(); });
    return;
  }
  syncing_ = std::exchange(waiting_, {});
  auto batch = std::make_unique<Batch>();
  for (Client* client : syncing_) batch->paths.push_back(client->TakeUnsynced());
  if (sync_ != nullptr) {
    SyncAll(*batch, sync_);
    return PostDone(std::move(batch));
  }
  absl::MutexLock lock(&mutex_);
  to_sync_ = std::move(batch);
}

bool JournalSync::HasThread() {
  if (thread_.joinable()) return true;
  absl::StatusOr<std::thread> thread =
      StartThread("makes journals durable", [this] { RunThread(); });
  if (!thread.ok()) {
    if (!std::exchange(said_no_thread_, true)) LogWarn(thread.status().message());
    return false;
  }
  said_no_thread_ = false;
  thread_ = *std::move(thread);
  return true;
}

void JournalSync::OnBatchDone(const Batch& batch) {
  for (size_t i = 0; i < syncing_.size(); ++i) {
    if (syncing_[i] != nullptr) syncing_[i]->OnSynced(batch.results[i]);
  }
  syncing_.clear();
  if (!waiting_.empty()) timer_ = loop_.After(kSyncWithin, [this] { StartBatch(); });
}

void JournalSync::RunThread() {
  while (true) {
    std::unique_ptr<Batch> batch;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(
          +[](JournalSync* self) ABSL_EXCLUSIVE_LOCKS_REQUIRED(self->mutex_) {
            return self->stop_ || self->to_sync_ != nullptr;
          },
          this));
      if (stop_) return;
      batch = std::move(to_sync_);
    }
    // An agent that leaves does not wait for the rest of it.
    SyncAll(*batch, [this](const std::string& path) {
      return stopping() ? absl::CancelledError(path) : SyncOne(path);
    });
    PostDone(std::move(batch));
  }
}

bool JournalSync::stopping() {
  absl::MutexLock lock(&mutex_);
  return stop_;
}

void JournalSync::SyncAll(Batch& batch, const Sync& sync) {
  for (const std::vector<std::string>& paths : batch.paths) {
    absl::Status result;
    for (const std::string& path : paths) result.Update(sync(path));
    batch.results.push_back(result);
  }
}

void JournalSync::PostDone(std::unique_ptr<Batch> batch) {
  loop_.Post([this, alive = alive_, batch = std::move(batch)] {
    if (*alive) OnBatchDone(*batch);
  });
}

}  // namespace iris
