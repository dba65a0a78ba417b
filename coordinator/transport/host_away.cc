#include "coordinator/transport/host_away.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/failure/failure.h"
#include "coordinator/store/answers_kept.h"

namespace iris {
namespace {

// What another environment may mend: keys in an ssh-agent, a variable that ssh's configuration
// names.
bool MayLackTheAsker(const HostAway& away) {
  const FailureKind kind = KindOf(away.why);
  return !away.retries && away.is_remote &&
         (kind == v1::FAILURE_AUTH || kind == v1::FAILURE_BAD_REQUEST);
}

// Of a message that did not wait for its host: it could have.
absl::Status CouldWait(const absl::Status& why) {
  const FailureKind kind = KindOf(why);
  const bool is_away =
      kind == v1::FAILURE_UNREACHABLE || kind == v1::FAILURE_TIMEOUT || kind == v1::FAILURE_DROPPED;
  if (!is_away) return why;
  const Failure failure = ToProto(why);
  const absl::string_view fix =
      failure.fix().empty() ? FixFor(kind) : absl::string_view(failure.fix());
  return MakeFailure(kind, failure.detail(),
                     absl::StrCat(fix,
                                  " Or leave the message for the host, until it is back, for up "
                                  "to ",
                                  kAnswersKeptDays,
                                  " days: `iris tell --when-away wait`, or whenAway \"wait\" in "
                                  "the MCP tools."));
}

// Of one that did, as long as it could.
absl::Status WaitedLongEnough(const HostAway& away) {
  const Failure failure = ToProto(away.why);
  return MakeFailure(KindOf(away.why),
                     absl::StrCat(away.retries ? "the host did not answer in the "
                                               : "nobody with the keys to the host asked in the ",
                                  kAnswersKeptDays, " days that the message waited",
                                  away.retries ? " for it: " : ": ", failure.detail()),
                     failure.fix());
}

}  // namespace

absl::Status EndWhileAway(const LeftMessage& message, const HostAway& away) {
  if (away.retries && away.host_is_known) return absl::OkStatus();
  const bool waits = (away.retries && message.wait_for_host) ||
                     (MayLackTheAsker(away) && (away.asker_is_newer || !message.is_of_sender));
  if (waits) return message.is_overdue ? WaitedLongEnough(away) : absl::OkStatus();
  return away.retries && away.is_remote ? CouldWait(away.why) : away.why;
}

std::string WhyItWaits(const HostAway& away) {
  const std::string detail = ToProto(away.why).detail();
  if (away.retries) return absl::StrCat("the host is out of reach, trying again: ", detail);
  return absl::StrCat(
      "the message waits for somebody who asks for it from a terminal that has the keys to its "
      "host, as `iris tells` does: ",
      detail);
}

}  // namespace iris
