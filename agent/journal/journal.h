#ifndef IRIS_AGENT_JOURNAL_JOURNAL_H_
#define IRIS_AGENT_JOURNAL_JOURNAL_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/journal/journal_sync.h"
#include "agent/journal/kept_file.h"
#include "agent/journal/segment.h"
#include "common/loop/event_loop.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// One session's events on disk, numbered without gaps, kept until the lease holder has acknowledged
// them. It outlives the agent: each life of the agent, an incarnation, goes on where the last one
// ended.
//
//            trimmed    synced   written   newest
//   ‹removed›   │ ███████ │ ███████ │ ·······│     █ on disk    · in memory, for want of room
//               └─ oldest_known()            └─ newest_seq()
//
// Every event is written at once, so the death of the agent loses none, and is durable 50 ms later.
// Memory holds what is not durable yet, 1 MiB at most; the rest is read from the disk. Where the
// disk has no room, memory holds what comes until full(), and the journal tries again once a
// second. Nothing is ever dropped but what was acknowledged. Lives on the process loop.
//
// Numbers have no holes, and the marks above stay in that order (CheckMarks()); what was trimmed
// never comes back.
class Journal final : private JournalSync::Client {
 public:
  static constexpr size_t kAmple = 64;
  static constexpr size_t kAmpleFiles = 1024;  // Some file systems have so many and no more.

  struct Limits {
    size_t segment_bytes = 1 << 20;
    size_t memory_bytes = 1 << 20;
    size_t quota_bytes = 256 << 20;
    size_t share_bytes = 1 << 20;      // What each may keep whatever the others keep.
    size_t unwritten_bytes = 8 << 20;  // What one journal may hold in memory for want of room.
    size_t room_bytes = 1 << 20;       // Less is no room for a new turn.
    absl::Duration retry_every = absl::Seconds(1);
    // A disk with at least kAmple times that room is not looked at again before this is over.
    absl::Duration ample_for = absl::Seconds(1);
  };

  // Its last file.
  struct Tail {
    uint64_t first_seq = 0;  // Of its events.
    size_t bytes = 0;
  };

  // Opens the journal in the directory `dir`, or begins one, for the agent's life `incarnation`.
  // What a crash has damaged is cut away; `seen` gets every event that is left. FAILURE_STORAGE: it
  // cannot be written or read; nothing is lost by trying again.
  static absl::StatusOr<std::unique_ptr<Journal>> Open(
      JournalSync& disk, const std::string& dir, const std::string& incarnation,
      absl::FunctionRef<void(const v1::Event&)> seen = [](const v1::Event&) {});
  static absl::StatusOr<std::unique_ptr<Journal>> Open(
      JournalSync& disk, const std::string& dir, const std::string& incarnation,
      absl::FunctionRef<void(const v1::Event&)> seen, const Limits& limits);
  ~Journal() override;

  // Called when full() or CheckRoom() may have changed, other than by a call here.
  void OnRoom(std::function<void()> on_room) { on_room_ = std::move(on_room); }

  // Called where the journal finds, when it tries again, that its directory is gone: to make it,
  // and then to call WriteAnew().
  void OnGone(std::function<void()> on_gone) { on_gone_ = std::move(on_gone); }
  // Its files were removed, and its directory is there again: writes what memory has. The rest is
  // gone, as if it had been acknowledged.
  absl::Status WriteAnew();

  // Whether what is written all the time stays open (KeptFiles), as while a child runs; not at
  // first.
  void SetStaysOpen(bool stays);

  // Numbers and keeps `event`.
  void Append(v1::Event event);

  // Consecutive events after `seq`, oldest first: some, as many as fit in `bytes_max` at most, but
  // at least one if there is one. Empty when `seq` is the newest. `seq` must not be older than
  // oldest_known(). FAILURE_STORAGE: what was written cannot be read.
  absl::StatusOr<std::vector<EventPtr>> After(uint64_t seq, size_t bytes_max) const;

  // The lease holder has stored every event up to and including `seq`: they go when they are
  // durable here.
  void Trim(uint64_t seq);

  // Why a reader cannot go on from `after`; RESET_UNSPECIFIED = it can.
  v1::ResetReason CheckPosition(const v1::Position& after) const;

