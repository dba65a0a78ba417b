#ifndef IRIS_AGENT_JOURNAL_JOURNAL_SYNC_H_
#define IRIS_AGENT_JOURNAL_JOURNAL_SYNC_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/journal/kept_file.h"
#include "common/loop/event_loop.h"

namespace iris {

// What the journals of one agent share: the thread that makes them durable together, the memory
// that they may take while the disk has no room, the quota of the host, and the descriptors that
// stay open.
//
//   loop:    SyncSoon … SyncSoon … (50 ms) → TakeUnsynced of each ──┐            ┌──▶ OnSynced of
//   each thread:                                                         └─▶ fdatasync┘
//
// The thread is started at once, since later there may be none to be had. Where there is none (a
// process limit) every batch tries again: what is written waits, is not trimmed, and is bounded by
// what a journal may keep.
//
// Lives on the process loop.
class JournalSync {
 public:
  static constexpr absl::Duration kSyncWithin = absl::Milliseconds(50);
  static constexpr size_t kUnwrittenBytesMax = 64 << 20;
  static constexpr size_t kQuotaBytes = size_t{4} << 30;

  class Client {
   public:
    virtual ~Client() = default;
    // Paths of the files and directories that were written since the last call.
    virtual std::vector<std::string> TakeUnsynced() = 0;
    // What was taken is durable, or why it may not be.
    virtual void OnSynced(const absl::Status& status) = 0;
    // over_quota() has ended.
    virtual void OnQuotaRoom() = 0;
  };

  // Makes a file or directory durable.
  using Sync = std::function<absl::Status(const std::string& path)>;

  // `quota_bytes`: what all journals may keep together.
  explicit JournalSync(EventLoop& loop, size_t quota_bytes = kQuotaBytes)
      : loop_(loop), quota_bytes_(quota_bytes) {
    HasThread();
  }
  // Without a thread, for simulations: `sync` runs on the loop.
  JournalSync(EventLoop& loop, Sync sync, size_t quota_bytes = kQuotaBytes)
      : loop_(loop), quota_bytes_(quota_bytes), sync_(std::move(sync)) {}
  // What was not synced yet stays so. Every client has gone before.
  ~JournalSync();

  EventLoop& loop() { return loop_; }
  // For all that sessions write again and again. Outlives the clients.
  KeptFiles& kept_files() { return kept_files_; }

  // Syncs `client` within kSyncWithin and what the disk takes. Idempotent until TakeUnsynced.
  void SyncSoon(Client* client);
  // Before anything else of `client`.
  void Add(Client* client) { clients_.insert(client); }
  // `client` hears no more.
  void Forget(Client* client);

  // Held in memory by all journals because it could not be written.
  size_t unwritten_bytes() const { return unwritten_bytes_; }
  void AddUnwritten(size_t bytes) { unwritten_bytes_ += bytes; }
  void RemoveUnwritten(size_t bytes);

  // What the journals keep, together: on the disk or, for want of room, in memory.
  size_t kept_bytes() const { return kept_bytes_; }
  size_t quota_bytes() const { return quota_bytes_; }
  bool over_quota() const { return kept_bytes_ >= quota_bytes_; }
  void AddKept(size_t bytes) { kept_bytes_ += bytes; }
  // Where over_quota() ends by it, every client hears so soon.
  void RemoveKept(size_t bytes);

 private:
  struct Batch {
    std::vector<std::vector<std::string>> paths;  // By client.
    std::vector<absl::Status> results;
  };

  void StartBatch();
  bool HasThread();  // Starts it, if it can.
  void OnBatchDone(const Batch& batch);
  void RunThread();
  bool stopping();
  static void SyncAll(Batch& batch, const Sync& sync);
  void PostDone(std::unique_ptr<Batch> batch);

  EventLoop& loop_;
  const size_t quota_bytes_;
  const Sync sync_;  // Null: a thread does it.
  KeptFiles kept_files_;
  std::set<Client*> clients_;
  std::vector<Client*> waiting_;
  std::vector<Client*> syncing_;  // Null: forgotten.
  EventLoop::TimerId timer_ = 0;
  size_t unwritten_bytes_ = 0;
  size_t kept_bytes_ = 0;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  absl::Mutex mutex_;
  std::unique_ptr<Batch> to_sync_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  bool said_no_thread_ = false;  // Since one could be had.
  std::thread thread_;           // Last: it uses what is above.
};

}  // namespace iris

#endif  // IRIS_AGENT_JOURNAL_JOURNAL_SYNC_H_
