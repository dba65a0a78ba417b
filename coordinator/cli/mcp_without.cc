#include "coordinator/cli/mcp_without.h"

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "common/loop/event_loop.h"
#include "coordinator/desk/desk.h"
#include "coordinator/mcp/message.h"
#include "coordinator/mcp/outgoing.h"
#include "coordinator/mcp/session.h"
#include "coordinator/mcp/sink.h"

namespace iris {
namespace {

// Has nothing to give but the reason.
class ClosedDesk final : public Desk {
 public:
  explicit ClosedDesk(absl::Status why) : why_(std::move(why)) {}

  absl::Status Tell(TellSpec, TellObserver*) override { return why_; }
  absl::Status Follow(const std::string&, const Visitor&, bool, TellObserver*) override {
    return why_;
  }
  void RemoveObserver(const std::string&, TellObserver*) override {}
  absl::StatusOr<v1::TellSummary> Find(const std::string&, const Caller&) override { return why_; }
  void List(const Caller&, bool, const SharedEnvironment&, ListDone done) override { done(why_); }
  absl::StatusOr<std::vector<Store::WaitingAnswer>> Unread(const Caller&) override { return why_; }
  absl::Status MarkRead(const std::string&, const Caller&) override { return why_; }
  void Cancel(const std::string&, const Visitor&, CancelDone done) override { done(why_); }
  void AnswerPermission(const v1::AnswerPermissionRequest&, AnswerDone done) override {
    done(why_);
  }
  void Wake(const Visitor&, const std::string&, bool, WakeDone done) override { done(why_); }
  void Sleep(const Visitor&, const std::string&, bool, SleepDone done) override { done(why_); }
  absl::StatusOr<v1::ListTeamsResponse> Teams(const Visitor&) override { return why_; }
  absl::Status ConfigProblem(const SharedEnvironment&) override { return absl::OkStatus(); }
  void Status(StatusDone done) override { done(why_); }
  void Stop(const StopSpec&, StopDone done) override { done({}); }

 private:
  const absl::Status why_;
};

// Puts messages together, as an McpStream does.
class Answers final : public McpSink {
 public:
  explicit Answers(const std::function<void(McpAnswer answer)>& on_answer)
      : on_answer_(on_answer) {}

  void Send(McpOutgoing message) override {
    while (!message.done()) json_ += message.NextPiece();
    if (message.continues) return;
    on_answer_({.json = std::exchange(json_, std::string()),
                .settles = message.settles,
                .opening = message.opening,
                .accepted = message.accepted,
                .accepted_member = message.accepted_member});
  }

 private:
  const std::function<void(McpAnswer answer)>& on_answer_;
  std::string json_;
};

}  // namespace

void AnswerWithoutCoordinator(const std::vector<UnsettledLines::ToSendLine>& lines,
                              const absl::Status& why,
                              const std::function<void(McpAnswer answer)>& on_answer) {
  EventLoop loop;  // Never run: nothing is waited for.
  ClosedDesk desk(why);
  Answers answers(on_answer);
  McpSession session(loop, desk, answers);
  for (const UnsettledLines::ToSendLine& kept : lines) {
    if (kept.accepted.any) continue;
    session.Take({.id = kept.line->id,
                  .age = absl::Now() - kept.line->read_at,
                  .incoming = ParseMcp(kept.line->json)});
  }
}

}  // namespace iris
