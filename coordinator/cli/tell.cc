#include "coordinator/cli/tell.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/types/optional.h"
#include "common/base/ids.h"
#include "common/environment/environment.h"
#include "common/environment/environment_wire.h"
#include "common/failure/failure.h"
#include "coordinator/caller/caller.h"
#include "coordinator/cli/coordinator_lives.h"
#include "coordinator/cli/front_end.h"
#include "coordinator/cli/interrupt_notice.h"
#include "coordinator/cli/own_caller.h"
#include "coordinator/cli/progress_line.h"
#include "coordinator/cli/read_stdin.h"
#include "coordinator/cli/report.h"
#include "coordinator/cli/tell_id.h"
#include "coordinator/cli/tell_stream.h"
#include "coordinator/orchestrator/tell.h"

namespace iris {
namespace {

// For how long a coordinator is asked again to go on with a tell that an earlier one accepted.
constexpr absl::Duration kGoOn = absl::Minutes(2);

v1::TellRequest HeaderOf(const CommandLine& command) {
  v1::TellRequest header;
  header.set_tell_id(command.tell_id.empty() ? NewUuid() : command.tell_id);
  header.set_from(command.from);
  header.set_to(command.team);
  header.set_detach(command.timeout_ms < 0);
  header.set_wait_for_limit(command.wait_limit);
  header.set_wait_for_host(command.when_away.empty() ? command.timeout_ms < 0
                                                     : command.when_away == "wait");
  if (command.timeout_ms == 0) header.set_claude_session_id(OwnClaudeSession());
  *header.mutable_environment() = EnvironmentToProto(OwnEnvironment());
  return header;
}

absl::StatusOr<std::string> TextOf(const CommandLine& command) {
  if (!command.text_from_stdin) return command.text;
  return ReadStdin(kTellBytesMax);
}

// The tell's text, and how it is submitted in every life of the coordinator.
struct Submission {
  // With `accepted_before` from the first acceptance on.
  v1::TellRequest header;
  std::string text;
  absl::Time give_up;
  // Its `from` is who we are. Until then it is who we are said to be.
  bool caller_is_known = false;

  // What failed is not about the message, which one coordinator has accepted: it or the next one
  // may go on with it.
  bool may_go_on(const absl::Status& why) const {
    const FailureKind kind = KindOf(why);
    return header.accepted_before() && !why.ok() && kind != v1::FAILURE_AMBIGUOUS &&
           kind != v1::FAILURE_PERMISSION_DENIED;
  }
};

// The coordinator that runs has the message, and says that it is not to be waited for: asked again
// it says so again.
bool IsRefused(const TellStreamResult& result) {
  return KindOf(result.call) == v1::FAILURE_BAD_REQUEST;
}

struct Submitted {
  // The last that was to be asked.
  absl::StatusOr<Coordinator> coordinator = absl::UnknownError("");
  TellStreamResult result;

