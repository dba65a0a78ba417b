#include "coordinator/transport/host_away.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/failure/failure.h"
#include "coordinator/kept/answers_kept.h"

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
absl::Status WaitedLongEnough(const HostAway& away, bool was_tried_again) {
  const Failure failure = ToProto(away.why);
  absl::string_view what = "nobody with the keys to the host asked in the ";
  if (was_tried_again) what = "the host took no login in the ";
  if (away.retries) what = "the host did not answer in the ";
  return MakeFailure(KindOf(away.why),
                     absl::StrCat(what, kAnswersKeptDays, " days that the message waited",
                                  away.retries ? " for it: " : ": ", failure.detail()),
                     failure.fix());
}

}  // namespace

bool IsTriedAgain(const LeftMessage& message, const HostAway& away) {
  return message.wait_for_host && message.has_waited && message.is_of_sender && !away.retries &&
         away.is_remote && KindOf(away.why) == v1::FAILURE_AUTH;
}

absl::Status EndWhileAway(const LeftMessage& message, const HostAway& away) {
  if (away.retries && away.host_is_known) return absl::OkStatus();
  const bool is_tried_again = IsTriedAgain(message, away);
  const bool waits = (away.retries && message.wait_for_host) || is_tried_again ||
                     (MayLackTheAsker(away) && (away.asker_is_newer || !message.is_of_sender ||
                                                (away.login_in.has_value() && message.has_waited)));
  if (waits) return message.is_overdue ? WaitedLongEnough(away, is_tried_again) : absl::OkStatus();
  return away.retries && away.is_remote ? CouldWait(away.why) : away.why;
}

std::string WhyItWaits(const HostAway& away, bool is_tried_again) {
  const Failure failure = ToProto(away.why);
  const std::string& detail = failure.detail();
  if (away.retries) return absl::StrCat("the host is out of reach, trying again: ", detail);
  if (is_tried_again) {
    return absl::StrCat(
        "the host is back and refuses the login, which is tried again every few "
        "minutes: ",
        detail, ". ", failure.fix().empty() ? FixFor(KindOf(failure)) : failure.fix());
  }
  if (away.login_in.has_value()) {
    return absl::StrCat("the message waits for the next login, which comes by itself: ", detail);
  }
  return absl::StrCat(
      "the message waits for somebody who asks for it from a terminal that has the keys to its "
      "host, as `iris tells` does: ",
      detail);
}

}  // namespace iris