  // FAILURE_STORAGE: there is no room for another turn, now: on the disk, or in the host's quota
  // beyond this journal's share. Looks at the disk, unless that had ample room a moment ago
  // (Limits::ample_for): where it is filled up meanwhile, memory holds what comes.
  absl::Status CheckRoom() const;
  absl::Status CheckDisk() const;  // The disk alone.
  // The child must wait: the quota is used up, its own or, beyond its share, the host's; or memory
  // for want of room.
  bool full() const;
  // It is full(), or half of its quota or of its memory for want of room is used up: what need not
  // be kept is to go.
  bool half_full() const;

  // Nothing: the next event goes to another file, or something is not written.
  std::optional<Tail> tail() const;
  // Whether the journal in `dir` ends as it did when that was its tail(): nothing was written
  // since. By one stat(), for who has many; what it holds is not looked at.
  static bool EndsAt(const std::string& dir, const Tail& tail);

  v1::Position PositionAt(uint64_t seq) const;
  v1::Position newest() const { return PositionAt(newest_seq_); }
  uint64_t newest_seq() const { return newest_seq_; }
  // The position before the oldest event that is kept.
  uint64_t oldest_known() const { return trimmed_; }
  // There are events that the lease holder has not acknowledged. How agents and children come and
  // go is no news.
  bool has_unacknowledged() const { return acknowledged_ < newest_news_; }
  // Nothing is held in memory alone: the disk has all, if this process dies now.
  bool all_written() const { return written_ >= newest_seq_; }
  size_t bytes() const { return bytes_; }  // Of the events that are kept.
  size_t bytes_in_memory() const { return memory_bytes_; }

 private:
  struct Kept {
    EventPtr event;
    size_t bytes;  // Of its record.
  };
  struct Life {
    uint64_t after_seq;  // Its first event is the next one.
    std::string incarnation;
  };

  Journal(JournalSync& disk, std::string dir, const Limits& limits);
  bool beyond_share() const { return disk_.over_quota() && bytes_ >= limits_.share_bytes; }
  std::vector<std::string> TakeUnsynced() override;
  void OnSynced(const absl::Status& status) override;
  void OnQuotaRoom() override {
    if (on_room_) on_room_();
  }

  absl::Status Load(absl::FunctionRef<void(const v1::Event&)> seen);
  absl::Status LoadSegments(absl::FunctionRef<void(const v1::Event&)> seen);
  bool Follows(const SegmentHeader& header) const;
  absl::Status WriteMark();
  // The state is one that can be.
  void CheckMarks() const;
  void NoteEvent(const v1::Event& event);
  const std::string& IncarnationAt(uint64_t seq) const;
  void WriteUnwritten();
  absl::Status WriteOne(const Kept& kept);
  absl::Status StartSegment(uint64_t first_seq);
  void SetTrouble(const absl::Status& trouble);
  void ApplyTrim();
  size_t BytesBetween(uint64_t from, uint64_t to) const;
  void RemoveSegments();
  void ForgetFront();
  void ForgetLives();  // Of what is trimmed.
  std::string PathOf(uint64_t first_seq) const;

  JournalSync& disk_;
  const std::string dir_;
  const Limits limits_;
  std::function<void()> on_room_, on_gone_;
  std::string id_;

  KeptFile mark_;
  bool stays_open_ = false;
  std::deque<std::unique_ptr<Segment>> segments_;  // Consecutive; the last one is appended to.
  std::vector<Life> lives_;                        // Oldest first; never empty.
  std::deque<Kept> memory_;                        // The newest events, without gaps.
  size_t memory_bytes_ = 0;
  size_t bytes_ = 0;
  size_t unwritten_bytes_ = 0;

  uint64_t trimmed_ = 0;
  uint64_t acknowledged_ = 0;
  uint64_t synced_ = 0;
  uint64_t syncing_ = 0;  // What the sync under way makes synced_.
  uint64_t written_ = 0;
  uint64_t newest_seq_ = 0;
  uint64_t newest_news_ = 0;
  bool directory_changed_ = false;
  absl::Status trouble_;
  EventLoop::TimerId retry_ = 0;
  // By the loop's clock: the disk need not be looked at before.
  mutable absl::Duration ample_until_ = -absl::InfiniteDuration();
};

}  // namespace iris

#endif  // IRIS_AGENT_JOURNAL_JOURNAL_H_
