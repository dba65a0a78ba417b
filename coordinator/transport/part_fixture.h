#ifndef IRIS_COORDINATOR_TRANSPORT_PART_FIXTURE_H_
#define IRIS_COORDINATOR_TRANSPORT_PART_FIXTURE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/transport/cancelled_tells.h"
#include "coordinator/transport/child_ending.h"
#include "coordinator/transport/child_report.h"
#include "coordinator/transport/contact_fixture.h"
#include "coordinator/transport/pending_tells.h"
#include "coordinator/transport/transport.h"
#include "coordinator/transport/turn_relay.h"

namespace iris {

// For the tests of what stands on a session's contact: the parts of a transport that they need, and
// the test in place of the rest.
class TransportPartFixture : public ContactFixture {
 protected:
  HostNeeds Needs() const override {
    return {.tells = !tells_.empty(),
            .given = tells_.any_given(),
            .cancels = !cancels_.empty(),
            .start = child_.is_awaited(),
            .end = ending_.asked(),
            .ended = ending_.is_answered(),
            .other_lease = ending_.may_still_come()};
  }
  void CloseChild() override { ending_.Close(); }
  ~TransportPartFixture() override { contact_->Handle(TransportEvent::kDone); }

  PendingTells tells_;
  TurnRelay turns_{loop_, tells_, SessionKey{}, ReadMark{}, sink_, nullptr};
  ChildReport child_{"session", turns_.progress(), sink_};
  CancelledTells cancels_{loop_, *contact_, tells_, turns_, child_, sink_};
  ChildEnding ending_{loop_,
                      *contact_,
                      tells_,
                      turns_,
                      child_,
                      [this] { Heard("seeks for the end"); },
                      [this](const absl::Status& why) {
                        Heard(absl::StrCat("gives up: ", KindName(KindOf(why))));
                      }};
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_PART_FIXTURE_H_
