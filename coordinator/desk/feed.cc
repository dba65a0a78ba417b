#include "coordinator/desk/feed.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/log/log.h"

namespace iris {

Feed::~Feed() {
  if (timer_ != 0) loop_.Cancel(timer_);
}

absl::Status Feed::Watch(FeedWatcher* watcher) {
  if (watchers_.size() >= kWatchersMax) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT, absl::StrCat(kWatchersMax, " watch already"));
  }
  const bool is_first = watchers_.empty();
  // Before: it has not asked for news yet. What comes later is news.
  if (is_first) Look();
  watchers_.insert(watcher);
  if (!is_first) return absl::OkStatus();
  timer_ = loop_.After(kLookEvery, [this] { LookAgain(); });
  AskHosts();
  return absl::OkStatus();
}

void Feed::Unwatch(FeedWatcher* watcher) {
  watchers_.erase(watcher);
  if (watchers_.empty() && timer_ != 0) loop_.Cancel(std::exchange(timer_, 0));
}

void Feed::LookAfter(uint64_t seq, NewsDone done) {
  if (!watchers_.empty()) return done(board_.NewsAfter(seq));
  waiting_.push_back([this, seq, done = std::move(done)] { done(board_.NewsAfter(seq)); });
  Look();
}

void Feed::Poke() {
  if (watchers_.empty() || std::exchange(poked_, true)) return;
  loop_.Post([this, alive = alive_.Watch()] {
    if (!alive) return;
    poked_ = false;
    Look();
  });
}

void Feed::LookAgain() {
  timer_ = loop_.After(kLookEvery, [this] { LookAgain(); });
  if (loop_.now() - asked_at_ >= kAskHostsEvery) AskHosts();
  Look();
}

void Feed::AskHosts() {
  if (std::exchange(asking_, true)) return;
  asked_at_ = loop_.now();
  source_.ask_hosts([this, alive = alive_.Watch()](const std::vector<HostReport>& hosts) {
    if (!alive) return;
    asking_ = false;
    hosts_ = hosts;
    Poke();
  });
}

void Feed::Look() {
  looks_again_ = looking_;
  if (std::exchange(looking_, true)) return;
  std::vector<std::function<void()>> waiting = std::exchange(waiting_, {});
  source_.look(hosts_, [this, alive = alive_.Watch(),
                        waiting = std::move(waiting)](absl::StatusOr<BoardState> state) {
    if (!alive) return;
    looking_ = false;
    Show(std::move(state));
    for (const std::function<void()>& then : waiting) then();
    if (std::exchange(looks_again_, false)) Look();
  });
}

void Feed::Show(absl::StatusOr<BoardState> state) {
  if (!state.ok()) {
    LogWarn("what there is to show: ", state.status().message());
    return;
  }
  if (!board_.Show(*std::move(state))) return;
  for (FeedWatcher* watcher : std::vector<FeedWatcher*>(watchers_.begin(), watchers_.end())) {
    if (watchers_.count(watcher) > 0) watcher->OnNews();
  }
}

}  // namespace iris
