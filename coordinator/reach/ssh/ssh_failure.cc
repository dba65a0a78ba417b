#include "coordinator/reach/ssh/ssh_failure.h"

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/link/host_text.h"
#include "coordinator/reach/shell/bridge_failure.h"
#include "coordinator/reach/ssh/ssh_lines.h"

namespace iris {
namespace {

// The line with which ssh says that a connection that stood was lost.
absl::optional<Found> FindLoss(const SshEnd& end) {
  std::vector<absl::string_view> lines = Lines(end.log);
  // What became of a forward is another matter.
  const auto is_of_channel = [](absl::string_view line) {
    return absl::StartsWith(line, "channel ");
  };
  lines.erase(std::remove_if(lines.begin(), lines.end(), is_of_channel), lines.end());
  // The one line that ssh does not write into its log.
  const std::vector<absl::string_view> said = TrailingSshLines(end.stderr_text);
  if (!said.empty() && absl::StartsWith(said.front(), "Connection to ") &&
      absl::EndsWith(said.front(), " closed by remote host.")) {
    lines.push_back(said.front());
  }
  return FindSshWords(lines, v1::FAILURE_UNREACHABLE);
}

// What the agent's bridge says of itself; an ssh that failed, or still runs, has the last word.
absl::optional<absl::Status> FromBridge(const SshEnd& end) {
  if (end.exit_code.value_or(255) == 255) return absl::nullopt;
  return FailureOfBridge(end.stderr_text);
}

// Lines that ssh writes into its log when all is well.
bool IsRoutine(absl::string_view line) {
  for (const absl::string_view start :
       {kLoggedInLine, absl::string_view("Transferred: "), absl::string_view("Bytes per second: "),
        absl::string_view("debug")}) {
    if (absl::StartsWith(line, start)) return true;
  }
  return false;
}

std::string LastWords(const SshEnd& end) {
  for (const std::string* text : {&end.log, &end.stderr_text, &end.noise}) {
    std::vector<absl::string_view> lines = Lines(*text);
    lines.erase(std::remove_if(lines.begin(), lines.end(), IsRoutine), lines.end());
    if (!lines.empty()) {
      return absl::StrCat("; its last words: ", PrintableHostText(lines.back(), kSshLineBytesMax));
    }
  }
  return "; it said nothing";
}

// What a shell returns for a command that somebody ended. What cannot run dies of other signals.
bool EndedByOthers(int code) {
  for (const int signal : {SIGHUP, SIGINT, SIGKILL, SIGTERM}) {
    if (code == 128 + signal) return true;
  }
  return false;
}

// The remote command, or the shell in its place, ended by itself. 255 is ssh's own, and what it
// makes of a command that a signal killed.
bool EndedByItself(const SshEnd& end) {
  const int code = end.exit_code.value_or(255);
  return code < 128;
}

constexpr absl::string_view kFixShell =
    "Check that `ssh HOST echo ok` prints ok: the account needs a shell, startup files (.bashrc, "
    ".profile) that do not exit, and `sh` on its PATH.";

absl::Status WithoutWords(const SshEnd& end) {
  const int code = end.exit_code.value_or(0);
  const std::string how =
      end.exit_code.has_value() ? absl::StrCat("with status ", code) : "without ending";
  const std::string last_words = LastWords(end);
  const bool bootstrap = end.stage == SshEnd::Stage::kBootstrap;
  if (!bootstrap && end.logged_in && (code == 255 || EndedByOthers(code))) {
    return MakeFailure(v1::FAILURE_UNREACHABLE,
                       absl::StrCat("the login worked, and the connection ended ", how,
                                    " before the account's shell had run our command", last_words),
                       kFixShell);
  }
  if (!end.exit_code.has_value() || (code == 255 && !bootstrap)) {
    return MakeFailure(v1::FAILURE_UNREACHABLE, absl::StrCat("ssh ended ", how, last_words));
  }
  if (code == 255 || EndedByOthers(code)) {
    return MakeFailure(
        v1::FAILURE_UNREACHABLE,
        absl::StrCat(bootstrap ? "the agent on the host" : "ssh", " was killed, status ", code,
                     last_words),
        "It is tried again by itself. If it stays so, find out what ends it: a person, a limit of "
        "the account, or want of memory.");
  }
  if (!bootstrap) {
    return MakeFailure(v1::FAILURE_NO_AGENT_POSSIBLE,
                       absl::StrCat("the account's login shell ended ", how,
                                    " instead of running our command", last_words),
                       kFixShell);
  }
  const bool cannot_run = code == 126 || code == 127 || code > 128;
  return MakeFailure(cannot_run ? v1::FAILURE_NOT_EXECUTABLE : v1::FAILURE_INTERNAL,
                     absl::StrCat("the agent on the host ended ", how, last_words));
}

// So ssh names the other end of a program of ours: another ssh for a jump host, a ProxyCommand.
constexpr absl::string_view kProgramsEnd = "UNKNOWN port 65535";

// The other end of a connection was silent from the start.
bool SaysSilent(absl::string_view text) {
  return absl::StrContains(text, "kex_exchange_identification") ||
         absl::StrContains(text, "banner exchange");
}

// A program of ours ended by itself before the target answered; not where ssh gave it up.
bool ProgramEnded(const SshEnd& end) {
  return SaysSilent(end.log) && !absl::StrContains(end.log, "timed out");
}

constexpr absl::string_view kFixWay =
    "Look at the way to the host (-J in the team's `remote`, ProxyJump or ProxyCommand in "
    "~/.ssh/config): `ssh HOST` from a shell shows the same. The host behind it may be overloaded "
    "or down. It is tried again by itself.";

// What a jump host's ssh said last, which ends what its banner says. OK: nothing.
absl::Status FailureOfJump(const SshEnd& end) {
  const std::vector<absl::string_view> lines = TrailingSshLines(end.stderr_text);
  for (absl::string_view line : lines) {
    // It went through another jump host in turn: the reason stands before this.
    if (SaysSilent(line) || absl::StrContains(line, kProgramsEnd)) continue;
    const absl::optional<Found> last = FindSshWords({line});
    if (!last.has_value()) continue;
    const FailureKind kind = last->words->kind;
    // Once the target has answered, the login at the jump host was accepted; and an ssh that still
    // ran had refused nothing: then these are a banner's lines.
    if (kind != v1::FAILURE_UNREACHABLE && !ProgramEnded(end)) return absl::OkStatus();
    // A banner comes before the login, and may end as ssh's lines do.
    if (kind == v1::FAILURE_AUTH) return last->FailureOfJump();
    if (absl::StrContains(line, "stdio forwarding failed")) {
      const absl::optional<Found> behind = FindBehindJump(lines);
      if (behind.has_value()) return behind->Failure();
    }
    return FindSshWords(lines, kind)->FailureOfJump();  // The most telling line of that kind.
  }
  return absl::OkStatus();
}

// ssh has a word for it, and a program on the way there may have had another.
absl::Status WithWordsOnTheWay(const Found& own, const SshEnd& end) {
  if (own.words->kind != v1::FAILURE_UNREACHABLE) return own.Failure();
  const bool program_ended = absl::StrContains(end.log, kProgramsEnd) && ProgramEnded(end);
  std::string detail =
      program_ended ? absl::StrCat("no ssh server answers behind the jump host or ProxyCommand (",
                                   PrintableHostText(own.line, kSshLineBytesMax), ")")
                    : own.Detail();
  if (const std::vector<absl::string_view> others = Lines(end.stderr_text); !others.empty()) {
    absl::StrAppend(&detail, "; what was said on the way there: ",
                    PrintableHostText(others.back(), kSshLineBytesMax));
  }
  return MakeFailure(v1::FAILURE_UNREACHABLE, detail, program_ended ? kFixWay : own.words->fix);
}

absl::Status BeforeLogin(const SshEnd& end) {
  if (absl::StrContains(end.log, kProgramsEnd)) {
    if (const absl::Status of_jump = FailureOfJump(end); !of_jump.ok()) return of_jump;
  }
  if (const absl::optional<Found> own = FindSshWords(Lines(end.log)); own.has_value()) {
    return WithWordsOnTheWay(*own, end);
  }
  // It did not come as far as its log.
  if (end.log.empty() && end.exit_code == 255) {
    const absl::optional<Found> refused =
        FindSshWords(Lines(end.stderr_text), v1::FAILURE_BAD_REQUEST);
    if (refused.has_value()) return refused->Failure();
  }
  return WithoutWords(end);
}

absl::Status AfterLogin(const SshEnd& end) {
  if (EndedByItself(end)) {
    if (end.stage == SshEnd::Stage::kBootstrap) return FromBridge(end).value_or(WithoutWords(end));
    const std::string said = absl::StrCat(end.stderr_text, "\n", end.noise);
    const absl::optional<Found> account = FindAccountWords(Lines(said));
    return account.has_value() ? account->Failure() : WithoutWords(end);
  }
  const absl::optional<Found> loss = FindLoss(end);
  return loss.has_value() ? loss->Failure() : WithoutWords(end);
}

absl::Status WhenUp(const SshEnd& end) {
  if (const absl::optional<Found> loss = FindLoss(end); loss.has_value()) {
    return MakeFailure(v1::FAILURE_DROPPED, loss->Detail());
  }
  const std::string how =
      end.exit_code.has_value() ? absl::StrCat("with status ", *end.exit_code) : "without ending";
  return MakeFailure(v1::FAILURE_DROPPED,
                     absl::StrCat("the connection to the host ended ", how, LastWords(end)));
}

}  // namespace

absl::Status ClassifySshEnd(const SshEnd& end) {
  switch (end.stage) {
    case SshEnd::Stage::kConnecting:
      return end.logged_in ? AfterLogin(end) : BeforeLogin(end);
    case SshEnd::Stage::kBootstrap:
      return AfterLogin(end);
    case SshEnd::Stage::kUp:
      break;
  }
  return WhenUp(end);
}

bool AgentSaidNothing(const SshEnd& end) {
  return end.stage == SshEnd::Stage::kBootstrap && !FromBridge(end).has_value() &&
         (EndedByItself(end) || !FindLoss(end).has_value());
}

}  // namespace iris
