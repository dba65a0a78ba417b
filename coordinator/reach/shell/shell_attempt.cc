#include "coordinator/reach/shell/shell_attempt.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "coordinator/link/host_text.h"
#include "coordinator/reach/shell/hello.h"
#include "coordinator/reach/shell/install.h"
#include "coordinator/reach/shell/remote_command_line.h"

namespace iris {
namespace {

constexpr size_t kNoiseBytesShown = 200;
constexpr absl::Duration kLastReply = absl::Seconds(1);  // After the end of what a shell reads.
// A cold host's disk may be slow where its network is not.
constexpr absl::Duration kAnswerTimeoutMin = absl::Seconds(20);

// How a reply begins where our command was read from stdin.
constexpr absl::string_view kOnStdin = "stdin ";
constexpr absl::string_view kOtherShell =
    "the account's startup files start another shell in place of our command";
// Our command comes after a shell that was not put in the place of the one that was to run it.
constexpr absl::string_view kWithoutExec =
    "; one that does so without `exec` runs our command again when that shell has ended, which may "
    "start an agent anew that was just stopped: write `[[ $- == *i* ]] && exec …`";
constexpr absl::string_view kFixOtherShell =
    "Let the startup file that does so (.bashrc, .profile) start the other shell only where a "
    "person is: `[[ $- == *i* ]] && exec fish`.";

// The host let us in, and was lost, or given up, before its shell was heard: it may have run our
// command, or run it yet.
bool MayRunUnheard(const absl::Status& why, const ShellClient& client) {
  switch (KindOf(why)) {
    case v1::FAILURE_UNREACHABLE:
    case v1::FAILURE_DROPPED:
    case v1::FAILURE_TIMEOUT:
    case v1::FAILURE_CANCELLED:
      return client.at_shell();
    default:
      return false;
  }
}

// Only a shell that reads all of its input first answers then, and what it starts reads nothing.
bool RunsNothingBeforeTheEnd(Dialogue& dialogue) {
  const absl::StatusOr<std::string> reply = dialogue.ReplyAtEnd(absl::Now() + kLastReply);
  return reply.ok() && absl::StartsWith(*reply, kOnStdin);
}

}  // namespace

ShellAttempt::ShellAttempt(const AgentBundle& bundle, const ShellAttemptOptions& options)
    : bundle_(bundle), options_(options), marker_(RandomHex(16)) {}

absl::StatusOr<std::string> ShellAttempt::CommandLine(bool ignore_installed) {
  absl::StatusOr<std::vector<AgentBuild>> builds = AllBuilds(bundle_);
  if (!builds.ok()) return builds.status();
  RemoteCommandLine command = {.marker = marker_,
                               .builds = *std::move(builds),
                               .agent_dir = options_.agent_dir,
                               .ignore_installed = ignore_installed};
  absl::StatusOr<std::string> line = MakeRemoteCommandLine(command);
  if (!line.ok()) return line;
  command.on_stdin = true;
  const absl::StatusOr<std::string> on_stdin = MakeRemoteCommandLine(command);
  if (!on_stdin.ok()) return on_stdin;
  stdin_line_ = absl::StrCat(" ", *on_stdin, "\n");
  return line;
}

absl::StatusOr<Connection> ShellAttempt::Meet(ShellClient& client) {
  Dialogue dialogue(client.stdio(), marker_, options_.cancelled);
  if (absl::Status status = MeetShell(client, dialogue); !status.ok()) return status;
  Report(ConnectProgress::Stage::kStarting, "starting the agent on ");
  absl::StatusOr<v1::Hello> hello = AwaitHello(client);
  if (!hello.ok()) return hello.status();
  Connection connection;
  connection.hello = *std::move(hello);
  connection.remark = remark_;
  return connection;
}

// Until the agent's bridge runs.
absl::Status ShellAttempt::MeetShell(ShellClient& client, Dialogue& dialogue) {
  const absl::StatusOr<std::string> reply =
      dialogue.FirstReply(client.Deadline(), {.line = stdin_line_,
                                              .may_send_line = [&] { return client.at_shell(); },
                                              .on_look = [&] { return client.Deadline(); }});
  if (!reply.ok()) {
    absl::Status why = WhyNoReply(reply.status(), client, dialogue);
    if (MayRunUnheard(why, client)) {
      Report(ConnectProgress::Stage::kStarting, "starting the agent on ");
    }
    return why;
  }
  client.OnAnswered();
  absl::string_view words = *reply;
  if (absl::ConsumePrefix(&words, kOnStdin)) remark_ = absl::StrCat(kOtherShell, kWithoutExec);
  if (absl::StartsWith(words, "found ")) {
    found_installed_ = true;
    return absl::OkStatus();
  }
  if (!absl::ConsumePrefix(&words, "none")) {
    return MakeFailure(v1::FAILURE_INTERNAL,
                       absl::StrCat("our command on the host answered \"",
                                    PrintableHostText(*reply, kNoiseBytesShown), "\""));
  }
  return Install(client, dialogue, absl::StripAsciiWhitespace(words));
}

absl::Status ShellAttempt::Install(ShellClient& client, Dialogue& dialogue,
                                   absl::string_view system) {
  const absl::StatusOr<bool> uploaded = InstallAgent(
      dialogue, bundle_,
      {.marker = marker_,
       .system = std::string(system),
       .agent_dir = options_.agent_dir,
       .answer_timeout = std::max(options_.connect_timeout, kAnswerTimeoutMin),
       .silence_max = options_.upload_silence_max,
       .on_progress = [this](uint64_t done, uint64_t total) { ReportUpload(done, total); }});
  if (uploaded.ok()) return absl::OkStatus();
  if (!dialogue.ended()) return uploaded.status();
  const absl::Status why =
      client.Explain(ClientStage::kBootstrap, std::string(dialogue.noise())).why;
  return upload_bytes_ == 0 ? why
                            : Annotate(why, absl::StrCat("the upload of the agent was cut after ",
                                                         HowFar(upload_done_, upload_bytes_)));
}

absl::Status ShellAttempt::WhyNoReply(const absl::Status& status, ShellClient& client,
                                      Dialogue& dialogue) {
  if (KindOf(status) == v1::FAILURE_DROPPED) {
    return client.Explain(ClientStage::kConnecting, std::string(dialogue.noise())).why;
  }
  if (KindOf(status) != v1::FAILURE_TIMEOUT) return status;
  if (!client.at_shell()) return client.WhyNotAtShell();
  if (dialogue.sent_line() && RunsNothingBeforeTheEnd(dialogue)) {
    return MakeFailure(v1::FAILURE_NO_AGENT_POSSIBLE,
                       absl::StrCat(kOtherShell,
                                    ", and that one runs nothing before its input "
                                    "ends, as fish does"),
                       kFixOtherShell);
  }
  const std::string noise = PrintableHostText(dialogue.noise(), kNoiseBytesShown);
  return MakeFailure(
      v1::FAILURE_TIMEOUT,
      absl::StrCat("the login worked, but the account's shell did not run our command within ",
                   absl::FormatDuration(options_.connect_timeout),
                   noise.empty() ? "" : absl::StrCat("; it said: ", noise)),
      "Look at the account's startup files (.bashrc, .profile): they must end and must not start "
      "another shell; raise remoteOptions.connectTimeout if they are slow.");
}

absl::StatusOr<v1::Hello> ShellAttempt::AwaitHello(ShellClient& client) {
  const absl::StatusOr<v1::Hello> hello =
      ReadAgentHello(client.stdio(), absl::Now() + options_.connect_timeout, options_.cancelled);
  switch (KindOf(hello.status())) {
    case v1::FAILURE_TIMEOUT:
      found_no_agent_ = found_installed_;
      return MakeFailure(v1::FAILURE_TIMEOUT,
                         absl::StrCat("the agent on the host did not greet within ",
                                      absl::FormatDuration(options_.connect_timeout)),
                         "Raise remoteOptions.connectTimeout if the host is slow.");
    case v1::FAILURE_INTERNAL:  // Something else greets.
      found_no_agent_ = found_installed_;
      return hello;
    case v1::FAILURE_DROPPED: {
      // The client knows more about it.
      const ShellClient::End end = client.Explain(ClientStage::kBootstrap, "");
      found_no_agent_ = found_installed_ && end.agent_said_nothing;
      return end.why;
    }
    default:
      return hello;
  }
}

void ShellAttempt::Report(ConnectProgress::Stage stage, absl::string_view doing) const {
  if (!options_.on_progress) return;
  options_.on_progress({.stage = stage, .text = absl::StrCat(doing, options_.destination)});
}

void ShellAttempt::ReportUpload(uint64_t done, uint64_t total) {
  upload_done_ = done;
  upload_bytes_ = total;
  if (!options_.on_progress) return;
  options_.on_progress({.stage = ConnectProgress::Stage::kUploading,
                        .text = absl::StrCat("uploading the agent to ", options_.destination),
                        .bytes_done = done,
                        .bytes_total = total});
}

}  // namespace iris
