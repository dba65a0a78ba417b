#include "coordinator/app/testing/fake_engine.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "coordinator/link/host_report.h"
#include "coordinator/transport/testing/fake_transport.h"

namespace iris {
namespace {

void Answer(FakeTransport& transport, const std::string& tell_id, const std::string& text) {
  if (absl::StartsWith(text, "hold")) return;
  const std::vector<std::string>& repeated = transport.repeated();
  const bool is_first_life = std::find(repeated.begin(), repeated.end(), tell_id) == repeated.end();
  if (absl::StartsWith(text, "deaf")) {
    if (is_first_life) transport.IgnoreCancels();
    return;
  }
  // Answered only in another life of the coordinator than the one that took it.
  if (absl::StartsWith(text, "outlive") && is_first_life) return;
  if (absl::StartsWith(text, "die")) {
    transport.Text(tell_id, "half an answer");
    transport.Settle(tell_id, MakeFailure(v1::FAILURE_CHILD_EXITED, "claude ended with signal 9"));
    return;
  }
  if (absl::StartsWith(text, "16MiB")) {
    EchoScript(transport, tell_id, std::string(16 << 20, 'x'));
    return;
  }
  EchoScript(transport, tell_id, text);
}

class FakeEngine final : public Engine {
 public:
  explicit FakeEngine(EventLoop& loop) : transports_(loop, Answer) {}

  TransportFactory& transports() override { return transports_; }
  std::vector<v1::LinkStatus> Links() const override {
    v1::LinkStatus link;
    link.set_key("local");
    link.add_teams("echo");
    link.set_state(v1::LinkStatus::UP);
    link.set_mode("local");
    link.set_agent_pid(4242);
    return {link};
  }
  void AskHosts(HostReportsDone done) override { done({}); }
  void KeepTeams(const std::set<std::string>&) override {}
  void StopAgents(bool, const SharedEnvironment&, StopAgentsDone done) override {
    done({"local"}, {});
  }

 private:
  FakeTransportFactory transports_;
};

}  // namespace

std::unique_ptr<Engine> MakeFakeEngine(EventLoop& loop, const EngineOptions&) {
  return std::make_unique<FakeEngine>(loop);
}

}  // namespace iris
