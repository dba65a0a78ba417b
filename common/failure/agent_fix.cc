#include "common/failure/agent_fix.h"

#include <algorithm>
#include <array>

namespace iris {
namespace {

constexpr std::array kAgentFixes = {
    kFixClaudeAccess,  kFixClaudeStart,   kFixNotDirectory, kFixDirectoryAccess, kFixAgentFile,
    kFixTakeover,      kFixOtherHost,     kFixOtherAgent,   kFixTryAgainSoon,    kFixHostDisk,
    kFixClaudeDisk,    kFixFetch,         kFixSleep,        kFixInitTimeout,     kFixClaudePath,
    kFixClaudeVersion, kFixDirectory,     kFixListRequests, kFixAnswerRequest,   kFixAgentDir,
    kFixGoneDir,       kFixProcesses,     kFixDescriptors,  kFixStopForce,       kFixMemory,
    kFixWatches,       kFixClaudeProgram, kFixApiRefused,   kFixApiLogin,        kFixApiModel,
    kFixApiTooLarge,   kFixApiBusy,       kFixApiFailed,    kFixApiUnreached,    kFixEnvironment,
    kFixFileSize};

}  // namespace

absl::string_view KnownAgentFix(absl::string_view fix) {
  const auto known = std::find(kAgentFixes.begin(), kAgentFixes.end(), fix);
  return known == kAgentFixes.end() ? absl::string_view() : *known;
}

}  // namespace iris
