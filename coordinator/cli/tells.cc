#include "coordinator/cli/tells.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/types/optional.h"
#include "common/base/ids.h"
#include "common/environment/environment.h"
#include "common/environment/environment_wire.h"
#include "common/failure/failure.h"
#include "common/rpc/grpc_failure.h"
#include "coordinator/cli/front_end.h"
#include "coordinator/cli/interrupt_notice.h"
#include "coordinator/cli/own_caller.h"
#include "coordinator/cli/progress_line.h"
#include "coordinator/cli/report.h"
#include "coordinator/cli/table.h"
#include "coordinator/cli/tell_id.h"
#include "coordinator/cli/tell_stream.h"
#include "coordinator/orchestrator/tell.h"

namespace iris {
namespace {

// Of the coordinator, in which a tell is followed.
constexpr int kLivesMax = 20;
constexpr absl::Duration kConnect = absl::Seconds(10);
constexpr absl::Duration kAnswer = absl::Seconds(30);

absl::StatusOr<v1::ListTellsResponse> List(v1::Coordinator::Stub& stub, bool all) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kAnswer));
  v1::ListTellsRequest request;
  request.set_all(all);
  *request.mutable_environment() = EnvironmentToProto(OwnEnvironment());
  v1::ListTellsResponse tells;
  const absl::Status got = FromGrpcStatus(stub.ListTells(&context, request, &tells), "");
  if (!got.ok()) return got;
  return tells;
}

// Those that `from` sent; empty: all of them.
v1::ListTellsResponse OnlyFrom(const std::string& from, const v1::ListTellsResponse& tells) {
  v1::ListTellsResponse only;
  for (const v1::TellSummary& tell : tells.tells()) {
    if (from.empty() || tell.from() == from) *only.add_tells() = tell;
  }
  return only;
}

int RunList(const CommandLine& command, v1::Coordinator::Stub& stub) {
  const absl::StatusOr<v1::ListTellsResponse> all = List(stub, command.all);
  if (!all.ok()) return PrintFailed(all.status(), command.json, kExitFailed);
  const v1::ListTellsResponse tells = OnlyFrom(command.from, *all);
  if (command.json) return PrintOut(TellsJson(tells) + "\n", kExitOk);
  return PrintOut(TellsText(tells, absl::ToUnixMillis(absl::Now()), OwnScreen()), kExitOk);
}

// The whole id of the message that `command` is about.
absl::StatusOr<std::string> WholeId(const CommandLine& command, v1::Coordinator::Stub& stub) {
  if (!command.last && IsUuid(command.tell_id)) return command.tell_id;
  const absl::StatusOr<v1::ListTellsResponse> tells = List(stub, /*all=*/true);
  if (!tells.ok()) return tells.status();
  if (!command.last) return FindTellId(*tells, command.tell_id);
  const absl::StatusOr<std::string> from = CallerOrOwn(stub, command.from);
  if (!from.ok()) return from.status();
  return LastTellId(*tells, *from);
}

TellReport ReportOf(const TellStreamResult& result, const std::string& tell_id,
                    const std::string& last_progress) {
  TellReport report{.tell_id = tell_id, .status = result.call, .state = result.state()};
  if (result.settled.has_value()) {
    report.text = result.answer;
    report.structured_bytes = result.settled->structured_bytes();
    report.account = result.settled->account();
    report.status = FromProto(result.settled->failure());
    report.duration = absl::Milliseconds(result.settled->duration_ms());
  } else if (result.call.ok()) {
    report.not_yet = true;
    report.status =
        MakeFailure(v1::FAILURE_TIMEOUT,
                    absl::StrCat(ShortId(tell_id), " is not answered yet",
                                 last_progress.empty() ? "" : absl::StrCat(": ", last_progress)),
                    absl::StrCat("Wait for it: iris tells ", ShortId(tell_id), " --wait"));
  }
  return report;
}

struct Followed {
  // The last that was to be asked.
  absl::StatusOr<Coordinator> coordinator = absl::UnknownError("");
  TellStreamResult result;
  std::string last_progress;
};

// Follows the message that `command` is about until it is settled, or `command` says otherwise.
// `request` gets its id, once that is known.
Followed Follow(const CommandLine& command, const Places& places, v1::FollowTellRequest& request) {
  Followed followed;
  ProgressLine line;
  absl::optional<InterruptNotice> notice;
  const TellStreamEvents events = {.accepted =
                                       [&] {
                                         if (command.wait) notice.emplace(request.tell_id());
                                       },
                                   .progress =
                                       [&](const v1::TellProgress& progress) {
                                         followed.last_progress = ShowProgress(progress);
                                         line.Show(progress);
                                       }};
  for (int lives = 0; lives < kLivesMax; ++lives) {
    followed.coordinator = ConnectOrStart(places, absl::Now() + kConnect);
    const absl::StatusOr<Coordinator>& coordinator = followed.coordinator;
    if (!coordinator.ok()) return followed;
    if (request.tell_id().empty()) {
      absl::StatusOr<std::string> id = WholeId(command, *coordinator->stub);
      followed.result.call = id.status();
      // The coordinator may have left in between; the next one knows the message too.
      if (followed.result.coordinator_lost()) continue;
      if (!id.ok()) return followed;
      request.set_tell_id(*std::move(id));
    }
    followed.result = FollowTell(*coordinator->stub, request, events);
    if (!followed.result.coordinator_lost()) break;
  }
  return followed;
}

