#ifndef IRIS_COORDINATOR_DESK_BOARD_H_
#define IRIS_COORDINATOR_DESK_BOARD_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "common/log/check.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// What front ends show.
struct BoardState {
  std::vector<v1::TeamInfo> teams;
  std::vector<v1::LinkStatus> links;
  std::vector<v1::SessionStatus> sessions;
  std::vector<v1::TellSummary> tells;  // Open ones, and those whose answer nobody has read.
  absl::Status config_problem;  // Why the configuration as it is now is not in force; OK: it is.
};

enum class BoardItem { kTeam, kLink, kSession, kTell };

struct ItemGone {
  BoardItem item;
  std::string key;  // A team's name, or an id.
};
struct ConfigProblem {
  absl::Status why;  // As in BoardState.
};
// One thing as it is now.
struct Change {
  uint64_t seq = 0;  // One more than that of the change before it.
  std::variant<v1::TeamInfo, v1::LinkStatus, v1::SessionStatus, v1::TellSummary, ItemGone,
               ConfigProblem>
      what;
};

// All of it, with every change up to `seq`.
struct Snapshot {
  uint64_t seq = 0;
  BoardState state;
};

struct BoardLimits {
  size_t changes_max = 1000;
  size_t bytes_max = 1 << 20;
};

// Keeps what front ends show, and what has changed of it lately, so that any number of them follow
// it, each as fast as it reads: whoever has fallen behind gets all of it anew.
//
//   Show(state) ──▶ [ 7 | 8 | 9 ]     NewsAfter(7) = {8, 9}     NewsAfter(5) = all of it, as of 9
//
// What passes with the time alone (ages, the time to the next attempt) is no change. Not
// thread-safe.
class Board {
 public:
  // A snapshot, or changes, oldest first; none of them: there is nothing new.
  using News = std::variant<Snapshot, std::vector<Change>>;

  // `first`: more than 0, and less than the number of every change. Of two boards it is another
  // one, so that nobody who has heard of the one takes that for news of the other.
  explicit Board(uint64_t first, BoardLimits limits = {}) : limits_(limits), last_(first) {
    Check(first != 0, "a board begins with the number of who knows nothing");
  }

  // Returns whether anything has changed.
  bool Show(BoardState now);
  // What there is for whoever knows what happened up to `seq`; 0: nothing.
  News NewsAfter(uint64_t seq) const;
  uint64_t last() const { return last_; }

 private:
  using Key = std::pair<BoardItem, std::string>;
  using Shown = std::map<Key, std::string>;  // As bytes, without what passes by itself.

  template <typename Item>
  void Compare(BoardItem kind, const std::string& key, const Item& item, Shown& shown);
  void Add(decltype(Change::what) what, size_t bytes);

  const BoardLimits limits_;
  BoardState state_;
  Shown shown_;
  uint64_t last_;                                  // The number of the newest change.
  std::deque<std::pair<Change, size_t>> changes_;  // With their bytes; the newest is the last.
  size_t bytes_ = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_DESK_BOARD_H_
