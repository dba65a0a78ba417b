#include "coordinator/reach/ssh/ssh_connect.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/types/optional.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "coordinator/link/host_text.h"
#include "coordinator/reach/shell/dialogue.h"
#include "coordinator/reach/shell/hello.h"
#include "coordinator/reach/shell/install.h"
#include "coordinator/reach/shell/remote_command_line.h"
#include "coordinator/reach/ssh/forward.h"
#include "coordinator/reach/ssh/greeting.h"
#include "coordinator/reach/ssh/key_file.h"
#include "coordinator/reach/ssh/ssh_command.h"
#include "coordinator/reach/ssh/ssh_process.h"

namespace iris {
namespace {

constexpr size_t kNoiseBytesShown = 200;
constexpr size_t kWordsBytesShown = 600;
// Between a host's words and its login; more, and a person may have done what they said.
constexpr absl::Duration kGreetingMax = absl::Seconds(3);
constexpr absl::Duration kLastReply = absl::Seconds(1);  // After the end of what a shell reads.

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

// ssh reads these paths in places where '%', '$', ':' and blanks have meanings.
absl::Status CheckRuntimeDir(const std::string& dir) {
  const bool plain = std::all_of(dir.begin(), dir.end(), [](char c) {
    return absl::ascii_isalnum(c) ||
           absl::string_view("/._-+@=,").find(c) != absl::string_view::npos;
  });
  if (plain && absl::StartsWith(dir, "/") && dir.size() <= kRuntimeDirBytesMax) {
    return absl::OkStatus();
  }
  return MakeFailure(
      v1::FAILURE_STORAGE,
      absl::StrCat("the directory for sockets, ", dir, ", is too long or holds unusual characters"),
      "Set XDG_RUNTIME_DIR or IRIS_HOME to a short, plain path.");
}

absl::Status NoForward(absl::string_view why) {
  return MakeFailure(v1::FAILURE_UNREACHABLE,
                     absl::StrCat("remoteOptions.linkMode is forward, and ", why),
                     "Allow it in the host's sshd_config (AllowStreamLocalForwarding yes), or set "
                     "remoteOptions.linkMode to auto or stdio.");
}

// One connection, from ssh's start to the agent's hello.
class Attempt {
 public:
  Attempt(const SshTarget& target, const AgentBundle& bundle, const BootstrapOptions& options)
      : target_(target), bundle_(bundle), options_(options) {}

  absl::StatusOr<Connection> Run(bool ignore_installed) {
    if (absl::Status status = StartSsh(ignore_installed); !status.ok()) return status;
    Dialogue dialogue(ssh_->stdio().get(), marker_, options_.cancelled);
    if (absl::Status status = MeetShell(dialogue); !status.ok()) return status;
    Report(ConnectProgress::Stage::kStarting, "starting the agent on ");
    Connection connection;
    connection.uploaded = uploaded_;
    connection.remark = remark_;
    absl::StatusOr<v1::Hello> hello = AwaitHello();
    if (!hello.ok()) return hello.status();
    connection.hello = *std::move(hello);
    if (absl::Status status = ChooseWire(&connection); !status.ok()) return status;
    connection.facts = {{.name = "sshPid", .value = absl::StrCat(ssh_->pid())}};
    connection.owner = std::move(ssh_);
    return connection;
  }

  // The host had an agent's file, from which no greeting came.
  bool found_no_agent() const { return found_no_agent_; }

