#include "coordinator/reach/ssh/resolve_target.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/types/optional.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "common/process/run_program.h"
#include "common/process/spawn.h"
#include "coordinator/link/host_text.h"
#include "coordinator/reach/ssh/ssh_command.h"
#include "coordinator/reach/ssh/ssh_environment.h"
#include "coordinator/reach/ssh/ssh_lines.h"

namespace iris {
namespace {

constexpr absl::Duration kResolveTimeout = absl::Seconds(10);
constexpr size_t kWordsBytesMax = 400;
constexpr int kSshFailed = 255;
constexpr size_t kJumpsMax = 8;  // Those of jump hosts counted.

constexpr absl::string_view kPipe = "Iris speaks to the host over a plain pipe";
constexpr absl::string_view kOwnCommand = "Iris starts its agent as the remote command";
constexpr absl::string_view kOwnSocket = "every link has a control socket of its own";
constexpr absl::string_view kOwnForward = "Iris opens the forward that it needs";
constexpr absl::string_view kPatience = "how long to wait, by remoteOptions";

constexpr std::array kLeftOut = std::to_array<LeftOutKeyword>({
    {"batchmode", "nobody can be asked"},
    {"clearallforwardings", kOwnForward},
    {"connecttimeout", kPatience},
    {"controlmaster", kOwnSocket},
    {"controlpath", kOwnSocket},
    {"controlpersist", kOwnSocket},
    {"escapechar", kPipe},
    {"forkafterauthentication", kPipe},
    {"forwardx11", "nobody sees a window there"},
    {"loglevel", "Iris reads ssh's messages to tell what failed"},
    {"permitlocalcommand", "`remote` runs no other program here"},
    {"remotecommand", kOwnCommand},
    {"requesttty", kPipe},
    {"serveralivecountmax", kPatience},
    {"serveraliveinterval", kPatience},
    {"sessiontype", kOwnCommand},
    {"stdinnull", kPipe},
    {"streamlocalbindunlink", kOwnForward},
});

bool IsLeftOut(absl::string_view keyword) {
  return std::any_of(kLeftOut.begin(), kLeftOut.end(),
                     [&](const LeftOutKeyword& known) { return known.keyword == keyword; });
}

// Of "keyword value" lines, the value of the first with this keyword.
std::string ValueOf(absl::string_view output, absl::string_view keyword) {
  for (absl::string_view line : absl::StrSplit(output, '\n', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> setting =
        absl::StrSplit(line, absl::MaxSplits(' ', 1));
    if (setting.first == keyword) return std::string(setting.second);
  }
  return "";
}

std::string WithoutLeftOut(absl::string_view output) {
  std::vector<absl::string_view> lines = absl::StrSplit(output, '\n', absl::SkipEmpty());
  lines.erase(std::remove_if(
                  lines.begin(), lines.end(),
                  [](absl::string_view line) { return IsLeftOut(line.substr(0, line.find(' '))); }),
              lines.end());
  return absl::StrJoin(lines, "\n");
}

std::string NameOf(absl::string_view output) {
  std::string host = ValueOf(output, "hostname");
  if (absl::StrContains(host, ':')) host = absl::StrCat("[", host, "]");
  return absl::StrCat(ValueOf(output, "user"), "@", host, ":", ValueOf(output, "port"));
}

// The list as ssh prints it, "a,me@b:22"; none is the word for nothing.
std::string JumpsOf(absl::string_view output) {
  const std::string value = ValueOf(output, "proxyjump");
  return value == "none" ? "" : value;
}

// ssh has a shell run the ssh of a jump host.
bool IsPlainForShell(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || !absl::ascii_isascii(c) || absl::StrContains("%+,-./:@[]_", c);
  });
}

// The tokens that ssh knows in ProxyJump, with what it printed of the host behind the jump host.
// Nothing where it knows no such token, or a shell would make something else of the text.
absl::optional<std::string> Expand(absl::string_view text, absl::string_view output) {
  std::string expanded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      expanded += text[i];
      continue;
    }
    const char token = ++i < text.size() ? text[i] : '\0';
    const std::string value = token == '%'   ? "%"
                              : token == 'h' ? ValueOf(output, "hostname")
                              : token == 'n' ? ValueOf(output, "host")
                              : token == 'p' ? ValueOf(output, "port")
                              : token == 'r' ? ValueOf(output, "user")
                                             : "";
    if (value.empty()) return absl::nullopt;
    expanded += value;
  }
  if (!IsPlainForShell(expanded)) return absl::nullopt;
  return expanded;
}

