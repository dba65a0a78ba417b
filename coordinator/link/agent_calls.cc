#include "coordinator/link/agent_calls.h"

#include <utility>

#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace iris {
namespace {

constexpr absl::Duration kAskHost = absl::Seconds(1);
constexpr absl::Duration kListSessions = absl::Seconds(15);
constexpr absl::Duration kEndAgent = absl::Seconds(15);

}  // namespace

std::string AgentOf(const v1::Hello& hello) {
  return absl::StrJoin(
      {hello.host_id(), hello.boot_id(), hello.pid_namespace(), hello.user(), hello.socket_path()},
      absl::string_view("\0", 1));
}

// The two questions go at once; a host that fails one of them has no report.
void AskHost(const std::shared_ptr<LinkLife>& life,
             std::function<void(absl::optional<HostReport>)> done) {
  struct Answers {
    HostReport report;
    int left = 2;
    bool good = true;
    std::function<void(absl::optional<HostReport>)> done;
  };
  auto answers = std::make_shared<Answers>();
  answers->done = std::move(done);
  const auto one_done = [answers, life](bool good) {
    answers->good = answers->good && good;
    if (--answers->left > 0) return;
    answers->done(answers->good ? absl::make_optional(std::move(answers->report)) : absl::nullopt);
  };
  life->channel->GetHost({}, kAskHost,
                         [answers, one_done](absl::StatusOr<v1::GetHostResponse> host) {
                           const bool good = host.ok();
                           if (good) answers->report.host = *std::move(host);
                           one_done(good);
                         });
  life->channel->List({}, kAskHost, [answers, one_done](absl::StatusOr<v1::ListResponse> sessions) {
    const bool good = sessions.ok();
    if (good) answers->report.sessions = *std::move(sessions);
    one_done(good);
  });
}

void ListSessions(const std::shared_ptr<LinkLife>& life,
                  AgentChannel::Done<v1::ListResponse> done) {
  life->channel->List({}, kListSessions,
                      [life, done = std::move(done)](absl::StatusOr<v1::ListResponse> sessions) {
                        done(std::move(sessions));
                      });
}

void EndAgent(const std::shared_ptr<LinkLife>& life, const v1::ShutdownRequest& request,
              AgentChannel::Done<v1::ShutdownResponse> done) {
  life->channel->Shutdown(request, kEndAgent,
                          [life, done = std::move(done)](absl::StatusOr<v1::ShutdownResponse> end) {
                            done(std::move(end));
                          });
}

}  // namespace iris