// What came of a cancel, in whichever life of the coordinator.
struct Cancelled {
  absl::Status started;  // Of the last coordinator that was to be asked.
  std::string tell_id;   // Empty: it is not known which message is meant.
  absl::Status call;
  v1::CancelTellOfResponse response;

  bool coordinator_lost() const { return TellStreamResult{.call = call}.coordinator_lost(); }
};

absl::Status AskToCancel(v1::Coordinator::Stub& stub, const std::string& tell_id,
                         absl::Time deadline, v1::CancelTellOfResponse& response) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(deadline));
  v1::CancelTellOfRequest request;
  request.set_tell_id(tell_id);
  request.set_from(kCommandLineCaller);
  *request.mutable_environment() = EnvironmentToProto(OwnEnvironment());
  return FromGrpcStatus(stub.CancelTell(&context, request, &response), "");
}

// Asks one coordinator after the other until one says that the message is settled.
Cancelled Cancel(const CommandLine& command, const Places& places) {
  Cancelled cancelled;
  const absl::Time deadline = absl::Now() + kAnswer;
  bool asked_before = false;
  for (int lives = 0; lives < kLivesMax && (lives == 0 || absl::Now() < deadline); ++lives) {
    const absl::StatusOr<Coordinator> coordinator =
        ConnectOrStart(places, std::min(absl::Now() + kConnect, deadline));
    cancelled.started = coordinator.status();
    if (!coordinator.ok()) return cancelled;
    if (cancelled.tell_id.empty()) {
      absl::StatusOr<std::string> id = WholeId(command, *coordinator->stub);
      cancelled.call = id.status();
      if (cancelled.coordinator_lost()) continue;
      if (!id.ok()) return cancelled;
      cancelled.tell_id = *std::move(id);
    }
    cancelled.response.Clear();
    cancelled.call =
        AskToCancel(*coordinator->stub, cancelled.tell_id, deadline, cancelled.response);
    if (!cancelled.coordinator_lost()) break;
    asked_before = true;
  }
  // The life before had heard of it, or the next one has carried it out at its start.
  const bool is_cancelled = cancelled.response.failure().kind() == v1::FAILURE_CANCELLED;
  if (asked_before && is_cancelled) cancelled.response.set_was_settled(false);
  return cancelled;
}

// `name`: the message, as far as that is known.
absl::Status WhyNotCancelled(const Cancelled& cancelled, const std::string& name) {
  if (KindOf(cancelled.call) == v1::FAILURE_TIMEOUT) {
    return MakeFailure(v1::FAILURE_TIMEOUT,
                       absl::StrCat("the host has not said within ", absl::FormatDuration(kAnswer),
                                    " that the message is cancelled; it still will be"),
                       absl::StrCat("iris tells ", name, " shows how the message ended."));
  }
  if (!cancelled.coordinator_lost()) return cancelled.call;
  return MakeFailure(v1::FAILURE_DROPPED,
                     absl::StrCat("the coordinator ended before it said that the message is "
                                  "cancelled: ",
                                  Failure(ToProto(cancelled.call)).detail()),
                     absl::StrCat("Cancel it again: iris cancel ", name, "; iris tells ", name,
                                  " shows whether it is."));
}

}  // namespace

int RunTells(const CommandLine& command, const Places& places) {
  if (command.tell_id.empty() && !command.last) {
    const absl::StatusOr<Coordinator> coordinator = ConnectOrStart(places, absl::Now() + kConnect);
    if (coordinator.ok()) return RunList(command, *coordinator->stub);
    return PrintFailed(coordinator.status(), command.json, ExitCodeForStart(coordinator.status()));
  }
  v1::FollowTellRequest request;
  request.set_from(kCommandLineCaller);
  request.set_no_wait(!command.wait);
  *request.mutable_environment() = EnvironmentToProto(OwnEnvironment());
  if (command.wait) request.set_claude_session_id(OwnClaudeSession());
  const Followed followed = Follow(command, places, request);
  if (const absl::Status started = followed.coordinator.status(); !started.ok()) {
    return PrintFailed(started, command.json, ExitCodeForStart(started));
  }
  const TellStreamResult& result = followed.result;
  if (request.tell_id().empty()) {
    return PrintFailed(result.call, command.json, ExitCodeForRefusal(result.call));
  }
  const TellReport report = ReportOf(result, request.tell_id(), followed.last_progress);
  if (!PrintTell(report, command.json)) return kExitFailed;
  if (result.settled.has_value()) {
    ConfirmFetched(*followed.coordinator->stub, request.tell_id(), kCommandLineCaller);
  }
  if (report.status.ok()) return kExitOk;
  return report.not_yet ? kExitNotYet : kExitFailed;
}

int RunCancel(const CommandLine& command, const Places& places) {
  const Cancelled cancelled = Cancel(command, places);
  const std::string& tell_id = cancelled.tell_id;
  if (!cancelled.started.ok()) {
    return PrintFailed(cancelled.started, command.json, ExitCodeForStart(cancelled.started));
  }
  if (tell_id.empty() && !cancelled.coordinator_lost()) {
    return PrintFailed(cancelled.call, command.json, ExitCodeForRefusal(cancelled.call));
  }
  if (!cancelled.call.ok()) {
    const std::string typed = command.last ? "--last" : command.tell_id;
    const std::string& name = tell_id.empty() ? typed : tell_id;
    return PrintFailed(WhyNotCancelled(cancelled, name), command.json, kExitFailed);
  }
  return PrintCancel(tell_id, cancelled.response, command.json);
}

}  // namespace iris
