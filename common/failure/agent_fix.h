#ifndef IRIS_COMMON_FAILURE_AGENT_FIX_H_
#define IRIS_COMMON_FAILURE_AGENT_FIX_H_

#include "absl/strings/string_view.h"

namespace iris {

// What an agent advises beyond the general sentence of a kind. A host may say anything, and people
// and models do what a fix says: a coordinator shows one of a host's only if it stands here, and is
// its own word therefore. A new one is added to kAgentFixes too, or it is never shown.
inline constexpr absl::string_view kFixTakeover =
    "Let that coordinator work, or, to go on from here: `iris takeover TEAM`. It is told.";
inline constexpr absl::string_view kFixOtherHost =
    "Send the message to the team on that host. Only if nothing of it runs there any more: `iris "
    "takeover TEAM`.";
inline constexpr absl::string_view kFixOtherAgent =
    "Send the message by way of that agent, or end there the process that the detail names.";
inline constexpr absl::string_view kFixTryAgainSoon = "Try again in a moment.";
inline constexpr absl::string_view kFixHostDisk =
    "Make room on that host's disk (df, df -i), or repair it.";
inline constexpr absl::string_view kFixClaudeDisk =
    "Make room on the disk of claude's config (df, df -i), or repair it.";
inline constexpr absl::string_view kFixFetch =
    "Start the coordinators that sent these messages (`iris tells`): what they fetch makes room.";
inline constexpr absl::string_view kFixSleep =
    "Put teams to sleep there, and fetch what they have answered.";
inline constexpr absl::string_view kFixInitTimeout =
    "Run the program that the detail names there by hand, or raise the team's sessionInitTimeout.";
inline constexpr absl::string_view kFixClaudePath =
    "Correct the team's claudePath, or remove it to search PATH and the usual places.";
inline constexpr absl::string_view kFixClaudeProgram =
    "Install Claude Code anew for that account, or name a program that runs there in the team's "
    "claudePath.";
inline constexpr absl::string_view kFixClaudeAccess =
    "Let that account run it (chmod +x, also on the folders above it), install Claude Code anew "
    "for "
    "it, or name another program in the team's claudePath.";
inline constexpr absl::string_view kFixClaudeStart =
    "Run the program that the detail names with --version there, as that account: is it Claude "
    "Code, and does it start? If not, correct the team's claudePath, or install Claude Code anew.";
inline constexpr absl::string_view kFixClaudeVersion = "Update Claude Code on that host.";
inline constexpr absl::string_view kFixEnvironment =
    "Take variables out of that account's startup files, or out of `env` and passEnv.";
inline constexpr absl::string_view kFixDirectory =
    "Create the directory there, or correct the team's path.";
inline constexpr absl::string_view kFixNotDirectory =
    "Correct the team's path: it names a directory on that machine.";
inline constexpr absl::string_view kFixDirectoryAccess =
    "Give that account access to the directory (chmod, chgrp), or correct the team's path.";
inline constexpr absl::string_view kFixListRequests = "`iris answer` lists what waits.";
inline constexpr absl::string_view kFixAnswerRequest =
    "Send the message again, and answer what it asks.";
inline constexpr absl::string_view kFixAgentDir =
    "Set remoteOptions.agentDir (for the agent of this machine: IRIS_HOME) to a directory that the "
    "account owns and can write.";
inline constexpr absl::string_view kFixAgentFile =
    "Run `iris stop`, then send the message again: the next connection puts the agent's program "
    "there anew. On this machine, install Iris anew.";
inline constexpr absl::string_view kFixGoneDir =
    "Make the directory that the detail names again, as that account (mkdir -p, mode 0700), and "
    "remove what is in its place; the next message tries anew.";
inline constexpr absl::string_view kFixProcesses =
    "End programs of the account, or raise its limit on processes (`ulimit -u`, TasksMax of its "
    "slice or container); it is tried again.";
inline constexpr absl::string_view kFixDescriptors =
    "Raise the limit on open files (`ulimit -n`) and run `iris stop`, on a host `iris stop "
    "--agents`: the next start has it.";
inline constexpr absl::string_view kFixFileSize =
    "Raise the limit on the size of a file (`ulimit -f`, the hard one) and run `iris stop`, on a "
    "host `iris stop --agents`: the next start has it.";
inline constexpr absl::string_view kFixWatches =
    "End programs of the account, or raise the limit (as root on that machine: `sysctl "
    "fs.epoll.max_user_watches=NUMBER`); it is tried again.";
inline constexpr absl::string_view kFixStopForce =
    "Wait until they are answered, or end them too: `iris stop --agents --force`.";
inline constexpr absl::string_view kFixMemory = "Free memory on that machine.";
// By the status of the API's answer to claude.
inline constexpr absl::string_view kFixApiRefused =
    "Change what the API objects to: the message, a file or picture in it, or the account's "
    "credit. "
    "Sent again as it is, the message is refused again.";
inline constexpr absl::string_view kFixApiLogin =
    "Log in again on the team's host, with an account that may do this: run `claude` there, then "
    "/login. If the team's env has a key or a token, replace that.";
inline constexpr absl::string_view kFixApiModel =
    "Choose a model that the account has: \"model\" in ~/.claude/settings.json on the team's host, "
    "or ANTHROPIC_MODEL in the team's env.";
inline constexpr absl::string_view kFixApiTooLarge =
    "Send less: put long text and large files into the project, and name their paths.";
inline constexpr absl::string_view kFixApiBusy =
    "Wait a minute or two, then send the message again: the API is overloaded or limits requests.";
inline constexpr absl::string_view kFixApiFailed =
    "Send the message again: the failure is the API's, and mostly passes.";
inline constexpr absl::string_view kFixApiUnreached =
    "Check on the team's host that claude reaches its API: the network, HTTPS_PROXY, "
    "ANTHROPIC_BASE_URL.";

// `fix` where it is one of the above, else empty: then FixFor(kind) stands.
absl::string_view KnownAgentFix(absl::string_view fix);

}  // namespace iris

#endif  // IRIS_COMMON_FAILURE_AGENT_FIX_H_
