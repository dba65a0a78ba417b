#ifndef IRIS_COORDINATOR_TRANSPORT_LAUNCH_OFFER_H_
#define IRIS_COORDINATOR_TRANSPORT_LAUNCH_OFFER_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "coordinator/config/config.h"
#include "coordinator/link/link.h"
#include "coordinator/transport/transport.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// How a session's host was asked to launch its claude, and with which environment the one that runs
// was launched. Not thread-safe.
class LaunchOffer {
 public:
  // How `team` is launched now for the caller `from`: for the host that is reached so.
  v1::LaunchSpec Make(const Team& team, absl::string_view from, const LinkLife& life);
  // The host has heard it, in this contact.
  void OnHeard() { is_heard_ = true; }
  // There is no contact any more: in the next one the host has to hear it again.
  void OnContactEnd() { is_heard_ = false; }
  // Somebody else asks for the team.
  void OnOtherAsker(const Team& team, absl::string_view from, const v1::Hello& hello);

  bool is_heard() const { return is_heard_; }
  // What the host heard holds for a tell that is sent now.
  bool is_current() const { return is_heard_ && !environment_is_old_; }

  // Of what was offered last.
  const EnvironmentNames& offered() const { return offered_; }
  // The child says which one it was started with: one that runs keeps its own, whatever was
  // offered.
  void LearnFrom(const v1::ChildInfo& child);
  // That the child was started with; without names where that is not known.
  const EnvironmentNames& given() const { return given_; }

 private:
  bool is_heard_ = false;
  size_t environment_hash_ = 0;  // Of the environment that the host heard last.
  bool environment_is_old_ = false;
  EnvironmentNames offered_, given_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_LAUNCH_OFFER_H_