  bool refused() const { return coordinator.ok() && IsRefused(result); }
};

void ShowWhyItWaits(const absl::Status& why, const TellStreamEvents& events) {
  v1::TellProgress waits;
  waits.set_text(absl::StrCat("no coordinator continues with it yet: ", ToProto(why).detail()));
  events.progress(waits);
}

// Who sends it; asked once, so that it stays the same in every life of the coordinator.
absl::Status NameCaller(v1::Coordinator::Stub& stub, Submission& submission) {
  const Caller wanted = Caller::Named(submission.header.from());
  if (!submission.caller_is_known && wanted != Caller::CommandLine()) {
    const absl::StatusOr<Caller> caller = FindOwnCaller(stub, wanted);
    if (!caller.ok()) return caller.status();
    submission.header.set_from(caller->name());
  }
  submission.caller_is_known = true;
  return absl::OkStatus();
}

// Submits the tell to one coordinator.
TellStreamResult SubmitTo(const Coordinator& coordinator, Submission& submission,
                          const TellStreamEvents& events) {
  TellStreamResult result;
  result.call = NameCaller(*coordinator.stub, submission);
  if (!submission.caller_is_known) return result;
  result =
      StreamTell(*coordinator.stub, submission.header, submission.text, submission.give_up, events);
  if (result.accepted) submission.header.set_accepted_before(true);
  return result;
}

// Submits the tell to one coordinator after the other until it is over, or cannot go on.
Submitted Submit(Submission& submission, const Places& places, const TellStreamEvents& events) {
  absl::Time go_on_until = absl::InfinitePast();
  Submitted submitted;
  TellStreamResult& result = submitted.result;
  const auto ask = [&](const absl::StatusOr<Coordinator>& coordinator) {
    result = {};
    if (coordinator.ok()) {
      result = SubmitTo(*coordinator, submission, events);
      if (result.accepted) go_on_until = std::min(submission.give_up, absl::Now() + kGoOn);
      if (result.coordinator_lost()) return LifeEnd::kLost;
      if (result.accepted || result.settled.has_value() || IsRefused(result)) return LifeEnd::kOver;
    }
    const absl::Status why = coordinator.ok() ? result.call : coordinator.status();
    if (!submission.may_go_on(why)) return LifeEnd::kOver;
    if (absl::Now() + CoordinatorLives::kPause >= go_on_until) return LifeEnd::kOver;
    ShowWhyItWaits(why, events);
    return LifeEnd::kLater;
  };
  submitted.coordinator = CoordinatorLives(places).Run(ask);
  return submitted;
}

// For a tell that is not over: the store has it.
absl::Status IsKept(const std::string& tell_id, const absl::Status& why) {
  const Failure failure = ToProto(why);
  return MakeFailure(v1::FAILURE_DROPPED,
                     absl::StrCat("the message was accepted and is kept, but no coordinator "
                                  "continues with it now: ",
                                  KindName(KindOf(why)), ": ", failure.detail()),
                     absl::StrCat(failure.fix(), failure.fix().empty() ? "" : " ",
                                  "Do not send it again: `iris tells ", tell_id,
                                  " --wait` prints its answer once a coordinator runs."));
}

// "still waiting after 2s: the host is out of reach, trying again: no route to host". Only a
// message that claude has is worked on.
std::string StillOpen(const v1::TellProgress& progress, absl::Duration waited) {
  const std::string after = absl::StrCat(" after ", absl::FormatDuration(waited));
  if (progress.stage() == v1::TellProgress::WORKING) return absl::StrCat("still working", after);
  const bool says_why = progress.stage() != v1::TellProgress::STAGE_UNSPECIFIED;
  return absl::StrCat("still waiting", after,
                      says_why ? absl::StrCat(": ", ShowProgress(progress)) : "");
}

// The end of one tell, as far as this command knows it. Takes the answer, which may be long.
TellReport ReportOf(TellStreamResult& result, const std::string& tell_id,
                    const CommandLine& command, absl::Duration elapsed) {
  TellReport report{.tell_id = tell_id, .state = result.state(), .duration = elapsed};
  if (result.settled.has_value()) {
    report.text = std::move(result.answer);
    report.structured_bytes = result.settled->structured_bytes();
    report.account = result.settled->account();
    report.status = FromProto(result.settled->failure());
    report.duration = absl::Milliseconds(result.settled->duration_ms());
  } else if (result.timed_out) {
    report.not_yet = true;
    report.status = MakeFailure(
        v1::FAILURE_TIMEOUT, StillOpen(result.progress, absl::Milliseconds(command.timeout_ms)),
        absl::StrCat("Get it later: iris tells ", ShortId(tell_id), " --wait"));
  } else {
    report.status = result.call;
    report.detached = result.call.ok() && command.timeout_ms < 0;
    if (result.call.ok() && !report.detached) {
      report.status = MakeFailure(v1::FAILURE_INTERNAL,
                                  "the coordinator ended the call without saying how it went");
    }
  }
  return report;
}

}  // namespace

int RunTell(const CommandLine& command, const Places& places) {
  const absl::Time begun = absl::Now();
  absl::StatusOr<std::string> text = TextOf(command);
  if (!text.ok()) return PrintFailed(text.status(), command.json, kExitFailed);
  Submission submission = {.header = HeaderOf(command),
                           .text = *std::move(text),
                           .give_up = command.timeout_ms > 0
                                          ? begun + absl::Milliseconds(command.timeout_ms)
                                          : absl::InfiniteFuture()};
  const std::string tell_id = submission.header.tell_id();
  absl::optional<Submitted> submitted;
  {
    ProgressLine progress;
    absl::optional<InterruptNotice> notice;
    const TellStreamEvents events = {
        .accepted = [&] { notice.emplace(tell_id); },
        .progress = [&progress](const v1::TellProgress& p) { progress.Show(p); }};
    submitted.emplace(Submit(submission, places, events));
  }
  const absl::Duration elapsed = absl::Now() - begun;
  TellStreamResult& result = submitted->result;
  if (const absl::Status started = submitted->coordinator.status(); !started.ok()) {
    if (!submission.header.accepted_before()) {
      PrintTell({.tell_id = tell_id, .status = started, .duration = elapsed}, command.json);
      return ExitCodeForStart(started);
    }
    result.call = started;
  }
  const bool is_over = result.settled.has_value() || result.timed_out || submitted->refused();
  if (!is_over && submission.may_go_on(result.call)) result.call = IsKept(tell_id, result.call);
  const TellReport report = ReportOf(result, tell_id, command, elapsed);
  if (!PrintTell(report, command.json)) return kExitFailed;
  if (result.settled.has_value()) {
    ConfirmFetched(*submitted->coordinator->stub, tell_id, submission.header.from());
  }
  if (report.status.ok()) return kExitOk;
  if (report.not_yet) return kExitNotYet;
  // What was typed is to blame as long as nobody has taken it.
  return submission.header.accepted_before() ? kExitFailed : ExitCodeForRefusal(report.status);
}

}  // namespace iris
