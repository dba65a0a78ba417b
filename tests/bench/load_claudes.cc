#include <sys/epoll.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "absl/time/clock.h"
#include "common/base/scoped_fd.h"
#include "tests/bench/json_member.h"
#include "tests/bench/line_process.h"
#include "tests/bench/load.h"
#include "tests/bench/stopwatch.h"

namespace iris::bench {
namespace {

constexpr int kSilentMsMax = 60'000;

struct Asked {
  std::unique_ptr<LineProcess> claude;
  Stopwatch watch;  // Since it was asked.
  int left;
};

class Load {
 public:
  explicit Load(const LoadPlan& plan) : plan_(plan), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

  absl::Status Add(const std::vector<std::string>& command) {
    absl::StatusOr<std::unique_ptr<LineProcess>> claude = StartClaude(command);
    if (!claude.ok()) return claude.status();
    epoll_event event = {.events = EPOLLIN, .data = {.u64 = asked_.size()}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, (*claude)->fd(), &event) != 0) {
      return absl::ErrnoToStatus(errno, "epoll_ctl");
    }
    asked_.push_back({.claude = *std::move(claude), .watch = {}, .left = plan_.each});
    return absl::OkStatus();
  }

  absl::StatusOr<LoadResult> Run() {
    const Stopwatch watch;
    while (open_ < plan_.at_once && next_ < asked_.size()) {
      if (absl::Status asked = Ask(asked_[next_++]); !asked.ok()) return asked;
    }
    while (open_ > 0) {
      epoll_event events[64];
      const int n = epoll_wait(epoll_.get(), events, 64, kSilentMsMax);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return absl::DeadlineExceededError("no claude says anything");
      for (int i = 0; i < n; ++i) {
        if (absl::Status read = Read(asked_[events[i].data.u64]); !read.ok()) return read;
      }
    }
    result_.took = watch.elapsed();
    return std::move(result_);
  }

 private:
  absl::Status Ask(Asked& one) {
    ++open_;
    --one.left;
    one.watch = Stopwatch();
    return one.claude->Write(MessageFor(plan_.question.text));
  }

  absl::Status Read(Asked& one) {
    if (absl::Status filled = one.claude->Fill(); !filled.ok()) return filled;
    std::string_view line;
    while (one.claude->TakeLine(line)) {
      if (!IsResult(line)) continue;
      result_.micros.push_back(absl::ToDoubleMicroseconds(one.watch.elapsed()));
      const std::string_view answer = JsonText(line, "result");
      const absl::Status right = CheckAnswer(plan_.question, {answer.data(), answer.size()});
      if (!right.ok()) return right;
      --open_;
      Asked* next = one.left > 0 ? &one : nullptr;
      if (next == nullptr && next_ < asked_.size()) next = &asked_[next_++];
      if (next == nullptr) continue;
      if (absl::Status asked = Ask(*next); !asked.ok()) return asked;
    }
    return absl::OkStatus();
  }

  const LoadPlan& plan_;
  const ScopedFd epoll_;
  std::vector<Asked> asked_;
  size_t next_ = 0;  // The first that was not asked yet.
  int open_ = 0;
  LoadResult result_;
};

}  // namespace

absl::StatusOr<LoadResult> LoadClaudes(const std::vector<std::vector<std::string>>& commands,
                                       const LoadPlan& plan) {
  Load load(plan);
  for (const std::vector<std::string>& command : commands) {
    if (absl::Status added = load.Add(command); !added.ok()) return added;
  }
  return load.Run();
}

}  // namespace iris::bench
