#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "absl/synchronization/notification.h"
#include "common/loop/event_loop.h"

namespace iris {
namespace {

constexpr uint64_t kWakeupToken = 0;

absl::Duration Monotonic() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::DurationFromTimespec(now);
}

uint32_t EpollEvents(EventLoop::Ready interest) {
  return (interest.readable ? uint32_t{EPOLLIN} : 0) | (interest.writable ? uint32_t{EPOLLOUT} : 0);
}

// The generation tells a callback for a descriptor that was unwatched, closed and reused within one
// round of epoll_wait from one for the new owner.
uint64_t Token(int fd, uint64_t generation) { return generation << 32 | static_cast<uint32_t>(fd); }

}  // namespace

EventLoop::EventLoop()
    : clock_(Monotonic),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wakeup_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!epoll_ || !wakeup_) throw std::system_error(errno, std::generic_category(), "event loop");
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kWakeupToken}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wakeup_.get(), &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "event loop");
  }
}

EventLoop::~EventLoop() = default;

void EventLoop::Post(Task task, CodePlace from) {
  Enqueue(Posted{std::move(task), from, OrdinaryKind()});
}

void EventLoop::Enqueue(Posted posted) {
  {
    absl::MutexLock lock(&mutex_);
    posted_.push_back(std::move(posted));
    // The wake-up for the first is still under way.
    if (posted_.size() > 1 || !wakeup_) return;
  }
  const uint64_t one = 1;
  (void)!write(wakeup_.get(), &one, sizeof(one));  // Full = a wake-up is pending anyway.
}

void EventLoop::Stop() {
  Post([this] {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  });
}

bool EventLoop::OnLoop() const { return std::this_thread::get_id() == loop_thread_; }

void EventLoop::CheckThread() const {
  const std::thread::id at = loop_thread_;
  if (at != std::thread::id() && at != std::this_thread::get_id()) std::abort();
}

bool EventLoop::RunPosted() {
  std::vector<Posted> all;
  {
    absl::MutexLock lock(&mutex_);
    all.swap(posted_);
  }
  for (Posted& posted : all) {
    const WatchedCallback watched(posted.from, posted.kind);
    Task task = std::move(posted.task);  // Freed with what it holds before the next one runs.
    task();
  }
  return !all.empty();
}

EventLoop::TimerId EventLoop::After(absl::Duration delay, Task task, CodePlace from) {
  CheckThread();
  // Rounded up: a task that runs a fraction of a nanosecond early, finds that nothing is due and
  // asks again would do so for ever by a clock that stands still meanwhile.
  const absl::Duration at = clock_() + std::max(delay, absl::ZeroDuration());
  const int64_t due = absl::ToInt64Nanoseconds(absl::Ceil(at, absl::Nanoseconds(1)));
  const TimerId id = next_timer_++;
  timer_by_id_[id] = timers_.emplace(due, Timer{id, std::move(task), from});
  return id;
}

bool EventLoop::Cancel(TimerId id) {
  CheckThread();
  const auto found = timer_by_id_.find(id);
  if (found == timer_by_id_.end()) return false;
  timers_.erase(found->second);
  timer_by_id_.erase(found);
  return true;
}

bool EventLoop::RunDueTimers() {
  const int64_t now = absl::ToInt64Nanoseconds(clock_());
  bool any = false;
  while (!timers_.empty() && timers_.begin()->first <= now) {
    Timer timer = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    timer_by_id_.erase(timer.id);
    const WatchedCallback watched(timer.from, OrdinaryKind());
    std::move(timer.task)();
    any = true;
  }
  return any;
}

absl::optional<absl::Duration> EventLoop::next_timer() const {
  if (timers_.empty()) return absl::nullopt;
  return absl::Nanoseconds(timers_.begin()->first);
}

bool EventLoop::RunReady() {
  loop_thread_ = std::this_thread::get_id();
  const bool posted = RunPosted();
  return RunDueTimers() || posted;
}

int EventLoop::MillisToNextTimer() const {
  if (timers_.empty()) return -1;
  const int64_t left_ns = timers_.begin()->first - absl::ToInt64Nanoseconds(clock_());
  if (left_ns <= 0) return 0;
  return static_cast<int>(std::min<int64_t>(left_ns / 1'000'000 + 1, 3'600'000));
}

int EventLoop::Control(int operation, int fd, Ready interest, uint64_t generation) const {
  epoll_event event{.events = EpollEvents(interest), .data = {.u64 = Token(fd, generation)}};
  return epoll_ctl(epoll_.get(), operation, fd, &event) == 0 ? 0 : errno;
}

absl::Status EventLoop::Watch(int fd, Ready interest, FdCallback callback, CodePlace from) {
  CheckThread();
  if (watched_.contains(fd)) {
    ChangeInterest(fd, interest);
    return absl::OkStatus();
  }
  const uint64_t generation = next_generation_++ & 0x7FFFFFFF;
  const int error =
      watched_.size() < watched_max_ ? Control(EPOLL_CTL_ADD, fd, interest, generation) : ENOSPC;
  if (error == ENOSPC) return absl::ErrnoToStatus(error, "epoll, by fs.epoll.max_user_watches");
  if (error == ENOMEM) return absl::ErrnoToStatus(error, "epoll");
  if (error != 0) std::abort();  // It is closed, or not of a kind that polls: a bug of ours.
  watched_[fd] = {generation, std::make_shared<FdCallback>(std::move(callback)), from};
  return absl::OkStatus();
}

void EventLoop::ChangeInterest(int fd, Ready interest) {
  CheckThread();
  const auto found = watched_.find(fd);
  if (found == watched_.end() ||
      Control(EPOLL_CTL_MOD, fd, interest, found->second.generation) != 0) {
    std::abort();  // Not watched, or closed meanwhile: a bug of ours.
  }
}

void EventLoop::Unwatch(int fd) {
  CheckThread();
  if (watched_.erase(fd) > 0) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void EventLoop::Dispatch(uint64_t token, uint32_t events) {
  const auto found = watched_.find(static_cast<int>(token & 0xFFFFFFFF));
  if (found == watched_.end() || found->second.generation != token >> 32) return;
  const WatchedCallback watched(found->second.from, OrdinaryKind());
  const std::shared_ptr<FdCallback> callback = found->second.callback;  // It may unwatch itself.
  const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  (*callback)({.readable = broken || (events & EPOLLIN) != 0,
               .writable = broken || (events & EPOLLOUT) != 0});
}

void EventLoop::Run() {
  loop_thread_ = std::this_thread::get_id();
  epoll_event events[64];
  while (true) {
    const int count = epoll_wait(epoll_.get(), events, 64, MillisToNextTimer());
    if (count < 0 && errno != EINTR) std::abort();
    for (int i = 0; i < count; ++i) {
      if (events[i].data.u64 == kWakeupToken) {
        uint64_t drained;
        (void)!read(wakeup_.get(), &drained, sizeof(drained));
        RunPosted();
      } else {
        Dispatch(events[i].data.u64, events[i].events);
      }
    }
    RunDueTimers();
    absl::MutexLock lock(&mutex_);
    if (stop_) break;
  }
  loop_thread_ = std::thread::id();
}

void LoopThread::Run(absl::FunctionRef<void()> task) {
  if (std::this_thread::get_id() == thread_.get_id()) std::abort();
  absl::Notification done;
  const auto run = [&] {
    task();
    done.Notify();
  };
  loop_.Enqueue(EventLoop::Posted{run, CodePlace::Here(), CallbackWatch::Kind::kExempt});
  done.WaitForNotification();
}

}  // namespace iris
