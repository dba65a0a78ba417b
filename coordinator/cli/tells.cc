#include "coordinator/cli/tells.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/types/optional.h"
#include "common/failure/failure.h"
#include "common/rpc/grpc_failure.h"
#include "coordinator/cli/front_end.h"
#include "coordinator/cli/interrupt_notice.h"
#include "coordinator/cli/progress_line.h"
#include "coordinator/cli/report.h"
#include "coordinator/cli/tell_stream.h"

namespace iris {
namespace {

// Of the coordinator, in which a tell is followed.
constexpr int kLivesMax = 20;
constexpr absl::Duration kConnect = absl::Seconds(10);
constexpr absl::Duration kAnswer = absl::Seconds(30);
constexpr char kCaller[] = "cli";

int Fail(const absl::Status& status, int exit_code) {
  PrintFailure(status);
  return exit_code;
}

int RunList(const CommandLine& command, v1::Coordinator::Stub& stub) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kAnswer));
  v1::ListTellsRequest request;
  request.set_all(command.all);
  v1::ListTellsResponse tells;
  const absl::Status got = FromGrpcStatus(stub.ListTells(&context, request, &tells), "");
  if (!got.ok()) return Fail(got, kExitFailed);
  const std::string text =
      command.json ? TellsJson(tells) + "\n" : TellsText(tells, absl::ToUnixMillis(absl::Now()));
  fputs(text.c_str(), stdout);
  return kExitOk;
}

TellReport ReportOf(const TellStreamResult& result, const std::string& tell_id,
                    const std::string& last_progress) {
  TellReport report{.tell_id = tell_id, .status = result.call};
  if (result.settled.has_value()) {
    report.text = result.answer;
    report.structured_bytes = result.settled->structured_bytes();
    report.account = result.settled->account();
    report.status = FromProto(result.settled->failure());
    report.duration = absl::Milliseconds(result.settled->duration_ms());
  } else if (result.call.ok()) {
    report.status =
        MakeFailure(v1::FAILURE_TIMEOUT,
                    absl::StrCat(tell_id, " is not answered yet",
                                 last_progress.empty() ? "" : absl::StrCat(": ", last_progress)),
                    absl::StrCat("iris tells ", tell_id, " --wait waits for the answer."));
  }
  return report;
}

}  // namespace

int RunTells(const CommandLine& command, const Places& places) {
  v1::FollowTellRequest request;
  request.set_tell_id(command.tell_id);
  request.set_from(kCaller);
  request.set_no_wait(!command.wait);
  const char* const claude_session = std::getenv("CLAUDE_CODE_SESSION_ID");
  if (command.wait && claude_session != nullptr) request.set_claude_session_id(claude_session);
  TellStreamResult result;
  absl::StatusOr<Coordinator> coordinator = absl::UnknownError("");
  std::string last_progress;
  {
    ProgressLine line;
    absl::optional<InterruptNotice> notice;
    const TellStreamEvents events = {.accepted =
                                         [&] {
                                           if (command.wait) notice.emplace(command.tell_id);
                                         },
                                     .progress =
                                         [&](const v1::TellProgress& progress) {
                                           last_progress = ShowProgress(progress);
                                           line.Show(progress);
                                         }};
    for (int lives = 0; lives < kLivesMax; ++lives) {
      coordinator = ConnectOrStart(places, absl::Now() + kConnect);
      if (!coordinator.ok()) {
        line.Clear();
        return Fail(coordinator.status(), ExitCodeForStart(coordinator.status()));
      }
      if (command.tell_id.empty()) return RunList(command, *coordinator->stub);
      result = FollowTell(*coordinator->stub, request, events);
      if (!result.coordinator_lost()) break;
    }
  }
  const TellReport report = ReportOf(result, command.tell_id, last_progress);
  if (!PrintTell(report, command.json)) return kExitFailed;
  if (result.settled.has_value()) ConfirmFetched(*coordinator->stub, command.tell_id, kCaller);
  return report.status.ok() ? kExitOk : kExitFailed;
}

int RunCancel(const CommandLine& command, const Places& places) {
  const absl::StatusOr<Coordinator> coordinator =
      ConnectOrStart(places, absl::Now() + kConnect);
  if (!coordinator.ok()) {
    return Fail(coordinator.status(), ExitCodeForStart(coordinator.status()));
  }
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kAnswer));
  v1::CancelTellOfRequest request;
  request.set_tell_id(command.tell_id);
  request.set_from(kCaller);
  v1::CancelTellOfResponse response;
  absl::Status got =
      FromGrpcStatus(coordinator->stub->CancelTell(&context, request, &response), "");
  if (KindOf(got) == v1::FAILURE_TIMEOUT) {
    got = MakeFailure(v1::FAILURE_TIMEOUT,
                      absl::StrCat("the host has not said within ", absl::FormatDuration(kAnswer),
                                   " that it stopped; it still will"),
                      absl::StrCat("iris tells ", command.tell_id, " shows what became of it."));
  }
  if (!got.ok()) return Fail(got, kExitFailed);
  return PrintCancel(command.tell_id, response, command.json);
}

}  // namespace iris
