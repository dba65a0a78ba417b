#include "coordinator/bootstrap/ssh_failure.h"

#include <array>
#include <csignal>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/failure/failure.h"
#include "coordinator/bootstrap/host_text.h"

namespace iris {
namespace {

constexpr size_t kLineBytesMax = 400;

struct Words {
  absl::string_view text;  // Within one line.
  FailureKind kind;
  absl::string_view cause;  // Comes before the line itself.
  absl::string_view fix;    // Empty = the kind's.
};

constexpr absl::string_view kFixKnownHost =
    "Compare what `ssh-keyscan HOST | ssh-keygen -lf -` prints with the fingerprint that the "
    "host's "
    "administrator gives you, then connect once with ssh from a shell and accept the key; or set "
    "remoteOptions.strictHostKeyChecking to false, which accepts the keys of new hosts.";
constexpr absl::string_view kFixChangedKey =
    "This may be an attack. Ask the host's administrator for the key's fingerprint; only if the "
    "key "
    "was really changed, run `ssh-keygen -R HOST` here, then connect once with ssh from a shell.";
constexpr absl::string_view kFixLogin =
    "Check the account's name, and that remoteOptions.identity (or ~/.ssh/config) names a key "
    "which "
    "the account accepts; a key with a passphrase must be in the agent (`ssh-add -l` lists them).";
constexpr absl::string_view kFixAccount =
    "Ask the host's administrator for an account that may run commands.";
constexpr absl::string_view kFixPassword =
    "Log in once with ssh from a shell and set a new password.";
constexpr absl::string_view kFixConfiguration =
    "Correct the team's `remote`, or the line of ~/.ssh/config that ssh names; `ssh -v HOST` from "
    "a "
    "shell shows the same.";
constexpr absl::string_view kFixName =
    "Check the spelling, and that this machine can resolve the name (VPN, DNS, ~/.ssh/config).";
constexpr absl::string_view kFixPort =
    "Check that sshd runs on the host and listens on that port (remoteOptions.port).";
constexpr absl::string_view kFixNetwork =
    "Check that the host is up and that this machine's network reaches it (VPN, firewall, jump "
    "host).";
constexpr absl::string_view kFixBusy =
    "The host closed the connection before the login: it may be overloaded, limit connections, or "
    "not "
    "speak ssh on that port. It is tried again by itself.";

// In the order of trust: the first row that any line holds decides. Through a jump host the text
// of what really failed comes with the less telling text of the outer connection.
constexpr std::array kTable = std::to_array<Words>({
    {"REMOTE HOST IDENTIFICATION HAS CHANGED", v1::FAILURE_HOST_KEY,
     "the host shows another key than the one that is known", kFixChangedKey},
    {"REVOKED HOST KEY", v1::FAILURE_HOST_KEY, "the host shows a key that was revoked",
     kFixChangedKey},
    {"Host key verification failed", v1::FAILURE_HOST_KEY, "the host's key is not known here",
     kFixKnownHost},
    {"host key is known for", v1::FAILURE_HOST_KEY, "the host's key is not known here",
     kFixKnownHost},
    {"UNPROTECTED PRIVATE KEY FILE", v1::FAILURE_AUTH,
     "others can read the private key's file, so ssh does not use it",
     "Run `chmod 600` on the key's file."},
    {"bad permissions", v1::FAILURE_AUTH,
     "others can read the private key's file, so ssh does not use it",
     "Run `chmod 600` on the key's file."},
    {"Too many authentication failures", v1::FAILURE_AUTH,
     "ssh offered more keys than the host looks at",
     "Set remoteOptions.identity and add `-o IdentitiesOnly=yes` to `remote`."},
    {"password has expired", v1::FAILURE_AUTH, "the account's password has expired", kFixPassword},
    {"required to change your password", v1::FAILURE_AUTH, "the account needs a new password",
     kFixPassword},
    {"account is currently not available", v1::FAILURE_AUTH, "the account may not run commands",
     kFixAccount},
    {"allows sftp connections only", v1::FAILURE_AUTH, "the account may only copy files",
     kFixAccount},
    {"account has expired", v1::FAILURE_AUTH, "the account has expired", kFixAccount},
    {"not permitted to log in", v1::FAILURE_UNREACHABLE, "the host lets nobody log in just now",
     ""},
    {"Permission denied (", v1::FAILURE_AUTH, "the host refused the login", kFixLogin},
    {"Permission denied, please try again", v1::FAILURE_AUTH, "the host refused the login",
     kFixLogin},
    {"Unable to negotiate with", v1::FAILURE_BAD_REQUEST,
     "ssh and the host have no algorithm in common",
     "Update the host's sshd, or allow one of the algorithms it offers in ~/.ssh/config."},
    {"Bad configuration option", v1::FAILURE_BAD_REQUEST, "ssh refuses its configuration",
     kFixConfiguration},
    {"Bad owner or permissions on", v1::FAILURE_BAD_REQUEST, "ssh refuses its configuration",
     "Run `chmod 600` on the file that ssh names."},
    {"extra arguments at end of line", v1::FAILURE_BAD_REQUEST, "ssh refuses its configuration",
     kFixConfiguration},
    {"unknown option", v1::FAILURE_BAD_REQUEST, "ssh refuses its options", kFixConfiguration},
    {"contains invalid characters", v1::FAILURE_BAD_REQUEST, "ssh refuses the destination",
     kFixConfiguration},
    {"Bad stdio forwarding specification", v1::FAILURE_BAD_REQUEST, "ssh refuses its options",
     kFixConfiguration},
    {"Could not resolve hostname", v1::FAILURE_UNREACHABLE, "the host's name cannot be resolved",
     kFixName},
    {"Connection refused", v1::FAILURE_UNREACHABLE, "nothing listens there", kFixPort},
    {"onnection timed out", v1::FAILURE_UNREACHABLE, "the host does not answer", kFixNetwork},
    {"peration timed out", v1::FAILURE_UNREACHABLE, "the host does not answer", kFixNetwork},
    {"No route to host", v1::FAILURE_UNREACHABLE, "no way leads to the host", kFixNetwork},
    {"Network is unreachable", v1::FAILURE_UNREACHABLE, "no way leads to the host", kFixNetwork},
    {"banner exchange", v1::FAILURE_UNREACHABLE, "no ssh server answers there", kFixBusy},
    {"kex_exchange_identification", v1::FAILURE_UNREACHABLE, "no ssh server answers there",
     kFixBusy},
    {"Connection reset by", v1::FAILURE_UNREACHABLE, "the host closed the connection", kFixBusy},
    {"Connection closed by", v1::FAILURE_UNREACHABLE, "the host closed the connection", kFixBusy},
    {"Timeout, server", v1::FAILURE_UNREACHABLE, "the host stopped answering", kFixNetwork},
    {"closed by remote host", v1::FAILURE_UNREACHABLE, "the host closed the connection", kFixBusy},
    {"Broken pipe", v1::FAILURE_UNREACHABLE, "the connection broke", kFixNetwork},
});

std::vector<absl::string_view> Lines(absl::string_view text) {
  return absl::StrSplit(text, absl::ByAnyChar("\r\n"), absl::SkipWhitespace());
}

// For kUp: the text alone, a lost link needs no fix. Nothing: no row fits.
absl::optional<absl::Status> FromTable(const SshEnd& end) {
  const std::string text = absl::StrCat(end.stderr_text, "\n", end.noise);
  const std::vector<absl::string_view> lines = Lines(text);
  for (const Words& words : kTable) {
    for (absl::string_view line : lines) {
      if (!absl::StrContains(line, words.text)) continue;
      const std::string detail =
          absl::StrCat(words.cause, " (", PrintableHostText(line, kLineBytesMax), ")");
      const bool lost = end.stage == SshEnd::Stage::kUp && words.kind == v1::FAILURE_UNREACHABLE;
      return lost ? MakeFailure(v1::FAILURE_DROPPED, detail)
                  : MakeFailure(words.kind, detail, words.fix);
    }
  }
  return absl::nullopt;
}

FailureKind KindNamed(absl::string_view name) {
  for (int kind = v1::FailureKind_MIN; kind <= v1::FailureKind_MAX; ++kind) {
    if (KindName(static_cast<FailureKind>(kind)) == name) return static_cast<FailureKind>(kind);
  }
  return v1::FAILURE_UNSPECIFIED;
}

// The bridge ends with Describe() of its failure on stderr: "KIND: DETAIL", then "fix: FIX".
absl::optional<absl::Status> FromBridge(const SshEnd& end) {
  const std::vector<absl::string_view> lines = Lines(end.stderr_text);
  for (size_t i = lines.size(); i-- > 0;) {
    absl::string_view line = absl::StripPrefix(lines[i], "iris-agent: ");
    const size_t colon = line.find(": ");
    if (colon == absl::string_view::npos) continue;
    const FailureKind kind = KindNamed(line.substr(0, colon));
    if (kind == v1::FAILURE_UNSPECIFIED) continue;
    const bool has_fix = i + 1 < lines.size() && absl::StartsWith(lines[i + 1], "fix: ");
    const absl::string_view fix = has_fix ? lines[i + 1].substr(5) : "";
    return MakeFailure(kind, PrintableHostText(line.substr(colon + 2), kLineBytesMax),
                       PrintableHostText(fix, kLineBytesMax));
  }
  return absl::nullopt;
}

std::string LastWords(const SshEnd& end) {
  for (const std::string* text : {&end.stderr_text, &end.noise}) {
    const std::vector<absl::string_view> lines = Lines(*text);
    if (!lines.empty()) {
      return absl::StrCat("; its last words: ", PrintableHostText(lines.back(), kLineBytesMax));
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

absl::Status WithoutWords(const SshEnd& end) {
  const int code = end.exit_code.value_or(0);
  const std::string how =
      end.exit_code.has_value() ? absl::StrCat("with status ", code) : "without ending";
  const std::string last_words = LastWords(end);
  if (end.stage == SshEnd::Stage::kUp) {
    return MakeFailure(v1::FAILURE_DROPPED,
                       absl::StrCat("the connection to the host ended ", how, last_words));
  }
  // 255 is also what ssh makes of a command that a signal killed.
  const bool lost = code == 255 && end.stage == SshEnd::Stage::kConnecting;
  if (lost || !end.exit_code.has_value()) {
    return MakeFailure(v1::FAILURE_UNREACHABLE, absl::StrCat("ssh ended ", how, last_words));
  }
  if (EndedByOthers(code)) {
    return MakeFailure(
        v1::FAILURE_UNREACHABLE,
        absl::StrCat("our command on the host was killed, status ", code, last_words));
  }
  if (end.stage == SshEnd::Stage::kConnecting) {
    return MakeFailure(
        v1::FAILURE_NO_AGENT_POSSIBLE,
        absl::StrCat("the account's login shell ended ", how, " instead of running our command",
                     last_words),
        "Check that `ssh HOST echo ok` prints ok: the account needs a shell, startup "
        "files that do not exit, and `sh` on its PATH.");
  }
  const bool cannot_run = code == 126 || code == 127 || code > 128;
  return MakeFailure(cannot_run ? v1::FAILURE_NOT_EXECUTABLE : v1::FAILURE_INTERNAL,
                     absl::StrCat("the agent on the host ended ", how, last_words));
}

}  // namespace

absl::Status ClassifySshEnd(const SshEnd& end) {
  if (end.stage == SshEnd::Stage::kBootstrap && end.exit_code.value_or(255) != 255) {
    if (absl::optional<absl::Status> status = FromBridge(end)) return *status;
    return WithoutWords(end);
  }
  return FromTable(end).value_or(WithoutWords(end));
}

}  // namespace iris
