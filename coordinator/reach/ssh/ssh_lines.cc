#include "coordinator/reach/ssh/ssh_lines.h"

#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "coordinator/link/host_text.h"

namespace iris {
namespace {

constexpr absl::string_view kFixKnownHost =
    "Compare what `ssh-keyscan HOST | ssh-keygen -lf -` prints with the fingerprint that the "
    "host's administrator gives you, then connect once with ssh from a shell and accept the key; "
    "or set remoteOptions.strictHostKeyChecking to false, which accepts the keys of new hosts.";
constexpr absl::string_view kFixChangedKey =
    "This may be an attack. Ask the host's administrator for the key's fingerprint; only if the "
    "key was really changed, run `ssh-keygen -R HOST` here, then connect once with ssh from a "
    "shell.";
constexpr absl::string_view kFixLogin =
    "Check the account's name, and that remoteOptions.identity (or ~/.ssh/config) names a key "
    "which the account accepts; a key with a passphrase must be in the agent (`ssh-add -l` lists "
    "them).";
constexpr absl::string_view kFixAccount =
    "Ask the host's administrator for an account that may run commands.";
constexpr absl::string_view kFixPassword =
    "Log in once with ssh from a shell and set a new password.";
constexpr absl::string_view kFixManyKeys =
    "Set remoteOptions.identity and add `-o IdentitiesOnly=yes` to `remote`.";
constexpr absl::string_view kFixConfiguration =
    "Correct the line of the file that ssh names (~/.ssh/config, or that of -F in the team's "
    "`remote`); `ssh -v HOST` from a shell shows the same.";
constexpr absl::string_view kFixOption =
    "Correct the option that ssh names in the team's `remote`.";
constexpr absl::string_view kFixFile = "Correct -F in the team's `remote`, or put the file there.";
constexpr absl::string_view kFixVariable =
    "Set the variable that ssh names where you run `iris` (for an MCP client: in the env of its "
    "server), or take ${…} out of ~/.ssh/config.";
constexpr absl::string_view kFixName =
    "Check the spelling, and that this machine can resolve the name (VPN, DNS, ~/.ssh/config).";
constexpr absl::string_view kFixPort =
    "Check that sshd runs on the host and listens on that port (remoteOptions.port).";
constexpr absl::string_view kFixNetwork =
    "Check that the host is up and that this machine's network reaches it (VPN, firewall, jump "
    "host).";
constexpr absl::string_view kFixBusy =
    "The host closed the connection before the login: it may be overloaded, limit connections, or "
    "not speak ssh on that port. It is tried again by itself.";

// Of a jump host. What a team's remoteOptions say counts for the host behind it only.
constexpr absl::string_view kFixKnownJump =
    "Compare what `ssh-keyscan JUMPHOST | ssh-keygen -lf -` prints with the fingerprint that the "
    "jump host's administrator gives you, then connect once to the jump host with ssh from a "
    "shell and accept the key; remoteOptions.strictHostKeyChecking does not count for it.";
constexpr absl::string_view kFixJumpLogin =
    "Check the account and the key for the jump host: `ssh JUMPHOST` must log in from a shell. Its "
    "account comes from `-J USER@JUMPHOST` in the team's `remote`, its key from ~/.ssh/config or "
    "the agent (`ssh-add -l` lists them); remoteOptions.identity does not count for it.";
constexpr absl::string_view kFixJumpKeys =
    "Give the jump host an entry in ~/.ssh/config with IdentityFile and `IdentitiesOnly yes`.";
constexpr absl::string_view kFixJumpName =
    "Check -J in the team's `remote` (or ProxyJump in ~/.ssh/config): its spelling, and that this "
    "machine can resolve the name (VPN, DNS).";
constexpr absl::string_view kFixJumpPort =
    "Check -J in the team's `remote` (or ProxyJump in ~/.ssh/config): its host and port, and that "
    "sshd runs there.";
constexpr absl::string_view kFixJumpNetwork =
    "Check -J in the team's `remote` (or ProxyJump in ~/.ssh/config), that the jump host is up, "
    "and that this machine's network reaches it (VPN, firewall).";
constexpr absl::string_view kFixJumpBusy =
    "The jump host closed the connection before the login: it may be overloaded, limit "
    "connections, or not speak ssh on that port. It is tried again by itself.";

// What to do where the same words are of a jump host's ssh.
struct JumpFix {
  absl::string_view of_host;
  absl::string_view of_jump;
};
constexpr std::array kJumpFixes = std::to_array<JumpFix>({
    {kFixKnownHost, kFixKnownJump},
    {kFixLogin, kFixJumpLogin},
    {kFixManyKeys, kFixJumpKeys},
    {kFixName, kFixJumpName},
    {kFixPort, kFixJumpPort},
    {kFixNetwork, kFixJumpNetwork},
    {kFixBusy, kFixJumpBusy},
});

constexpr absl::string_view kTooManyKeys = "Too many authentication failures";

// ssh's own words, in the order of trust: the first row that any line holds decides. Through a jump
// host the text of what really failed comes with the less telling text of the outer connection.
constexpr std::array kTable = std::to_array<Words>({
    {"REMOTE HOST IDENTIFICATION HAS CHANGED", v1::FAILURE_HOST_KEY,
     "the host shows another key than the one that is known", kFixChangedKey},
    {"REVOKED HOST KEY", v1::FAILURE_HOST_KEY, "the host shows a key that was revoked",
     kFixChangedKey},
    // Two lines: this one has the host, the other may come alone.
    {"host key is known for", v1::FAILURE_HOST_KEY, "the host's key is not known here",
     kFixKnownHost},
    {"Host key verification failed", v1::FAILURE_HOST_KEY, "the host's key is not known here",
     kFixKnownHost},
    // Two lines: this one has the file.
    {"bad permissions", v1::FAILURE_AUTH,
     "others can read the private key's file, so ssh does not use it",
     "Run `chmod 600` on the key's file."},
    {"UNPROTECTED PRIVATE KEY FILE", v1::FAILURE_AUTH,
     "others can read the private key's file, so ssh does not use it",
     "Run `chmod 600` on the key's file."},
    {kTooManyKeys, v1::FAILURE_AUTH, "ssh offered more keys than the host looks at", kFixManyKeys},
    {"Permission denied (", v1::FAILURE_AUTH, "the host refused the login", kFixLogin},
    {"Permission denied, please try again", v1::FAILURE_AUTH, "the host refused the login",
     kFixLogin},
    // Two lines: this one has the name, the other may come alone.
    {"env var ${", v1::FAILURE_BAD_REQUEST,
     "ssh's configuration names an environment variable that is not set where you run `iris`",
     kFixVariable},
    {"invalid environment variable expansion", v1::FAILURE_BAD_REQUEST,
     "ssh's configuration names an environment variable that is not set where you run `iris`",
     kFixVariable},
    {"Unable to negotiate with", v1::FAILURE_BAD_REQUEST,
     "ssh and the host have no algorithm in common",
     "Update the host's sshd, or allow one of the algorithms it offers in ~/.ssh/config."},
    {"Can't open user config file", v1::FAILURE_BAD_REQUEST, "ssh cannot read the file of -F",
     kFixFile},
    {"command-line", v1::FAILURE_BAD_REQUEST, "ssh refuses an option of the team's `remote`",
     kFixOption},
    {"Bad configuration option", v1::FAILURE_BAD_REQUEST, "ssh refuses its configuration",
     kFixConfiguration},
    {"Bad owner or permissions on", v1::FAILURE_BAD_REQUEST, "ssh refuses its configuration",
     "Run `chmod 600` on the file that ssh names."},
    {"extra arguments at end of line", v1::FAILURE_BAD_REQUEST, "ssh refuses its configuration",
     kFixConfiguration},
    {"no argument after keyword", v1::FAILURE_BAD_REQUEST, "ssh refuses its configuration",
     kFixConfiguration},
    // (Of an "Unsupported option" it only warns.)
    {": unsupported option \"", v1::FAILURE_BAD_REQUEST, "ssh refuses its configuration",
     kFixConfiguration},
    {"invalid quotes", v1::FAILURE_BAD_REQUEST, "ssh refuses its configuration", kFixConfiguration},
    {"Bad port '", v1::FAILURE_BAD_REQUEST, "ssh refuses the port",
     "Correct the port in the team's `remote`, or in the line of the file that ssh names."},
    // Of whatever else is wrong in a file, that this many lines are.
    {"bad configuration options", v1::FAILURE_BAD_REQUEST, "ssh refuses its configuration",
     kFixConfiguration},
    {"unknown option", v1::FAILURE_BAD_REQUEST, "ssh refuses its options", kFixOption},
    {"contains invalid characters", v1::FAILURE_BAD_REQUEST, "ssh refuses the destination",
     "Correct the host's name in the team's `remote`."},
    {"Bad stdio forwarding specification", v1::FAILURE_BAD_REQUEST, "ssh refuses its options",
     kFixOption},
    {"Could not resolve hostname", v1::FAILURE_UNREACHABLE, "the host's name cannot be resolved",
     kFixName},
    {"Connection refused", v1::FAILURE_UNREACHABLE, "nothing listens on that port of the host",
     kFixPort},
    {"onnection timed out", v1::FAILURE_UNREACHABLE, "the host does not answer", kFixNetwork},
    {"peration timed out", v1::FAILURE_UNREACHABLE, "the host does not answer", kFixNetwork},
    {"No route to host", v1::FAILURE_UNREACHABLE, "no way leads to the host", kFixNetwork},
    {"Network is unreachable", v1::FAILURE_UNREACHABLE, "no way leads to the host", kFixNetwork},
    {"banner exchange", v1::FAILURE_UNREACHABLE, "no ssh server answers on the host", kFixBusy},
    {"kex_exchange_identification", v1::FAILURE_UNREACHABLE, "no ssh server answers on the host",
     kFixBusy},
    {"Received disconnect from", v1::FAILURE_UNREACHABLE, "the host closed the connection",
     kFixBusy},
    {"Connection reset by", v1::FAILURE_UNREACHABLE, "the host closed the connection", kFixBusy},
    {"Connection closed by", v1::FAILURE_UNREACHABLE, "the host closed the connection", kFixBusy},
    {"Timeout, server", v1::FAILURE_UNREACHABLE, "the host stopped answering", kFixNetwork},
    {"closed by remote host", v1::FAILURE_UNREACHABLE, "the host closed the connection", kFixBusy},
    {"Broken pipe", v1::FAILURE_UNREACHABLE, "the connection to the host broke", kFixNetwork},
    {"stdio forwarding failed", v1::FAILURE_UNREACHABLE, "the jump host leads no further",
     kFixNetwork},
});

// What a jump host says of its way to the host behind it, on the line before "stdio forwarding
// failed": it was reached, and let us in.
constexpr std::array kBehindJumpTable = std::to_array<Words>({
    {"prohibited", v1::FAILURE_UNREACHABLE, "the jump host refuses to lead further",
     "Let the jump host's sshd forward connections to the host (AllowTcpForwarding, PermitOpen), "
     "or take another way."},
    {"Connection refused", v1::FAILURE_UNREACHABLE,
     "the jump host reaches the host, and nothing listens on that port there", kFixPort},
    {"not known", v1::FAILURE_UNREACHABLE, "the jump host cannot resolve the host's name",
     "Check the spelling of the host's name: the jump host looks it up, and not this machine."},
    {"name resolution", v1::FAILURE_UNREACHABLE, "the jump host cannot resolve the host's name",
     "Check the jump host's DNS: it looks up the host's name, and not this machine."},
    {"open failed", v1::FAILURE_UNREACHABLE, "the jump host cannot reach the host",
     "Check that the host is up, and that the jump host's network reaches it."},
});

// What a host says in place of running our command, on stdout or stderr.
constexpr std::array kAccountTable = std::to_array<Words>({
    {"password has expired", v1::FAILURE_AUTH, "the account's password has expired", kFixPassword},
    {"required to change your password", v1::FAILURE_AUTH, "the account needs a new password",
     kFixPassword},
    {"account is currently not available", v1::FAILURE_AUTH, "the account may not run commands",
     kFixAccount},
    {"allows sftp connections only", v1::FAILURE_AUTH, "the account may only copy files",
     kFixAccount},
    {"account has expired", v1::FAILURE_AUTH, "the account has expired", kFixAccount},
});

// What of a line of ssh's is its own: some end with what the host sent.
absl::string_view OwnPart(absl::string_view line) {
  for (const absl::string_view quotes : {" Their offer: ", " version identification: "}) {
    const size_t at = line.find(quotes);
    if (at != absl::string_view::npos) line = line.substr(0, at);
  }
  return line;
}

bool Holds(absl::string_view line, const Words& words) {
  // `-v` in a team's `remote` makes ssh repeat what the host sends.
  if (absl::StartsWith(line, "debug")) return false;
  // These two give the host's reason, which may be any text.
  const bool quotes =
      absl::StartsWith(line, "Received disconnect from ") || absl::StartsWith(line, "channel ");
  if (quotes && words.kind != v1::FAILURE_UNREACHABLE && words.text != kTooManyKeys) return false;
  return absl::StrContains(OwnPart(line), words.text);
}

// The first row that a line holds, of those of kind `only` where that is given.
absl::optional<Found> Find(absl::Span<const Words> table,
                           const std::vector<absl::string_view>& lines, FailureKind only) {
  for (const Words& words : table) {
    if (only != v1::FAILURE_UNSPECIFIED && words.kind != only) continue;
    for (absl::string_view line : lines) {
      if (Holds(line, words)) return Found{&words, line};
    }
  }
  return absl::nullopt;
}

}  // namespace

std::vector<absl::string_view> Lines(absl::string_view text) {
  return absl::StrSplit(text, absl::ByAnyChar("\r\n"), absl::SkipWhitespace());
}

std::vector<absl::string_view> TrailingSshLines(absl::string_view text) {
  std::vector<absl::string_view> lines;
  while (absl::ConsumeSuffix(&text, "\r\n")) {
    const size_t end_of_former = text.rfind('\n');
    const size_t begin = end_of_former == absl::string_view::npos ? 0 : end_of_former + 1;
    lines.push_back(text.substr(begin));
    text = text.substr(0, begin);
  }
  return lines;
}

std::string Found::Detail() const {
  return absl::StrCat(words->cause, " (", PrintableHostText(line, kSshLineBytesMax), ")");
}

absl::Status Found::Failure() const { return MakeFailure(words->kind, Detail(), words->fix); }

absl::Status Found::FailureOfJump() const {
  absl::string_view fix = words->fix;
  for (const JumpFix& known : kJumpFixes) {
    if (known.of_host == words->fix) fix = known.of_jump;
  }
  const std::string cause = absl::StrReplaceAll(words->cause, {{"the host", "the jump host"}});
  return MakeFailure(
      words->kind, absl::StrCat(cause, " (", PrintableHostText(line, kSshLineBytesMax), ")"), fix);
}

absl::optional<Found> FindSshWords(const std::vector<absl::string_view>& lines, FailureKind only) {
  return Find(kTable, lines, only);
}

absl::optional<Found> FindBehindJump(const std::vector<absl::string_view>& lines) {
  for (absl::string_view line : lines) {
    if (!absl::StartsWith(line, "channel ")) continue;
    // One line, and the first row that it holds.
    if (const absl::optional<Found> found = Find(kBehindJumpTable, {line}, v1::FAILURE_UNSPECIFIED);
        found.has_value()) {
      return found;
    }
  }
  return absl::nullopt;
}

absl::optional<Found> FindAccountWords(const std::vector<absl::string_view>& lines) {
  return Find(kAccountTable, lines, v1::FAILURE_UNSPECIFIED);
}

}  // namespace iris
