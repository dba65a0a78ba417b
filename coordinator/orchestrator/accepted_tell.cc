#include "coordinator/orchestrator/accepted_tell.h"

#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "common/log/check.h"

namespace iris {

AcceptedTell::AcceptedTell(const NewTell& added, absl::Time accepted_at, SharedEnvironment sender)
    : id_(added.tell_id),
      session_id_(added.session_id),
      accepted_at_(accepted_at),
      wait_for_limit_(added.wait_for_limit),
      wait_for_host_(added.wait_for_host),
      giving_(Giving::OfNew(added.state == TellState::kRunning)),
      asker_(added.way, std::move(sender)) {}

AcceptedTell::AcceptedTell(const StoredTell& stored, std::string answer)
    : id_(stored.tell_id),
      session_id_(stored.session_id),
      accepted_at_(stored.accepted_at),
      wait_for_limit_(stored.wait_for_limit),
      wait_for_host_(stored.wait_for_host),
      limit_waits_(stored.limit_waits),
      giving_(Giving::OfEarlierLife(stored.state == TellState::kRunning)),
      asker_(stored.way) {
  answer_.Restore(std::move(answer));
  // What a team may have does not wait any more.
  if (stored.state == TellState::kQueued) not_before_ = stored.not_before;
}

LeftMessage AcceptedTell::Left(const HostAway& away, absl::Time now,
                               absl::Duration host_wait_max) const {
  return {
      .wait_for_host = wait_for_host_ && away.is_remote,
      .is_overdue = IsOverdue(now, host_wait_max),
      .is_of_sender = asker_.is_sender() && IsSame(asker_.environment(), away.environment),
      // What an earlier life took has waited there, most likely.
      .has_waited = has_waited_ || giving_.may_be_there(),
  };
}

bool AcceptedTell::IsFollowedBy(const TellObserver* observer) const {
  return absl::c_linear_search(observers_, observer);
}

void AcceptedTell::SetProgress(v1::TellProgress progress) {
  progress_ = std::move(progress);
  progress_at_ = absl::Now();
}

// What was said a while ago, with the seconds since.
absl::optional<v1::TellProgress> AcceptedTell::Progress() const {
  absl::optional<v1::TellProgress> progress = progress_;
  if (!progress.has_value() || progress->working_ms() == 0) return progress;
  progress->set_working_ms(progress->working_ms() +
                           absl::ToInt64Milliseconds(absl::Now() - progress_at_));
  return progress;
}

absl::optional<absl::Time> AcceptedTell::WhenToSendAgain(const absl::Status& outcome,
                                                         absl::Time now,
                                                         const LimitWaits& bounds) const {
  const bool may_wait = wait_for_limit_ && cancels_.empty();
  if (!may_wait || KindOf(outcome) != v1::FAILURE_RATE_LIMITED) return absl::nullopt;
  return iris::WhenToSendAgain(ToProto(outcome).rate_limit(), limit_waits_, accepted_at_, now,
                               bounds);
}

void AcceptedTell::End(const absl::Status& outcome, size_t bytes_max) {
  Check(!is_over(), "a message ends twice");
  outcome_ = outcome;
  answer_.Finish(bytes_max, outcome.ok());
}

void AcceptedTell::PutOff(const absl::Status& outcome, absl::Time until, size_t bytes_max) {
  End(outcome, bytes_max);
  put_off_until_ = until;
}

void AcceptedTell::SendAgain() {
  Check(is_put_off(), "a message is put off that is not to be");
  ++limit_waits_;
  not_before_ = *std::exchange(put_off_until_, absl::nullopt);
  outcome_.reset();
  giving_.SendAgain();
  answer_.StartAnew();
}

std::variant<TellEnd, Postponement> AcceptedTell::Outcome() {
  Check(is_over(), "the end is stored of a message that is not over");
  if (is_put_off()) return Postponement{id_, *put_off_until_, limit_waits_ + 1};
  std::shared_ptr<const std::string> answer = answer_.Whole();
  const Settlement settlement{.tell_id = id_,
                              .outcome = *outcome_,
                              .answer = *answer,
                              .structured_bytes = answer_.structured_bytes(),
                              .account = answer_.account(),
                              .cancel_on_host = cancel_on_host_,
                              .stored_bytes = answer_.stored_bytes()};
  return TellEnd{.settlement = settlement, .answer = std::move(answer)};
}

void AcceptedTell::GiveUpAnswer(const absl::Status& why) {
  if (answer_.bytes() == 0 || is_put_off()) return;
  outcome_ = Annotate(why, absl::StrCat("the answer of ", answer_.bytes(), " bytes is lost"));
  answer_.GiveUp();
}

}  // namespace iris
