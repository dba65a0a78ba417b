#include "coordinator/mcp/tell_run.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "common/failure/failure.h"
#include "coordinator/mcp/progress.h"

namespace iris {
namespace {

constexpr int64_t kTimeoutMsMax = int64_t{30} * 24 * 3600 * 1000;

class TellRun final : public ToolRun, private TellObserver {
 public:
  TellRun(EventLoop& loop, McpDesk& desk, TellSpec spec, int64_t timeout_ms, absl::Duration age,
          ToolListener& listener)
      : loop_(loop),
        desk_(desk),
        listener_(listener),
        tell_id_(spec.tell_id),
        spec_(std::move(spec)),
        timeout_ms_(timeout_ms),
        age_(age) {}

  ~TellRun() override {
    if (timer_ != 0) loop_.Cancel(timer_);
    if (following_) desk_.RemoveObserver(tell_id_, this);
  }

  void Start() override {
    if (timeout_ms_ < -1 || timeout_ms_ > kTimeoutMsMax) return Done(BadTimeout());
    following_ = true;
    starting_ = true;
    const absl::Status told = desk_.Tell(std::move(spec_), this);
    starting_ = false;
    if (!told.ok()) {
      following_ = false;
      return Done(told);
    }
    if (timeout_ms_ < 0) {
      return listener_.OnToolDone({.text = std::make_shared<const std::string>(tell_id_)});
    }
    if (outcome_.has_value()) {
      return listener_.OnToolDone({.status = outcome_->status, .text = outcome_->answer});
    }
    if (timeout_ms_ > 0) WaitAtMost(absl::Milliseconds(timeout_ms_) - age_);
  }

 private:
  void OnAccepted(const std::string&) override {}
  void OnProgress(const v1::TellProgress& progress) override {
    listener_.OnToolProgress(ProgressText(progress));
  }
  void OnSettled(const TellOutcome& outcome) override {
    following_ = false;
    // Known already: Tell() says so before it returns, and must not find this gone.
    if (starting_) {
      outcome_ = outcome;
      return;
    }
    listener_.OnToolDone({.status = outcome.status, .text = outcome.answer});
  }

  void WaitAtMost(absl::Duration left) {
    timer_ = loop_.After(std::max(left, absl::ZeroDuration()), [this] {
      timer_ = 0;
      Done(MakeFailure(
          v1::FAILURE_TIMEOUT,
          absl::StrCat("no answer within ", timeout_ms_, " ms; the team goes on with message ",
                       tell_id_),
          "Send the team another message to hear how it went: it is answered after this one. Or "
          "wait longer next time (timeout 0 waits until the answer is there)."));
    });
  }

  void Done(const absl::Status& status) {
    listener_.OnToolDone({.status = status, .text = nullptr});
  }

  static absl::Status BadTimeout() {
    return MakeFailure(v1::FAILURE_BAD_REQUEST,
                       absl::StrCat("timeout must be -1, 0 or at most ", kTimeoutMsMax, " ms"),
                       "0 waits until the answer is there, -1 does not wait.");
  }

  EventLoop& loop_;
  McpDesk& desk_;
  ToolListener& listener_;
  const std::string tell_id_;
  TellSpec spec_;  // Until Start().
  const int64_t timeout_ms_;
  const absl::Duration age_;
  bool starting_ = false;
  bool following_ = false;
  absl::optional<TellOutcome> outcome_;  // Heard while starting.
  EventLoop::TimerId timer_ = 0;
};

int64_t TimeoutMs(const ToolCall& call) {
  if (call.tool.verb == Tool::Verb::kQuick) return -1;
  const auto timeout = call.arguments.find("timeout");
  if (timeout == call.arguments.end()) return 0;
  // Read as what every integer fits into; what is out of range is refused.
  return static_cast<int64_t>(std::clamp(timeout->get<double>(), -2.0, 1e15));
}

}  // namespace

std::unique_ptr<ToolRun> MakeTellRun(EventLoop& loop, McpDesk& desk, ToolCall call,
                                     ToolListener& listener) {
  const int64_t timeout_ms = TimeoutMs(call);
  TellSpec spec{.tell_id = std::move(call.id),
                .from = call.arguments.at("fromTeam").get<std::string>(),
                .to = call.arguments.at("toTeam").get<std::string>(),
                .text = std::move(call.arguments.at("message").get_ref<std::string&>())};
  return std::make_unique<TellRun>(loop, desk, std::move(spec), timeout_ms, call.age, listener);
}

}  // namespace iris
