#include "coordinator/link/agent_calls.h"

#include <utility>

#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace iris {
namespace {

constexpr absl::Duration kAskHost = absl::Seconds(1);
constexpr absl::Duration kListSessions = absl::Seconds(15);
constexpr absl::Duration kEndAgent = absl::Seconds(15);

}  // namespace

std::string AgentOf(const v1::Hello& hello) {
  return absl::StrJoin({hello.host_id(), hello.boot_id(), hello.pid_namespace(), hello.user(),
                        hello.socket_path()},
                       absl::string_view("\0", 1));
}

// The two questions go at once; a host that fails one of them has no report.
void AskHost(EventLoop& loop, OutstandingCalls& calls, const std::shared_ptr<LinkLife>& life,
             std::function<void(absl::optional<HostReport>)> done) {
  using HostCall = UnaryCall<v1::GetHostRequest, v1::GetHostResponse>;
  using ListCall = UnaryCall<v1::ListRequest, v1::ListResponse>;
  struct Answers {
    HostReport report;
    int left = 2;
    bool good = true;
    std::function<void(absl::optional<HostReport>)> done;
  };
  auto answers = std::make_shared<Answers>();
  answers->done = std::move(done);
  const auto one_done = [answers, life](const grpc::Status& status) {
    answers->good = answers->good && status.ok();
    if (--answers->left > 0) return;
    answers->done(answers->good ? absl::make_optional(std::move(answers->report)) : absl::nullopt);
  };
  const absl::Time deadline = absl::Now() + kAskHost;
  const auto host = HostCall::Make(
      loop, calls, deadline, [answers, one_done](HostCall& call, const grpc::Status& status) {
        answers->report.host = std::move(call.response);
        one_done(status);
      });
  life->stub->async()->GetHost(&host->context, &host->request, &host->response, host->Done());
  const auto list = ListCall::Make(
      loop, calls, deadline, [answers, one_done](ListCall& call, const grpc::Status& status) {
        answers->report.sessions = std::move(call.response);
        one_done(status);
      });
  life->stub->async()->List(&list->context, &list->request, &list->response, list->Done());
}

void ListSessions(EventLoop& loop, OutstandingCalls& calls, const std::shared_ptr<LinkLife>& life,
                  std::function<void(const grpc::Status&, const v1::ListResponse&)> done) {
  using Call = UnaryCall<v1::ListRequest, v1::ListResponse>;
  const std::shared_ptr<Call> call =
      Call::Make(loop, calls, absl::Now() + kListSessions,
                 [life, done = std::move(done)](Call& call, const grpc::Status& status) {
                   done(status, call.response);
                 });
  life->stub->async()->List(&call->context, &call->request, &call->response, call->Done());
}

void EndAgent(EventLoop& loop, OutstandingCalls& calls, const std::shared_ptr<LinkLife>& life,
              const v1::ShutdownRequest& request,
              std::function<void(const grpc::Status&, const v1::ShutdownResponse&)> done) {
  using Call = UnaryCall<v1::ShutdownRequest, v1::ShutdownResponse>;
  const std::shared_ptr<Call> call =
      Call::Make(loop, calls, absl::Now() + kEndAgent,
                 [life, done = std::move(done)](Call& call, const grpc::Status& status) {
                   done(status, call.response);
                 });
  call->request = request;
  life->stub->async()->Shutdown(&call->context, &call->request, &call->response, call->Done());
}

}  // namespace iris
