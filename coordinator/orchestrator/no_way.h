#ifndef IRIS_COORDINATOR_ORCHESTRATOR_NO_WAY_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_NO_WAY_H_

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/progress.h"

namespace iris {

// The store or this machine fails, and a later start finds what this one does not.
inline bool SaysNothingOfTheTeam(const absl::Status& why) {
  return KindOf(why) == v1::FAILURE_STORAGE || KindOf(why) == v1::FAILURE_BUSY_LIMIT;
}

// Why a message waits where the configuration loads: for whoever asks the team is another one.
inline absl::Status AwaitsItsSendersVariables() {
  return MakeFailure(v1::FAILURE_BAD_REQUEST,
                     "what the configuration says of the team depends on variables of who sent "
                     "it, and nobody has asked for the message who has the same");
}

inline v1::TellProgress NotItsSendersVariables() {
  return ToProto({.text = "the message waits for somebody with the variables that its sender had, "
                          "on which the settings of its team depend, and who asks for it as `iris "
                          "tells` does"});
}

// How a message ends that was accepted, and to whose team there is no way any more: `why`. `given`:
// its host may have it.
inline absl::Status NoWay(const absl::Status& why, bool given) {
  return MakeFailure(
      v1::FAILURE_DROPPED,
      absl::StrCat("there is no way any more to the team that the message was accepted for: ",
                   ToProto(why).detail()),
      given ? "Look at what the team did before you send the message again." : "Send it again.");
}

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_NO_WAY_H_