 private:
  absl::Status StartSsh(bool ignore_installed) {
    absl::StatusOr<std::vector<AgentBuild>> builds = AllBuilds(bundle_);
    if (!builds.ok()) return builds.status();
    RemoteCommandLine command = {.marker = marker_,
                                 .builds = *std::move(builds),
                                 .agent_dir = target_.options.agent_dir,
                                 .ignore_installed = ignore_installed};
    const absl::StatusOr<std::string> line = MakeRemoteCommandLine(command);
    if (!line.ok()) return line.status();
    command.on_stdin = true;
    const absl::StatusOr<std::string> on_stdin = MakeRemoteCommandLine(command);
    if (!on_stdin.ok()) return on_stdin.status();
    stdin_line_ = absl::StrCat(" ", *on_stdin, "\n");
    Report(ConnectProgress::Stage::kConnecting, "connecting to ");
    absl::StatusOr<std::unique_ptr<SshProcess>> ssh = SshProcess::Start(
        ConnectArgv(target_, sockets_.control, sockets_.log, *line, options_.session_options),
        SshEnv(target_), sockets_.log);
    if (!ssh.ok()) return ssh.status();
    ssh_ = *std::move(ssh);
    if (options_.on_ssh) options_.on_ssh();
    ssh_->RemoveAtEnd(sockets_.control);
    ssh_->RemoveAtEnd(sockets_.forward);
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> FirstReply(Dialogue& dialogue) {
    start_ = absl::Now();
    absl::StatusOr<std::string> reply =
        dialogue.FirstReply(start_ + target_.options.connect_timeout,
                            {.line = stdin_line_,
                             .may_send_line = [this] { return ssh_->logged_in(); },
                             .on_look = [this] { return LookAtLogin(); }});
    if (reply.ok()) LearnGreeting();
    return reply;
  }

  // Until when the host has time: for the login, and then as long again for our command.
  absl::Time LookAtLogin() {
    const absl::Duration timeout = target_.options.connect_timeout;
    if (ssh_->logged_in()) {
      if (!logged_in_at_.has_value()) logged_in_at_ = absl::Now();
      return *logged_in_at_ + timeout;
    }
    TellWordsBeforeLogin();
    return start_ + (WantsSomething() ? LoginPatience() : timeout);
  }

  absl::Duration LoginPatience() const {
    return std::max(target_.options.connect_timeout, options_.login_patience);
  }

  // The host has said something before the login that is more than its greeting.
  bool WantsSomething() const {
    return !words_told_.empty() &&
           (options_.greeting == nullptr || !options_.greeting->Knows(ssh_->said()));
  }

  void LearnGreeting() const {
    const absl::Time login = logged_in_at_.value_or(absl::Now());
    const bool at_once = login - words_seen_at_.value_or(login) < kGreetingMax;
    if (options_.greeting != nullptr && at_once) options_.greeting->Learn(ssh_->said());
  }

  // What the host, or a program on the way there, says before the login. Nobody's verdict.
  std::string WordsBeforeLogin() const {
    const std::string said = ssh_->said();
    return PrintableHostText(
        absl::string_view(said).substr(said.size() - std::min(said.size(), kWordsBytesShown)),
        kWordsBytesShown);
  }

  // They may say what was to be done.
  absl::Status WithWords(const absl::Status& why) const {
    if (words_told_.empty() || ssh_->logged_in()) return why;
    Failure failure = ToProto(why);
    failure.set_detail(
        absl::StrCat(failure.detail(), "; before the login the host says: ", WordsBeforeLogin()));
    return FromProto(failure);
  }

  void TellWordsBeforeLogin() {
    if (ssh_->logged_in()) return;
    const std::string words = WordsBeforeLogin();
    if (words.empty() || words == words_told_) return;
    // Most hosts only greet, and let us in at once.
    if (!words_seen_at_.has_value()) {
      words_seen_at_ = absl::Now();
      return;
    }
    words_told_ = words;
    if (!options_.on_progress) return;
    options_.on_progress(
        {.stage = ConnectProgress::Stage::kConnecting,
         .text = absl::StrCat(target_.remote.destination,
                              " has not accepted the login yet; the host says: ", words)});
  }

  // Until the agent's bridge runs.
  absl::Status MeetShell(Dialogue& dialogue) {
    const absl::StatusOr<std::string> reply = FirstReply(dialogue);
    if (!reply.ok()) {
      absl::Status why = WhyNoReply(reply.status(), dialogue);
      if (MayRunUnheard(why)) Report(ConnectProgress::Stage::kStarting, "starting the agent on ");
      return why;
    }
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
    const absl::StatusOr<bool> uploaded = InstallAgent(
        dialogue, bundle_,
        {.marker = marker_,
         .system = std::string(absl::StripAsciiWhitespace(words)),
         .agent_dir = target_.options.agent_dir,
         .answer_timeout = std::max(target_.options.connect_timeout, kAnswerTimeoutMin),
         .silence_max = options_.upload_silence_max,
         .on_progress = [this](uint64_t done, uint64_t total) { ReportUpload(done, total); }});
    if (uploaded.ok()) {
      uploaded_ = *uploaded;
      return absl::OkStatus();
    }
    if (!dialogue.ended()) return uploaded.status();
    const absl::Status why =
        ssh_->WhyEnded(SshEnd::Stage::kBootstrap, std::string(dialogue.noise()));
    return upload_bytes_ == 0 ? why
                              : Annotate(why, absl::StrCat("the upload of the agent was cut after ",
                                                           HowFar(upload_done_, upload_bytes_)));
  }

  absl::StatusOr<v1::Hello> AwaitHello() {
    const absl::StatusOr<v1::Hello> hello = ReadAgentHello(
        ssh_->stdio().get(), absl::Now() + target_.options.connect_timeout, options_.cancelled);
    switch (KindOf(hello.status())) {
      case v1::FAILURE_TIMEOUT:
        found_no_agent_ = found_installed_;
        return MakeFailure(v1::FAILURE_TIMEOUT,
                           absl::StrCat("the agent on the host did not greet within ",
                                        absl::FormatDuration(target_.options.connect_timeout)),
                           "Raise remoteOptions.connectTimeout if the host is slow.");
      case v1::FAILURE_INTERNAL:  // Something else greets.
        found_no_agent_ = found_installed_;
        return hello;
      case v1::FAILURE_DROPPED: {
        // ssh knows more about it.
        const SshEnd end = ssh_->End(SshEnd::Stage::kBootstrap, "");
        found_no_agent_ = found_installed_ && AgentSaidNothing(end);
        return ClassifySshEnd(end);
      }
      default:
        return hello;
    }
  }

  absl::Status ChooseWire(Connection* connection) {
    using Wanted = RemoteOptions::LinkMode;
    const Wanted wanted = target_.options.link_mode;
    if (wanted == Wanted::kStdio) {
      connection->mode_reason = "remoteOptions.linkMode is stdio";
    } else {
      absl::StatusOr<ScopedFd> forwarded =
          OpenForward(target_, sockets_, connection->hello, *ssh_, options_.cancelled);
      if (forwarded.ok()) {
        connection->wire = *std::move(forwarded);
        connection->mode = LinkMode::kForward;
        return absl::OkStatus();
      }
      if (KindOf(forwarded.status()) == v1::FAILURE_CANCELLED) return forwarded.status();
      connection->mode_reason = ToProto(forwarded.status()).detail();
      if (wanted == Wanted::kForward) return NoForward(connection->mode_reason);
    }
    connection->wire = std::move(ssh_->stdio());
    connection->mode = LinkMode::kStdio;
    return absl::OkStatus();
  }

  // The host let us in, and was lost, or given up, before its shell was heard: it may have run our
  // command, or run it yet.
  bool MayRunUnheard(const absl::Status& why) const {
    switch (KindOf(why)) {
      case v1::FAILURE_UNREACHABLE:
      case v1::FAILURE_DROPPED:
      case v1::FAILURE_TIMEOUT:
      case v1::FAILURE_CANCELLED:
        return ssh_->logged_in();
      default:
        return false;
    }
  }

  absl::Status WhyNoReply(const absl::Status& status, Dialogue& dialogue) {
    if (KindOf(status) != v1::FAILURE_TIMEOUT) {
      if (KindOf(status) != v1::FAILURE_DROPPED) return status;
      const absl::Status why =
          ssh_->WhyEnded(SshEnd::Stage::kConnecting, std::string(dialogue.noise()));
      return WithWords(WithKeyFile(why, target_, ssh_->log()));
    }
    const std::string limit = absl::FormatDuration(target_.options.connect_timeout);
    if (!ssh_->logged_in() && WantsSomething()) {
      return MakeFailure(
          v1::FAILURE_AUTH,
          absl::StrCat("the host did not accept the login within ",
                       absl::FormatDuration(LoginPatience()),
                       "; the host says: ", WordsBeforeLogin()),
          "If it wants something of you (a page to visit, a code, a touch of a key), connect once "
          "with ssh from a shell and do it, then send the message again.");
    }
    if (!ssh_->logged_in()) {
      const absl::string_view what =
          words_told_.empty() ? "did not answer" : "greets, but did not accept the login";
      return MakeFailure(
          v1::FAILURE_UNREACHABLE, absl::StrCat("the host ", what, " within ", limit),
          "Check that the host is up and that this machine's network reaches it (VPN, "
          "firewall, jump host); raise remoteOptions.connectTimeout if it is slow.");
    }
    if (dialogue.sent_line() && RunsNothingBeforeTheEnd(dialogue)) {
      return MakeFailure(v1::FAILURE_NO_AGENT_POSSIBLE,
                         absl::StrCat(kOtherShell, ", and that one runs nothing before its input "
                                                   "ends, as fish does"),
                         kFixOtherShell);
    }
    const std::string noise = PrintableHostText(dialogue.noise(), kNoiseBytesShown);
    return MakeFailure(
        v1::FAILURE_TIMEOUT,
        absl::StrCat("the login worked, but the account's shell did not run our command within ",
                     limit, noise.empty() ? "" : absl::StrCat("; it said: ", noise)),
        "Look at the account's startup files (.bashrc, .profile): they must end and must not start "
        "another shell; raise remoteOptions.connectTimeout if they are slow.");
  }

  // Only a shell that reads all of its input first answers then, and what it starts reads nothing.
  static bool RunsNothingBeforeTheEnd(Dialogue& dialogue) {
    const absl::StatusOr<std::string> reply = dialogue.ReplyAtEnd(absl::Now() + kLastReply);
    return reply.ok() && absl::StartsWith(*reply, kOnStdin);
  }

  void Report(ConnectProgress::Stage stage, absl::string_view doing) const {
    if (!options_.on_progress) return;
    options_.on_progress({.stage = stage, .text = absl::StrCat(doing, target_.remote.destination)});
  }

  void ReportUpload(uint64_t done, uint64_t total) {
    upload_done_ = done;
    upload_bytes_ = total;
    if (!options_.on_progress) return;
    options_.on_progress(
        {.stage = ConnectProgress::Stage::kUploading,
         .text = absl::StrCat("uploading the agent to ", target_.remote.destination),
         .bytes_done = done,
         .bytes_total = total});
  }

  // A cold host's disk may be slow where its network is not.
  static constexpr absl::Duration kAnswerTimeoutMin = absl::Seconds(20);

  const SshTarget& target_;
  const AgentBundle& bundle_;
  const BootstrapOptions& options_;
  const std::string marker_ = RandomHex(16);
  const SshSockets sockets_ = {
      .control = absl::StrCat(options_.runtime_dir, "/c", marker_.substr(0, 8)),
      .forward = absl::StrCat(options_.runtime_dir, "/f", marker_.substr(0, 8)),
      .log = absl::StrCat(options_.runtime_dir, "/l", marker_.substr(0, 8))};
  std::unique_ptr<SshProcess> ssh_;
  std::string stdin_line_;  // For a shell that runs in place of our command.
  std::string remark_;
  absl::Time start_;  // Of the wait for the login.
  absl::optional<absl::Time> logged_in_at_;
  absl::optional<absl::Time> words_seen_at_;  // Before the login.
  std::string words_told_;
  bool found_installed_ = false;
  bool found_no_agent_ = false;
  bool uploaded_ = false;
  uint64_t upload_done_ = 0;
  uint64_t upload_bytes_ = 0;  // 0: none was begun.
};

}  // namespace

absl::StatusOr<Connection> ConnectOverSsh(const SshTarget& target, const AgentBundle& bundle,
                                          const BootstrapOptions& options) {
  if (absl::Status status = CheckRuntimeDir(options.runtime_dir); !status.ok()) return status;
  absl::StatusOr<Connection> connection = absl::UnknownError("");
  bool look_closer = false;
  {
    Attempt attempt(target, bundle, options);
    connection = attempt.Run(/*ignore_installed=*/false);
    look_closer = attempt.found_no_agent();
  }
  if (look_closer) connection = Attempt(target, bundle, options).Run(/*ignore_installed=*/true);
  if (!connection.ok()) return Annotate(connection.status(), target.remote.destination);
  return connection;
}

}  // namespace iris