// "USER@HOST:PORT", where USER, PORT and the brackets around an address may be missing.
struct Jump {
  absl::string_view user, host, port;
};

Jump ParseJump(absl::string_view text) {
  Jump jump;
  if (const size_t at = text.rfind('@'); at != absl::string_view::npos) {
    jump.user = text.substr(0, at);
    text.remove_prefix(at + 1);
  }
  const size_t colon = text.find(':', absl::StartsWith(text, "[") ? text.find(']') : 0);
  jump.host = text.substr(0, colon);
  if (colon != absl::string_view::npos) jump.port = text.substr(colon + 1);
  if (absl::ConsumePrefix(&jump.host, "[")) absl::ConsumeSuffix(&jump.host, "]");
  return jump;
}

// How the ssh of a host of which ssh printed `output` runs that of its last jump host, which goes
// through those before it and not through its own. Nothing where that is not known.
absl::optional<std::vector<std::string>> JumpArgv(const SshTarget& target,
                                                  absl::string_view output) {
  const std::string jumps = JumpsOf(output);
  const size_t comma = jumps.rfind(',');
  const bool has_more = comma != std::string::npos;
  const Jump last = ParseJump(absl::string_view(jumps).substr(has_more ? comma + 1 : 0));
  const absl::optional<std::string> user = Expand(last.user, output);
  const absl::optional<std::string> before =
      Expand(absl::string_view(jumps).substr(0, has_more ? comma : 0), output);
  const absl::optional<std::string> host = Expand(last.host, output);
  const absl::optional<std::string> behind = Expand("[%h]:%p", output);
  if (!user.has_value() || !before.has_value() || !behind.has_value()) return absl::nullopt;
  if (!host.has_value() || host->empty() || absl::StartsWith(*host, "-")) return absl::nullopt;
  std::vector<std::string> argv = {target.remote.program, "-G"};
  if (!user->empty()) argv.insert(argv.end(), {"-l", *user});
  if (!last.port.empty()) argv.insert(argv.end(), {"-p", std::string(last.port)});
  if (!before->empty()) argv.insert(argv.end(), {"-J", *before});
  // ssh hands it on to the ssh of a jump host.
  const std::vector<std::string> files = ValuesOf(target.remote.options, 'F');
  if (!files.empty()) argv.insert(argv.end(), {"-F", files.back()});
  argv.insert(argv.end(), {"-W", *behind, "--", *host});
  return argv;
}

absl::Status TooManyJumps() {
  return MakeFailure(
      v1::FAILURE_BAD_REQUEST,
      absl::StrCat("ssh goes there through more than ", kJumpsMax, " jump hosts"),
      "Shorten ProxyJump in `remote` or ~/.ssh/config, for the host and for its jump "
      "hosts; a ProxyCommand may lead through any number.");
}

// `ssh -G` connects to nothing: what keeps it from an answer stands in the configuration, but for a
// name that it is to look up.
absl::Status Refused(const ProgramOutput& output) {
  const absl::optional<Found> said = FindSshWords(Lines(output.err));
  const FailureKind kind = said.has_value() ? said->words->kind : v1::FAILURE_UNSPECIFIED;
  if (kind == v1::FAILURE_BAD_REQUEST || kind == v1::FAILURE_UNREACHABLE) return said->Failure();
  if (output.exit_code > 128 && output.exit_code != kSshFailed) {
    return MakeFailure(v1::FAILURE_UNREACHABLE,
                       absl::StrCat("`ssh -G` was killed, status ", output.exit_code),
                       "It is tried again by itself.");
  }
  return MakeFailure(v1::FAILURE_BAD_REQUEST,
                     absl::StrCat("ssh refuses its configuration (",
                                  PrintableHostText(output.err, kWordsBytesMax), ")"),
                     "Correct the team's `remote`, or the line of ~/.ssh/config that ssh names.");
}

absl::Status TooMuch() {
  return MakeFailure(v1::FAILURE_BAD_REQUEST, "`ssh -G` says more than 256 KiB",
                     "Shorten what ~/.ssh/config says of this host.");
}

bool HasAnswered(const ProgramOutput& output) {
  return output.exit_code == 0 && !ValueOf(output.out, "hostname").empty();
}

// Unlike every other: what is not known is shared with nobody.
std::string SharedWithNobody() { return absl::StrCat(absl::string_view("\0", 1), NewUuid()); }

