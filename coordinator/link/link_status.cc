#include "coordinator/link/link_status.h"

namespace iris {
namespace {

// Agents from before builds had numbers were asked in vain, and do not know how to say so.
constexpr char kTooOldToUpgrade[] =
    "it is too old to become a newer one in place; it is replaced at the next connection that "
    "finds it idle, or after `iris stop --agents`";

}  // namespace

absl::string_view LinkModeName(LinkMode mode) {
  switch (mode) {
    case LinkMode::kLocal:
      return "local";
    case LinkMode::kForward:
      return "forward";
    case LinkMode::kStdio:
      return "stdio";
  }
  return "?";
}

v1::LinkStatus::State ToProto(LinkState state) {
  switch (state) {
    case LinkState::kDown:
      return v1::LinkStatus::DOWN;
    case LinkState::kConnecting:
      return v1::LinkStatus::CONNECTING;
    case LinkState::kBootstrapping:
      return v1::LinkStatus::BOOTSTRAPPING;
    case LinkState::kUp:
      return v1::LinkStatus::UP;
    case LinkState::kSuspect:
      return v1::LinkStatus::SUSPECT;
    case LinkState::kEnding:
      return v1::LinkStatus::ENDING;
    case LinkState::kWaiting:
      return v1::LinkStatus::WAITING;
    case LinkState::kBlocked:
      return v1::LinkStatus::BLOCKED;
  }
  return v1::LinkStatus::STATE_UNSPECIFIED;
}

void ShowAgent(const v1::Hello& hello, v1::LinkStatus& status) {
  status.set_agent_build(hello.build());
  status.set_agent_pid(hello.pid());
  status.set_upgrade_refused(hello.build_number() == 0 ? kTooOldToUpgrade
                                                       : hello.upgrade_refused());
  status.set_hostname(hello.hostname());
  status.set_agent_socket(hello.socket_path());
  status.set_agent_data_dir(hello.data_dir());
}

void ShowFacts(const std::vector<LinkFact>& facts, v1::LinkStatus& status) {
  for (const LinkFact& known : facts) {
    v1::LinkFact& fact = *status.add_facts();
    fact.set_name(known.name);
    fact.set_value(known.value);
  }
}

}  // namespace iris
