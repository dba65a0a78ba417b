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
#include "coordinator/caller/caller.h"
#include "coordinator/cli/coordinator_lives.h"
#include "coordinator/cli/front_end.h"
#include "coordinator/cli/interrupt_notice.h"
#include "coordinator/cli/own_caller.h"
#include "coordinator/cli/progress_line.h"
#include "coordinator/cli/report.h"
#include "coordinator/cli/table.h"
#include "coordinator/cli/tell_id.h"
#include "coordinator/cli/tell_stream.h"

namespace iris {
namespace {

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
  const absl::StatusOr<Caller> from = CallerOrOwn(stub, Caller::Named(command.from));
  if (!from.ok()) return from.status();
  return LastTellId(*tells, from->name());
}

// Takes the answer, which may be long.
TellReport ReportOf(TellStreamResult& result, const std::string& tell_id,
                    const std::string& last_progress) {
  TellReport report{.tell_id = tell_id, .status = result.call, .state = result.state()};
  if (result.settled.has_value()) {
    report.text = std::move(result.answer);
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
  const auto ask = [&](const absl::StatusOr<Coordinator>& coordinator) {
    if (!coordinator.ok()) return LifeEnd::kOver;
    if (request.tell_id().empty()) {
      absl::StatusOr<std::string> id = WholeId(command, *coordinator->stub);
      followed.result.call = id.status();
      // The coordinator may have left in between; the next one knows the message too.
      if (followed.result.coordinator_lost()) return LifeEnd::kLost;
      if (!id.ok()) return LifeEnd::kOver;
      request.set_tell_id(*std::move(id));
    }
    followed.result = FollowTell(*coordinator->stub, request, events);
    return followed.result.coordinator_lost() ? LifeEnd::kLost : LifeEnd::kOver;
  };
  followed.coordinator = CoordinatorLives(places).Run(ask);
  return followed;
}

// What came of a cancel, in whichever life of the coordinator.
struct Cancelled {
  absl::Status started;  // Of the last coordinator that was to be asked.
  std::string tell_id;   // Empty: it is not known which message is meant.
  absl::Status call;
  v1::CancelTellOfResponse response;

  bool coordinator_lost() const { return CoordinatorLost(call); }
};

absl::Status AskToCancel(v1::Coordinator::Stub& stub, const std::string& tell_id,
                         absl::Time deadline, v1::CancelTellOfResponse& response) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(deadline));
  v1::CancelTellOfRequest request;
  request.set_tell_id(tell_id);
  request.set_from(Caller::CommandLine().name());
  *request.mutable_environment() = EnvironmentToProto(OwnEnvironment());
  return FromGrpcStatus(stub.CancelTell(&context, request, &response), "");
}

// Asks one coordinator after the other until one says that the message is settled.
Cancelled Cancel(const CommandLine& command, const Places& places) {
  Cancelled cancelled;
  const absl::Time deadline = absl::Now() + kAnswer;
  bool asked_before = false;
  const auto ask = [&](const absl::StatusOr<Coordinator>& coordinator) {
    cancelled.started = coordinator.status();
    if (!coordinator.ok()) return LifeEnd::kOver;
    const LifeEnd when_lost = absl::Now() < deadline ? LifeEnd::kLost : LifeEnd::kOver;
    if (cancelled.tell_id.empty()) {
      absl::StatusOr<std::string> id = WholeId(command, *coordinator->stub);
      cancelled.call = id.status();
      if (cancelled.coordinator_lost()) return when_lost;
      if (!id.ok()) return LifeEnd::kOver;
      cancelled.tell_id = *std::move(id);
    }
    cancelled.response.Clear();
    cancelled.call =
        AskToCancel(*coordinator->stub, cancelled.tell_id, deadline, cancelled.response);
    if (!cancelled.coordinator_lost()) return LifeEnd::kOver;
    asked_before = true;
    return when_lost;
  };
  const auto connect = [&] {
    return ConnectOrStart(places, std::min(absl::Now() + kConnectWithin, deadline));
  };
  (void)CoordinatorLives(connect).Run(ask);
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
    const absl::StatusOr<Coordinator> coordinator = ConnectOrStart(places);
    if (coordinator.ok()) return RunList(command, *coordinator->stub);
    return PrintNotStarted(coordinator.status(), command.json);
  }
  v1::FollowTellRequest request;
  request.set_from(Caller::CommandLine().name());
  request.set_no_wait(!command.wait);
  *request.mutable_environment() = EnvironmentToProto(OwnEnvironment());
  if (command.wait) request.set_claude_session_id(OwnClaudeSession());
  Followed followed = Follow(command, places, request);
  if (const absl::Status started = followed.coordinator.status(); !started.ok()) {
    return PrintNotStarted(started, command.json);
  }
  TellStreamResult& result = followed.result;
  if (request.tell_id().empty()) {
    return PrintRefused(result.call, command.json);
  }
  const TellReport report = ReportOf(result, request.tell_id(), followed.last_progress);
  if (!PrintTell(report, command.json)) return kExitFailed;
  if (result.settled.has_value()) {
    ConfirmFetched(*followed.coordinator->stub, request.tell_id(), Caller::CommandLine().name());
  }
  if (report.status.ok()) return kExitOk;
  return report.not_yet ? kExitNotYet : kExitFailed;
}

int RunCancel(const CommandLine& command, const Places& places) {
  const Cancelled cancelled = Cancel(command, places);
  const std::string& tell_id = cancelled.tell_id;
  if (!cancelled.started.ok()) return PrintNotStarted(cancelled.started, command.json);
  if (tell_id.empty() && !cancelled.coordinator_lost()) {
    return PrintRefused(cancelled.call, command.json);
  }
  if (!cancelled.call.ok()) {
    const std::string typed = command.last ? "--last" : command.tell_id;
    const std::string& name = tell_id.empty() ? typed : tell_id;
    return PrintFailed(WhyNotCancelled(cancelled, name), command.json, kExitFailed);
  }
  return PrintCancel(tell_id, cancelled.response, command.json);
}

}  // namespace iris
