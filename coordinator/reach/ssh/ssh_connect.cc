#include "coordinator/reach/ssh/ssh_connect.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/types/optional.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "coordinator/link/host_text.h"
#include "coordinator/reach/shell/shell_attempt.h"
#include "coordinator/reach/shell/shell_client.h"
#include "coordinator/reach/ssh/forward.h"
#include "coordinator/reach/ssh/greeting.h"
#include "coordinator/reach/ssh/key_file.h"
#include "coordinator/reach/ssh/ssh_command.h"
#include "coordinator/reach/ssh/ssh_process.h"

namespace iris {
namespace {

constexpr size_t kWordsBytesShown = 600;
// Between a host's words and its login; more, and a person may have done what they said.
constexpr absl::Duration kGreetingMax = absl::Seconds(3);

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
class Attempt final : private ShellClient {
 public:
  Attempt(const SshTarget& target, const AgentBundle& bundle, const SshConnectOptions& options)
      : target_(target),
        options_(options),
        shell_options_{.destination = target.remote.destination,
                       .agent_dir = target.options.agent_dir,
                       .connect_timeout = target.options.connect_timeout,
                       .upload_silence_max = options.upload_silence_max,
                       .on_progress = options.on_progress,
                       .cancelled = options.cancelled},
        shell_(bundle, shell_options_) {}

  absl::StatusOr<Connection> Run(bool ignore_installed) {
    if (absl::Status status = StartSsh(ignore_installed); !status.ok()) return status;
    start_ = absl::Now();
    absl::StatusOr<Connection> connection = shell_.Meet(*this);
    if (!connection.ok()) return connection;
    if (absl::Status status = ChooseWire(&*connection); !status.ok()) return status;
    connection->facts = {{.name = "sshPid", .value = absl::StrCat(ssh_->pid())}};
    connection->owner = std::move(ssh_);
    return connection;
  }

  // The host had an agent's file, from which no greeting came.
  bool found_no_agent() const { return shell_.found_no_agent(); }

 private:
  absl::Status StartSsh(bool ignore_installed) {
    const absl::StatusOr<std::string> line = shell_.CommandLine(ignore_installed);
    if (!line.ok()) return line.status();
    shell_.Report(ConnectProgress::Stage::kConnecting, "connecting to ");
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

  int stdio() const override { return ssh_->stdio().get(); }
  bool at_shell() const override { return ssh_->logged_in(); }
  void OnAnswered() override { LearnGreeting(); }

  // Until when the host has time: for the login, and then as long again for our command.
  absl::Time Deadline() override {
    const absl::Duration timeout = target_.options.connect_timeout;
    if (ssh_->logged_in()) {
      if (!logged_in_at_.has_value()) logged_in_at_ = absl::Now();
      return *logged_in_at_ + timeout;
    }
    ReportWordsBeforeLogin();
    return start_ + (WantsSomething() ? LoginPatience() : timeout);
  }

  End Explain(ClientStage stage, std::string noise) override {
    const SshEnd end = ssh_->End(stage, std::move(noise));
    const absl::Status why = ClassifySshEnd(end);
    if (stage == ClientStage::kConnecting) {
      return {.why = WithWords(WithKeyFile(why, target_, ssh_->log()))};
    }
    return {.why = why, .agent_said_nothing = AgentSaidNothing(end)};
  }

  absl::Status WhyNotAtShell() override {
    if (WantsSomething()) {
      return MakeFailure(
          v1::FAILURE_AUTH,
          absl::StrCat("the host did not accept the login within ",
                       absl::FormatDuration(LoginPatience()),
                       "; the host says: ", WordsBeforeLogin()),
          "If it wants something of you (a page to visit, a code, a touch of a key), connect once "
          "with ssh from a shell and do it, then send the message again.");
    }
    const absl::string_view what =
        words_reported_.empty() ? "did not answer" : "greets, but did not accept the login";
    return MakeFailure(v1::FAILURE_UNREACHABLE,
                       absl::StrCat("the host ", what, " within ",
                                    absl::FormatDuration(target_.options.connect_timeout)),
                       "Check that the host is up and that this machine's network reaches it (VPN, "
                       "firewall, jump host); raise remoteOptions.connectTimeout if it is slow.");
  }

  absl::Duration LoginPatience() const {
    return std::max(target_.options.connect_timeout, options_.login_patience);
  }

  // The host has said something before the login that is more than its greeting.
  bool WantsSomething() const {
    return !words_reported_.empty() &&
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
    if (words_reported_.empty() || ssh_->logged_in()) return why;
    Failure failure = ToProto(why);
    failure.set_detail(
        absl::StrCat(failure.detail(), "; before the login the host says: ", WordsBeforeLogin()));
    return FromProto(failure);
  }

  void ReportWordsBeforeLogin() {
    if (ssh_->logged_in()) return;
    const std::string words = WordsBeforeLogin();
    if (words.empty() || words == words_reported_) return;
    // Most hosts only greet, and let us in at once.
    if (!words_seen_at_.has_value()) {
      words_seen_at_ = absl::Now();
      return;
    }
    words_reported_ = words;
    if (!options_.on_progress) return;
    options_.on_progress(
        {.stage = ConnectProgress::Stage::kConnecting,
         .text = absl::StrCat(target_.remote.destination,
                              " has not accepted the login yet; the host says: ", words),
         .host_asks = true});
  }

  absl::Status ChooseWire(Connection* connection) {
    using Wanted = SshOptions::LinkMode;
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
      if (wanted == Wanted::kForward) {
        ReportUnused(connection->hello);
        return NoForward(connection->mode_reason);
      }
    }
    connection->wire = std::move(ssh_->stdio());
    connection->mode = LinkMode::kStdio;
    return absl::OkStatus();
  }

  void ReportUnused(const v1::Hello& hello) const {
    if (!options_.on_progress) return;
    options_.on_progress(
        {.stage = ConnectProgress::Stage::kStarting,
         .text = absl::StrCat("reaching the agent on ", target_.remote.destination),
         .hello = std::make_shared<const v1::Hello>(hello)});
  }

  const SshTarget& target_;
  const SshConnectOptions& options_;
  const ShellAttemptOptions shell_options_;
  ShellAttempt shell_;
  const std::string id_ = RandomHex(4);
  const SshSockets sockets_ = {.control = absl::StrCat(options_.runtime_dir, "/c", id_),
                               .forward = absl::StrCat(options_.runtime_dir, "/f", id_),
                               .log = absl::StrCat(options_.runtime_dir, "/l", id_)};
  std::unique_ptr<SshProcess> ssh_;
  absl::Time start_;  // Of the wait for the login.
  absl::optional<absl::Time> logged_in_at_;
  absl::optional<absl::Time> words_seen_at_;  // Before the login.
  std::string words_reported_;
};

}  // namespace

absl::StatusOr<Connection> ConnectOverSsh(const SshTarget& target, const AgentBundle& bundle,
                                          const SshConnectOptions& options) {
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