// What ssh makes of the jump hosts, and of theirs: where they lead decides where everything behind
// them is.
absl::StatusOr<std::string> ResolveJumps(const SshTarget& target, absl::string_view output,
                                         absl::Time deadline, const std::atomic<bool>* cancelled) {
  std::string all;
  std::set<std::vector<std::string>> asked;
  std::string printed(output);
  while (!JumpsOf(printed).empty()) {
    const absl::optional<std::vector<std::string>> argv = JumpArgv(target, printed);
    if (!argv.has_value()) return all + SharedWithNobody();
    if (!asked.insert(*argv).second) return all;  // In a circle.
    // What is behind the others would not be in the key.
    if (asked.size() > kJumpsMax) return TooManyJumps();
    absl::StatusOr<ProgramOutput> jump = RunProgram(*argv, SshEnv(target), deadline, cancelled);
    if (!jump.ok()) return Annotate(jump.status(), argv->back());
    if (!HasAnswered(*jump)) {
      // Another program's words for a jump host may be others.
      if (target.remote.program != "ssh") return all + SharedWithNobody();
      return Annotate(Refused(*jump), absl::StrCat("jump host ", argv->back()));
    }
    if (jump->out.size() >= kProgramOutputBytesMax) return Annotate(TooMuch(), argv->back());
    printed = std::move(jump->out);
    absl::StrAppend(&all, absl::string_view("\0", 1), printed);
  }
  return all;
}

std::string WordsOf(const SshTarget& target) {
  std::vector<std::string> words = ResolveArgv(target);
  words.push_back(target.options.agent_dir);
  words.push_back(absl::StrCat(static_cast<int>(target.options.link_mode)));
  return absl::StrJoin(words, absl::string_view("\0", 1));
}

std::string KeyOf(const SshTarget& target, absl::optional<absl::string_view> printed,
                  absl::string_view settings) {
  return absl::StrJoin(
      {WordsOf(target), ExecutableOf(target.remote.program, SshEnv(target)),
       EnvironmentThatCounts(printed, SshEnvironment(target)), std::string(settings)},
      absl::string_view("\0", 1));
}

// It connects to nothing, but runs programs of the configuration.
absl::Status TooSlow(absl::string_view destination, absl::Duration patience) {
  return MakeFailure(v1::FAILURE_TIMEOUT,
                     absl::StrCat(destination, ": `ssh -G` did not say within ",
                                  absl::FormatDuration(patience), " what ssh makes of the host"),
                     "Look at the `Match exec` commands of ~/.ssh/config, and at this machine's "
                     "DNS: `ssh -G HOST` from a shell waits for the same.");
}

}  // namespace

absl::Span<const LeftOutKeyword> LeftOutOfKey() { return kLeftOut; }

std::string WrittenTarget(const SshTarget& target) {
  return absl::StrCat(WordsOf(target), absl::string_view("\0", 1),
                      absl::StrJoin(SshEnv(target), absl::string_view("\0", 1)));
}

absl::StatusOr<ResolvedSsh> ResolveTarget(const SshTarget& target,
                                          const std::atomic<bool>* cancelled) {
  const absl::Duration patience = std::max(kResolveTimeout, target.options.connect_timeout);
  const absl::Time deadline = absl::Now() + patience;
  const std::string& destination = target.remote.destination;
  const absl::StatusOr<ProgramOutput> output =
      RunProgram(ResolveArgv(target), SshEnv(target), deadline, cancelled);
  if (KindOf(output.status()) == v1::FAILURE_TIMEOUT) return TooSlow(destination, patience);
  if (!output.ok()) return Annotate(output.status(), destination);
  ResolvedSsh resolved = {.target = target, .key = "", .name = destination};
  if (!HasAnswered(*output)) {
    if (target.remote.program != "ssh") {
      resolved.key = KeyOf(target, absl::nullopt, "");
      return resolved;
    }
    return Annotate(Refused(*output), destination);
  }
  if (output->out.size() >= kProgramOutputBytesMax) return Annotate(TooMuch(), destination);
  const absl::StatusOr<std::string> jumps = ResolveJumps(target, output->out, deadline, cancelled);
  if (!jumps.ok()) return Annotate(jumps.status(), destination);
  const std::string settings = absl::StrCat(WithoutLeftOut(output->out), *jumps);
  resolved.key = KeyOf(target, settings, settings);
  resolved.name = NameOf(output->out);
  resolved.session_options = !ValueOf(output->out, "sessiontype").empty();
  return resolved;
}

}  // namespace iris
