#include "coordinator/app/agent_engine.h"

#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "coordinator/app/program_path.h"
#include "coordinator/bootstrap/agent_bundle.h"
#include "coordinator/link/link_table.h"
#include "coordinator/transport/agent_transport_factory.h"

namespace iris {
namespace {

// "user@host", shown to a coordinator that finds a session taken.
std::string Label() {
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  const char* user = getenv("USER");
  return absl::StrCat(user != nullptr ? user : absl::StrCat("uid ", getuid()), "@", host);
}

class AgentEngine final : public Engine {
 public:
  AgentEngine(EventLoop& loop, const EngineOptions& options)
      : bundle_(AgentBundle::Find(DefaultBundleDirectories(options.agent_bundle, ProgramPath()))),
        links_(MakeLinkTable(loop, {.bundle = bundle_.get(),
                                    .iris_home = options.iris_home,
                                    .runtime_dir = options.runtime_dir})),
        transports_(MakeTransportFactory(loop, *links_,
                                         {.id = options.coordinator_id, .label = Label()})) {}

  TransportFactory& transports() override { return *transports_; }
  std::vector<v1::LinkStatus> Links() const override { return links_->Status(); }
  void Lend(const std::map<std::string, std::string>& env) override { links_->Lend(env); }
  void StopAgents(std::function<void(int, std::vector<std::string>)> done) override {
    links_->StopAgents(std::move(done));
  }

 private:
  const std::unique_ptr<AgentBundle> bundle_;
  const std::unique_ptr<LinkTable> links_;
  const std::unique_ptr<TransportFactory> transports_;
};

}  // namespace

std::unique_ptr<Engine> MakeAgentEngine(EventLoop& loop, const EngineOptions& options) {
  return std::make_unique<AgentEngine>(loop, options);
}

}  // namespace iris
