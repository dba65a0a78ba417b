#include "coordinator/link/retry.h"

#include <algorithm>
#include <array>

namespace iris {
namespace {

struct Rule {
  FailureKind kind;
  bool mends;
  absl::string_view why;
};

// One row a kind, in the order of the enum.
constexpr std::array kRules = std::to_array<Rule>({
    {v1::FAILURE_UNSPECIFIED, true, "nothing failed"},
    {v1::FAILURE_UNREACHABLE, true, "hosts and networks come back"},
    {v1::FAILURE_AUTH, false, "every refused login counts against the account, and may lock it"},
    {v1::FAILURE_HOST_KEY, false, "a person has to compare the fingerprint"},
    {v1::FAILURE_DROPPED, true, "what was up can be up again"},
    {v1::FAILURE_VERSION, false, "one of the builds has to be replaced"},
    {v1::FAILURE_NO_SPACE, false, "somebody has to make room; each attempt may upload an agent"},
    {v1::FAILURE_NOT_EXECUTABLE, false, "the host or agentDir has to be changed"},
    {v1::FAILURE_NO_AGENT_POSSIBLE, false, "the host or agentDir has to be changed"},
    {v1::FAILURE_WRONG_HOST, false, "what was asked for lives elsewhere"},
    {v1::FAILURE_CLAUDE_MISSING, false, "of a session, not of a link: another link is no help"},
    {v1::FAILURE_CLAUDE_NOT_LOGGED_IN, false,
     "of a session, not of a link: another link is no help"},
    {v1::FAILURE_CLAUDE_ERROR, false, "of a session, not of a link: another link is no help"},
    {v1::FAILURE_CHILD_EXITED, false, "of a session, not of a link: another link is no help"},
    {v1::FAILURE_PERMISSION_DENIED, false, "somebody has to allow it"},
    {v1::FAILURE_TIMEOUT, true, "a slow host may be faster next time"},
    {v1::FAILURE_CANCELLED, true, "the attempt was given up, the host was not"},
    {v1::FAILURE_BUSY_LIMIT, true, "what is busy gets free"},
    {v1::FAILURE_STORAGE, false, "a directory or a disk, here or there, has to be repaired"},
    {v1::FAILURE_AMBIGUOUS, true, "a link does no work that could be done twice"},
    {v1::FAILURE_BAD_REQUEST, false, "the configuration has to be corrected"},
    {v1::FAILURE_INTERNAL, true, "a mistake of ours that may not come twice"},
    {v1::FAILURE_RATE_LIMITED, false, "of a session, not of a link: another link is no help"},
});

constexpr bool InOrder() {
  for (size_t i = 0; i < kRules.size(); ++i) {
    if (kRules[i].kind != static_cast<FailureKind>(i)) return false;
  }
  return kRules.size() == static_cast<size_t>(v1::FailureKind_MAX) + 1;
}
static_assert(InOrder(), "kRules needs one row for every FailureKind, in order");

// A host may name a kind that this build does not know: then only time can tell.
const Rule& RuleFor(FailureKind kind) {
  const auto index = static_cast<size_t>(kind);
  return index < kRules.size() ? kRules[index] : kRules[v1::FAILURE_INTERNAL];
}

}  // namespace

bool RetryMends(FailureKind kind) { return RuleFor(kind).mends; }
absl::string_view WhyRetryMendsOrNot(FailureKind kind) { return RuleFor(kind).why; }

absl::Duration Backoff::Next() {
  const double share = std::uniform_real_distribution<double>(0, 1)(random_);
  const absl::Duration wait = share * limit_;
  limit_ = std::min(2 * limit_, limits_.longest);
  return wait;
}

}  // namespace iris
