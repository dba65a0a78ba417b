#ifndef IRIS_COORDINATOR_DESK_FEED_H_
#define IRIS_COORDINATOR_DESK_FEED_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/alive_flag.h"
#include "common/loop/event_loop.h"
#include "coordinator/desk/board.h"
#include "coordinator/link/host_report.h"

namespace iris {

class FeedWatcher {
 public:
  virtual ~FeedWatcher() = default;
  // Feed::NewsAfter() what it knows has something. May Unwatch() in it.
  virtual void OnNews() = 0;
};

// A board that is looked after as long as somebody watches it: at once where a front end has asked
// for something, and every second for what happens by itself. Hosts are asked less often, and what
// they said last is shown until then.
//
// Lives on `loop`.
class Feed {
 public:
  using LookDone = std::function<void(absl::StatusOr<BoardState> state)>;
  struct Source {
    // All of it now, where the hosts have said that. `done` comes once, on the loop, perhaps from
    // inside, and may come after the feed is gone. FAILURE_STORAGE: what was shown stays.
    std::function<void(const std::vector<HostReport>& hosts, LookDone done)> look;
    // As LinkTable::AskHosts(); may go on after the feed is gone.
    std::function<void(HostReportsDone done)> ask_hosts;
  };
  static constexpr absl::Duration kLookEvery = absl::Seconds(1);
  static constexpr absl::Duration kAskHostsEvery = absl::Seconds(5);
  static constexpr size_t kWatchersMax = 100;

  // `first`: as for Board.
  Feed(EventLoop& loop, uint64_t first, Source source)
      : loop_(loop), source_(std::move(source)), board_(first) {}
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  // It hears of news until Unwatch(). FAILURE_BUSY_LIMIT: as many watch as may.
  absl::Status Watch(FeedWatcher* watcher);
  // Nothing happens if it does not watch.
  void Unwatch(FeedWatcher* watcher);
  // As Board::NewsAfter(), for who watches.
  Board::News NewsAfter(uint64_t seq) const { return board_.NewsAfter(seq); }
  // The same for who does not: where nobody watches, it looks first. `done` comes once, on the
  // loop, perhaps from inside, unless the feed goes.
  using NewsDone = std::function<void(const Board::News& news)>;
  void LookAfter(uint64_t seq, NewsDone done);
  // Somebody has asked for something: it looks soon, where somebody watches.
  void Poke();

 private:
  // One at a time: what is asked for meanwhile is looked at behind it.
  void Look();
  void Show(absl::StatusOr<BoardState> state);
  void LookAgain();
  void AskHosts();

  EventLoop& loop_;
  const Source source_;
  Board board_;
  std::set<FeedWatcher*> watchers_;
  std::vector<HostReport> hosts_;  // As they said last.
  bool asking_ = false;
  absl::Duration asked_at_;  // By the loop's clock; with `hosts_`.
  bool poked_ = false;       // A look is posted.
  bool looking_ = false;
  bool looks_again_ = false;                    // Something has happened since it began to look.
  std::vector<std::function<void()>> waiting_;  // For the next look to end.
  EventLoop::TimerId timer_ = 0;
  AliveFlag alive_;  // For hosts' answers.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_DESK_FEED_H_
