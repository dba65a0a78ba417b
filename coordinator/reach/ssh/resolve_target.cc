#include "coordinator/reach/ssh/resolve_target.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/types/optional.h"
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

// "USER@HOST:PORT" as a URI. ssh decodes a URI's user, where '+' is a blank, and splits it at the
// first '@'.
std::string JumpUri(absl::string_view jump) {
  const size_t at = jump.rfind('@');
  if (at == absl::string_view::npos) return absl::StrCat("ssh://", jump);
  std::string uri = "ssh://";
  for (const char c : jump.substr(0, at)) {
    if (absl::ascii_isalnum(c)) {
      uri += c;
    } else {
      absl::StrAppend(&uri, "%", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  absl::StrAppend(&uri, jump.substr(at));
  return uri;
}

// "a,b:22" as ssh prints it, as destinations; none is the word for nothing.
std::vector<std::string> JumpsOf(absl::string_view output) {
  std::vector<std::string> jumps;
  const std::string value = ValueOf(output, "proxyjump");
  if (value == "none") return jumps;
  for (absl::string_view jump : absl::StrSplit(value, ',', absl::SkipEmpty())) {
    jumps.push_back(absl::StartsWith(jump, "ssh://") ? std::string(jump)
                                                     : JumpUri(jump));
  }
  return jumps;
}

absl::Status TooManyJumps() {
  return MakeFailure(
      v1::FAILURE_BAD_REQUEST,
      absl::StrCat("ssh goes there through more than ", kJumpsMax, " jump hosts"),
      "Shorten ProxyJump in `remote` or ~/.ssh/config, for the host and for its jump "
      "hosts; a ProxyCommand may lead through any number.");
}

// What ssh makes of the jump hosts, and of theirs: where they lead decides where everything behind
// them is. The ssh of a jump host gets -F and nothing else of the command line.
absl::StatusOr<std::string> ResolveJumps(const SshTarget& target, absl::string_view output,
                                         absl::Time deadline, const std::atomic<bool>* cancelled) {
  std::string all;
  std::vector<std::string> jumps = JumpsOf(output);
  // ssh hands it on to the ssh of a jump host.
  const std::vector<std::string> files = ValuesOf(target.remote.options, 'F');
  for (size_t i = 0; i < jumps.size(); ++i) {
    // What is behind the others would not be in the key.
    if (jumps.size() > kJumpsMax) return TooManyJumps();
    std::vector<std::string> argv = {target.remote.program, "-G"};
    if (!files.empty()) argv.insert(argv.end(), {"-F", files.back()});
    argv.insert(argv.end(), {"--", jumps[i]});
    const absl::StatusOr<ProgramOutput> jump =
        RunProgram(argv, SshEnv(target), deadline, cancelled);
    if (!jump.ok()) return Annotate(jump.status(), jumps[i]);
    absl::StrAppend(&all, absl::string_view("\0", 1), jump->out);
    for (std::string& next : JumpsOf(jump->out)) {
      if (std::count(jumps.begin(), jumps.end(), next) == 0) jumps.push_back(std::move(next));
    }
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
  const bool knows_dash_g = output->exit_code == 0 && !ValueOf(output->out, "hostname").empty();
  if (!knows_dash_g) {
    if (target.remote.program != "ssh") {
      resolved.key = KeyOf(target, absl::nullopt, "");
      return resolved;
    }
    return Annotate(Refused(*output), destination);
  }
  if (output->out.size() >= kProgramOutputBytesMax) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST,
                       absl::StrCat(destination, ": `ssh -G` says more than 256 KiB"),
                       "Shorten what ~/.ssh/config says of this host.");
  }
  const absl::StatusOr<std::string> jumps = ResolveJumps(target, output->out, deadline, cancelled);
  if (!jumps.ok()) return Annotate(jumps.status(), destination);
  const std::string settings = absl::StrCat(WithoutLeftOut(output->out), *jumps);
  resolved.key = KeyOf(target, settings, settings);
  resolved.name = NameOf(output->out);
  resolved.session_options = !ValueOf(output->out, "sessiontype").empty();
  return resolved;
}

}  // namespace iris
