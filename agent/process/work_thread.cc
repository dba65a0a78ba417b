#include "agent/process/work_thread.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "common/process/thread.h"

namespace iris {

WorkThread::WorkThread(EventLoop& loop) : loop_(loop) {
  if (const absl::Status started = EnsureThread(); !started.ok()) LogWarn(started.message());
}

WorkThread::~WorkThread() {
  {
    absl::MutexLock lock(&jobs_->mutex);
    jobs_->stop = true;
  }
  if (thread_.joinable()) thread_.join();
  // Where there was no thread until the end.
  std::deque<Job> left;
  {
    absl::MutexLock lock(&jobs_->mutex);
    left = std::move(jobs_->queue);
  }
  for (Job& job : left) {
    if (!job.has_limit) job.work();
  }
}

absl::Status WorkThread::EnsureThread() {
  if (thread_.joinable()) return absl::OkStatus();
  absl::StatusOr<std::thread> thread =
      StartThread("looks at claims and transcripts", [this] { RunThread(); });
  if (!thread.ok()) return thread.status();
  thread_ = *std::move(thread);
  return absl::OkStatus();
}

void WorkThread::Run(absl::string_view what, absl::Duration within, Work work, Done done) {
  const bool has_limit = within < absl::InfiniteDuration();
  absl::Status can = EnsureThread();
  if (can.ok() && waiters_->size() >= kWaitingMax) {
    can = MakeFailure(v1::FAILURE_BUSY_LIMIT,
                      absl::StrCat(what, ": ", waiters_->size(), " others are waited for already"));
  }
  // What has no limit waits for a thread, and may be what makes room.
  if (!can.ok() && has_limit) {
    return loop_.Post([done = std::move(done), can]() mutable { done(can); });
  }
  const uint64_t id = ++last_id_;
  Waiter& waiter = (*waiters_)[id];
  waiter.what = std::string(what);
  waiter.done = std::move(done);
  if (has_limit) {
    waiter.timer = loop_.After(within, [waiters = waiters_, jobs = jobs_, id, within] {
      {
        absl::MutexLock lock(&jobs->mutex);
        const auto job = std::find_if(jobs->queue.begin(), jobs->queue.end(),
                                      [id](const Job& one) { return one.id == id; });
        if (job != jobs->queue.end()) jobs->queue.erase(job);
      }
      auto late = waiters->extract(id);
      late.mapped().done(absl::DeadlineExceededError(
          absl::StrCat(late.mapped().what, ": no answer within ", absl::FormatDuration(within))));
    });
  }
  Add(id, has_limit, std::move(work));
}

void WorkThread::Add(uint64_t id, bool has_limit, Work work) {
  absl::MutexLock lock(&jobs_->mutex);
  jobs_->queue.push_back({.id = id, .has_limit = has_limit, .work = std::move(work)});
}

void WorkThread::RunThread() {
  while (true) {
    Job job;
    {
      absl::MutexLock lock(&jobs_->mutex);
      jobs_->mutex.Await(absl::Condition(
          +[](Jobs* jobs) ABSL_EXCLUSIVE_LOCKS_REQUIRED(jobs->mutex) {
            return jobs->stop || !jobs->queue.empty();
          },
          jobs_.get()));
      if (jobs_->queue.empty()) return;
      job = std::move(jobs_->queue.front());
      jobs_->queue.pop_front();
      // Nobody waits for it any more, and nothing is left behind where it does not run.
      if (jobs_->stop && job.has_limit) continue;
    }
    job.work();
    loop_.Post([loop = &loop_, waiters = waiters_, id = job.id] {
      auto waiter = waiters->extract(id);
      if (waiter.empty()) return;  // It was late.
      if (waiter.mapped().timer != 0) loop->Cancel(waiter.mapped().timer);
      waiter.mapped().done(absl::OkStatus());
    });
  }
}

}  // namespace iris
