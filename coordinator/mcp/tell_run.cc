#include "coordinator/mcp/tell_run.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/types/optional.h"
#include "common/failure/failure.h"
#include "common/json/peer_json.h"
#include "coordinator/mcp/json_runs.h"
#include "coordinator/mcp/progress.h"

namespace iris {
namespace {

constexpr int64_t kTimeoutMsMax = int64_t{30} * 24 * 3600 * 1000;

// Follows a tell, submitted now or before, until its outcome is there or the caller has waited
// enough.
class TellRun final : public ToolRun, private TellObserver {
 public:
  // Submits the tell, or finds it.
  using Begin = std::function<absl::Status(TellObserver*)>;
  struct Wait {
    int64_t timeout_ms;
    absl::Duration age;  // Of the call.
    bool submits;        // The tell, and does not find it: who does not wait gets the id then.
  };

  TellRun(EventLoop& loop, Desk& desk, std::string tell_id, Begin begin, Wait wait,
          ToolListener& listener)
      : loop_(loop),
        desk_(desk),
        listener_(listener),
        tell_id_(std::move(tell_id)),
        begin_(std::move(begin)),
        wait_(wait) {}

  ~TellRun() override {
    if (timer_ != 0) loop_.Cancel(timer_);
    if (following_) desk_.RemoveObserver(tell_id_, this);
  }

  void Start() override {
    if (wait_.timeout_ms < -1 || wait_.timeout_ms > kTimeoutMsMax) return Done(BadTimeout());
    following_ = true;
    starting_ = true;
    const absl::Status begun = std::exchange(begin_, nullptr)(this);
    starting_ = false;
    if (!begun.ok()) {
      following_ = false;
      return Done(begun);
    }
    if (gives_id()) {
      if (accepted_) GiveId();
      return;
    }
    if (outcome_.has_value()) return Done(*outcome_);
    if (wait_.timeout_ms < 0) return Done(TimedOut("there is no answer yet"));
    if (wait_.timeout_ms > 0) WaitAtMost(absl::Milliseconds(wait_.timeout_ms) - wait_.age);
  }

 private:
  void OnAccepted(const std::string&) override {
    accepted_ = true;
    if (wait_.submits) listener_.OnToolAccepted();
    if (starting_ || !gives_id()) return;
    // Not from inside, which this may not outlive.
    timer_ = loop_.After(absl::ZeroDuration(), [this] {
      timer_ = 0;
      GiveId();
    });
  }
  void OnRefused(const absl::Status& why) override {
    following_ = false;
    Done(why);
  }
  void OnProgress(const v1::TellProgress& progress) override {
    listener_.OnToolProgress(NewsOf(progress, absl::Now()));
  }
  void OnSettled(const TellOutcome& outcome) override {
    following_ = false;
    // Known already: begin_() says so before it returns, and must not find this gone.
    if (starting_ || gives_id()) {
      outcome_ = outcome;
      return;
    }
    Done(outcome);
  }

  void WaitAtMost(absl::Duration left) {
    timer_ = loop_.After(std::max(left, absl::ZeroDuration()), [this] {
      timer_ = 0;
      Done(TimedOut(absl::StrCat("no answer within ", wait_.timeout_ms, " ms")));
    });
  }

  absl::Status TimedOut(absl::string_view what) const {
    return MakeFailure(v1::FAILURE_TIMEOUT,
                       absl::StrCat(what, "; the team keeps working on message ", tell_id_),
                       absl::StrCat("tell_wait with tellId ", tell_id_,
                                    " returns the answer; tell_status shows the progress, "
                                    "tell_cancel cancels the message."));
  }

  // Who does not wait for the answer gets the id, once the tell is stored.
  bool gives_id() const { return wait_.timeout_ms < 0 && wait_.submits; }
  void GiveId() { listener_.OnToolDone({.text = std::make_shared<const std::string>(tell_id_)}); }

  void Done(const TellOutcome& outcome) {
    listener_.OnToolDone({.status = outcome.status,
                          .text = outcome.answer,
                          .structured_bytes = outcome.structured_bytes,
                          .account = outcome.account,
                          .outcome_of = tell_id_});
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
  Desk& desk_;
  ToolListener& listener_;
  const std::string tell_id_;
  Begin begin_;  // Until Start().
  const Wait wait_;
  bool starting_ = false;
  bool following_ = false;
  bool accepted_ = false;
  absl::optional<TellOutcome> outcome_;  // Heard while starting.
  EventLoop::TimerId timer_ = 0;
};

int64_t TimeoutMs(const ToolCall& call) {
  if (call.tool.verb == Tool::Verb::kQuick) return -1;
  const Json& timeout = MemberOf(call.arguments, "timeout");
  if (timeout.is_null()) return 0;
  // Read as what every integer fits into; what is out of range is refused.
  return static_cast<int64_t>(std::clamp(timeout.get<double>(), -2.0, 1e15));
}

bool WaitsForLimit(const ToolCall& call) { return FlagArgument(call, "waitForLimit"); }

bool WaitsForHost(const ToolCall& call) {
  const std::string when_away = TextArgument(call, "whenAway");
  return when_away.empty() ? TimeoutMs(call) < 0 : when_away == "wait";
}

}  // namespace

std::unique_ptr<ToolRun> MakeTellRun(EventLoop& loop, Desk& desk, ToolCall call,
                                     ToolListener& listener) {
  const TellRun::Wait wait = {.timeout_ms = TimeoutMs(call), .age = call.age, .submits = true};
  TellSpec spec{.tell_id = std::move(call.id),
                .from = call.visitor.caller,
                .to = call.arguments.at("toTeam").get<std::string>(),
                .text = std::move(call.arguments.at("message").get_ref<std::string&>()),
                .wait_for_limit = WaitsForLimit(call),
                .wait_for_host = WaitsForHost(call),
                .accepted_before = call.accepted_before,
                .asker_session = call.visitor.claude_session,
                .asker_waits = wait.timeout_ms == 0,
                .environment = call.visitor.environment};
  const std::string tell_id = spec.tell_id;
  auto submit = [&desk, spec = std::move(spec)](TellObserver* observer) mutable {
    return desk.Tell(std::move(spec), observer);
  };
  return std::make_unique<TellRun>(loop, desk, tell_id, std::move(submit), wait, listener);
}

std::unique_ptr<ToolRun> MakeTellWaitRun(EventLoop& loop, Desk& desk, const ToolCall& call,
                                         ToolListener& listener) {
  const TellRun::Wait wait = {.timeout_ms = TimeoutMs(call), .age = call.age, .submits = false};
  const std::string tell_id = TellIdArgument(call);
  const bool asker_waits = wait.timeout_ms == 0;
  auto find = [&desk, tell_id, visitor = call.visitor, asker_waits](TellObserver* observer) {
    return desk.Follow(tell_id, visitor, asker_waits, observer);
  };
  return std::make_unique<TellRun>(loop, desk, tell_id, find, wait, listener);
}

}  // namespace iris
