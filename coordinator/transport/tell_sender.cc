#include "coordinator/transport/tell_sender.h"

#include "absl/time/time.h"
#include "common/log/check.h"

namespace iris {
namespace {

constexpr absl::Duration kGiveAgain = absl::Seconds(1);

}  // namespace

bool TellSender::Send(bool launch_is_current, absl::string_view in_flight) {
  for (PendingTell& tell : tells_) {
    if (tell.on_stream) continue;
    if (!tell.sent && !launch_is_current) return false;
    if (!tell.given && !sink_.MayGive(tell.id)) {
      TryAgainLater();
      return true;
    }
    tell.on_stream = tell.given = true;
    const bool repeat = std::exchange(tell.sent, true) || repeats_all_;
    Check(calls_.stream() != nullptr, "a message is sent to a session that is not attached");
    calls_.stream()->SendTell(tell.id, tell.text, repeat, BeganElsewhere(tell, in_flight));
  }
  return true;
}

void TellSender::TryAgainLater() {
  if (timer_ != 0) return;
  timer_ = loop_.After(kGiveAgain, [this] {
    timer_ = 0;
    again_();
  });
}

}  // namespace iris
