#include "coordinator/cli/tell.h"

#include <cstdlib>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/types/optional.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "coordinator/cli/front_end.h"
#include "coordinator/cli/interrupt_notice.h"
#include "coordinator/cli/progress_line.h"
#include "coordinator/cli/read_stdin.h"
#include "coordinator/cli/report.h"
#include "coordinator/cli/tell_stream.h"

namespace iris {
namespace {

// Of the coordinator, in which a tell is submitted: it may be the tell itself that ends them.
constexpr int kLivesMax = 20;
constexpr absl::Duration kConnect = absl::Seconds(10);
constexpr size_t kTextBytesMax = 8 << 20;

v1::TellRequest HeaderOf(const CommandLine& command) {
  v1::TellRequest header;
  header.set_tell_id(command.tell_id.empty() ? NewUuid() : command.tell_id);
  header.set_from(command.from);
  header.set_to(command.team);
  header.set_detach(command.timeout_ms < 0);
  header.set_wait_for_limit(command.wait_limit);
  for (const char* name : {"SSH_AUTH_SOCK", "KRB5CCNAME", "DISPLAY"}) {
    if (const char* value = std::getenv(name)) (*header.mutable_lent_env())[name] = value;
  }
  return header;
}

// The end of one tell, as far as this command knows it.
TellReport ReportOf(const TellStreamResult& result, const std::string& tell_id,
                    const CommandLine& command, absl::Duration elapsed) {
  TellReport report{.tell_id = tell_id, .duration = elapsed};
  if (result.settled.has_value()) {
    report.text = result.answer;
    report.structured_bytes = result.settled->structured_bytes();
    report.status = FromProto(result.settled->failure());
    report.duration = absl::Milliseconds(result.settled->duration_ms());
  } else if (result.timed_out) {
    report.status = MakeFailure(v1::FAILURE_TIMEOUT,
                                absl::StrCat("no answer within ", command.timeout_ms,
                                             " ms; the team goes on with ", tell_id),
                                absl::StrCat("iris tells ", tell_id, " --wait gets the answer."));
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

int RunTell(const CommandLine& command, const Places& places,
            const std::vector<std::string>& variables) {
  const absl::Time begun = absl::Now();
  const v1::TellRequest header = HeaderOf(command);
  const std::string text = command.text == "-" ? ReadStdin(kTextBytesMax) : command.text;
  const absl::Time give_up = command.timeout_ms > 0 ? begun + absl::Milliseconds(command.timeout_ms)
                                                    : absl::InfiniteFuture();
  TellStreamResult result;
  {
    ProgressLine progress;
    absl::optional<InterruptNotice> notice;
    const TellStreamEvents events = {
        .accepted = [&] { notice.emplace(header.tell_id()); },
        .progress = [&progress](const v1::TellProgress& p) { progress.Show(p); }};
    for (int lives = 0; lives < kLivesMax; ++lives) {
      const absl::StatusOr<Coordinator> coordinator =
          ConnectOrStart(places, variables, absl::Now() + kConnect);
      if (!coordinator.ok()) {
        progress.Clear();
        return PrintTell({.tell_id = header.tell_id(),
                          .status = coordinator.status(),
                          .duration = absl::Now() - begun},
                         command.json, ExitCodeForStart(coordinator.status()));
      }
      result = StreamTell(*coordinator->stub, header, text, give_up, events);
      if (!result.coordinator_lost()) break;
    }
  }
  const TellReport report = ReportOf(result, header.tell_id(), command, absl::Now() - begun);
  return PrintTell(report, command.json, report.status.ok() ? kExitOk : kExitFailed);
}

}  // namespace iris
