#ifndef IRIS_COORDINATOR_STORE_SQLITE_KNOWN_TELLS_H_
#define IRIS_COORDINATOR_STORE_SQLITE_KNOWN_TELLS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace iris {

// The tells in the file, but for their words: how they are found by their ids, and which of them go
// first. It stands in the place of indexes, of which every one is written anew with every tell.
//
//   open ── Settle() ──▶ unfetched ── MarkFetched() ──▶ fetched ── Forget() ──▶ gone
//                            └── Drop() ──▶ dropped ── Forget() ──▶ gone
//
// Numbers are those of their rows, in the order of acceptance. Not thread-safe.
class KnownTells {
 public:
  struct Tell {
    int64_t number = 0;
    std::string id;
    int64_t session = 0;  // Its row.
    int64_t accepted_ms = 0;
    // Once it is settled.
    int64_t settled_seq = 0;  // Its place in the order of settling, from 1; 0: it is open.
    int64_t bytes = 0;        // As they count for StoreOptions::settled_bytes_max.
    int64_t age_ms = 0;       // When it was settled, by the AgeClock.
    bool fetched = false;
    bool dropped = false;
  };

  // One of the file, or one that is new, with NextNumber(). False: its number, its id or its place
  // is another one's, and it is not added.
  bool Add(Tell tell);
  int64_t NextNumber() const;
  int64_t NextSeq() const { return last_seq_ + 1; }

  // Null: it is not there. Good until something is changed.
  const Tell* Find(absl::string_view id) const;
  const Tell& At(int64_t number) const { return by_number_.at(number); }

  // It is open, and gets NextSeq().
  void Settle(int64_t number, int64_t bytes, int64_t age_ms);
  // These are settled.
  void MarkFetched(int64_t number);
  void Drop(int64_t number);  // Not dropped yet.
  void Forget(int64_t number);

  const std::set<int64_t>& open() const { return open_; }
  // Those settled ones that are not dropped.
  size_t kept() const { return fetched_.size() + unfetched_.size(); }
  int64_t kept_bytes() const { return kept_bytes_; }
  // Of them the one, or the fetched one, that was settled first; 0: there is none.
  int64_t FirstKept() const;
  int64_t FirstFetched() const;

  // By their settled_seq: neither fetched nor dropped; dropped.
  const std::map<int64_t, int64_t>& unfetched() const { return unfetched_; }
  const std::map<int64_t, int64_t>& dropped() const { return dropped_; }

 private:
  using BySeq = std::map<int64_t, int64_t>;

  BySeq& PlaceOf(const Tell& tell);
  void Place(const Tell& tell);
  void TakeOut(const Tell& tell);

  std::map<int64_t, Tell> by_number_;
  absl::flat_hash_map<std::string, int64_t> numbers_;  // By id.
  std::set<int64_t> open_;
  BySeq unfetched_, fetched_, dropped_;  // Each settled tell is in one of them.
  int64_t kept_bytes_ = 0;
  int64_t last_seq_ = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_SQLITE_KNOWN_TELLS_H_
