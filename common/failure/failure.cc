#include "common/failure/failure.h"

#include <array>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "common/base/utf8.h"
#include "common/failure/text_payload.h"

namespace iris {
namespace {

constexpr absl::string_view kPayloadUrl = "type.iris/iris.v1.Failure";

struct KindText {
  FailureKind kind;
  absl::string_view name;
  absl::StatusCode code;
  absl::string_view cause;
  absl::string_view fix;
};

using absl::StatusCode;

// One row a kind, in the order of the enum: KindTextFor() indexes by number.
constexpr std::array kKinds = std::to_array<KindText>({
    {v1::FAILURE_UNSPECIFIED, "none", StatusCode::kOk, "Nothing failed.", "Nothing to do."},
    {v1::FAILURE_UNREACHABLE, "unreachable", StatusCode::kUnavailable, "The host does not answer.",
     "Check that the host is up and that the team's `remote` command connects from a shell."},
    {v1::FAILURE_AUTH, "auth", StatusCode::kUnauthenticated, "The host refused the login.",
     "Check the account and the key: the team's `remote` command must log in from a shell without "
     "asking for anything."},
    {v1::FAILURE_HOST_KEY, "host_key", StatusCode::kUnauthenticated,
     "The host's key is unknown, or is not the one that is known.",
     "Connect once with ssh from a shell and compare the fingerprint with the host's "
     "administrator before you accept it."},
    {v1::FAILURE_DROPPED, "dropped", StatusCode::kUnavailable,
     "The link to the host was lost while the team was working.",
     "Send the message again; the team's session goes on where it was."},
    {v1::FAILURE_VERSION, "version", StatusCode::kFailedPrecondition,
     "The two ends speak no common protocol version.",
     "Stop the older side (`iris stop --agents`), then try again with one build on both ends."},
    {v1::FAILURE_NO_SPACE, "no_space", StatusCode::kResourceExhausted,
     "There is no room on the host for the agent.",
     "Free space on the host, or set remoteOptions.agentDir to a directory with room."},
    {v1::FAILURE_NOT_EXECUTABLE, "not_executable", StatusCode::kFailedPrecondition,
     "A program on the host cannot be run: the agent where it was put, or `claude`.",
     "Set remoteOptions.agentDir to a directory on a file system that allows programs to run."},
    {v1::FAILURE_NO_AGENT_POSSIBLE, "no_agent_possible", StatusCode::kFailedPrecondition,
     "No agent can run on this host.",
     "Set remoteOptions.agentDir to a writable directory, or use a host with /bin/sh."},
    {v1::FAILURE_WRONG_HOST, "wrong_host", StatusCode::kFailedPrecondition,
     "The session lives on another host.", "Send the message to the team on that host."},
    {v1::FAILURE_CLAUDE_MISSING, "claude_missing", StatusCode::kNotFound,
     "There is no `claude` on the host.",
     "Install Claude Code for that account, or set the team's claudePath."},
    {v1::FAILURE_CLAUDE_NOT_LOGGED_IN, "claude_not_logged_in", StatusCode::kUnauthenticated,
     "`claude` has no credentials on the host.",
     "Log in to that account on that host, run `claude` and then /login."},
    {v1::FAILURE_CLAUDE_ERROR, "claude_error", StatusCode::kUnknown,
     "`claude` ended the turn with an error.",
     "Deal with the error that claude reports, then send the message again."},
    {v1::FAILURE_CHILD_EXITED, "child_exited", StatusCode::kAborted,
     "`claude` ended before it answered.",
     "Send the message again: a new `claude` resumes the session."},
    {v1::FAILURE_PERMISSION_DENIED, "permission_denied", StatusCode::kPermissionDenied,
     "This is not allowed.", "Ask the person who owns the team or the host to allow it."},
    {v1::FAILURE_TIMEOUT, "timeout", StatusCode::kDeadlineExceeded, "It took too long.",
     "Try again; if it takes as long again, look there at what is slow: the machine, its disk or "
     "the "
     "network."},
    {v1::FAILURE_CANCELLED, "cancelled", StatusCode::kCancelled, "It was stopped on request.",
     "Send the message again if you still want the answer."},
    {v1::FAILURE_BUSY_LIMIT, "busy_limit", StatusCode::kResourceExhausted, "A limit was reached.",
     "Wait until earlier messages are answered, then try again."},
    {v1::FAILURE_STORAGE, "storage", StatusCode::kResourceExhausted,
     "A disk or a directory cannot be used.",
     "Make room, or repair the disk or directory that the detail names."},
    {v1::FAILURE_AMBIGUOUS, "ambiguous", StatusCode::kDataLoss,
     "It cannot be known whether the work was done.",
     "Look at what the team did before you send the message again."},
    {v1::FAILURE_BAD_REQUEST, "bad_request", StatusCode::kInvalidArgument,
     "The request or the configuration is wrong.",
     "Change the request: sent again as it is, it is refused again."},
    {v1::FAILURE_INTERNAL, "internal", StatusCode::kInternal, "Iris made a mistake.",
     "Report it with the log: coordinator.log in IRIS_HOME, else in ~/.local/share/iris."},
    {v1::FAILURE_RATE_LIMITED, "rate_limited", StatusCode::kResourceExhausted,
     "The account of `claude` on the host has reached its limit.",
     "Send the message again when the limit has reset."},
});

constexpr bool InOrder() {
  for (size_t i = 0; i < kKinds.size(); ++i) {
    if (kKinds[i].kind != static_cast<FailureKind>(i)) return false;
  }
  return kKinds.size() == static_cast<size_t>(v1::FailureKind_MAX) + 1;
}
static_assert(InOrder(), "kKinds needs one row for every FailureKind, in order");

// What builds that do not know `kind` take it for.
FailureKind NearestOlderKind(FailureKind kind) {
  return kind == v1::FAILURE_RATE_LIMITED ? v1::FAILURE_CLAUDE_ERROR : kind;
}

// A newer peer may name a kind that this build does not know.
const KindText& KindTextFor(FailureKind kind) {
  const auto index = static_cast<size_t>(kind);
  return index < kKinds.size() ? kKinds[index] : kKinds[v1::FAILURE_INTERNAL];
}

absl::Status WithPayload(const Failure& failure) {
  absl::Status status(CodeFor(KindOf(failure)), failure.detail());
  SetTextPayload(status, kPayloadUrl, failure.SerializeAsString());
  return status;
}

}  // namespace

absl::Status MakeFailure(FailureKind kind, absl::string_view detail, absl::string_view fix) {
  Failure failure;
  failure.set_kind(NearestOlderKind(kind));
  if (failure.kind() != kind) failure.set_newer_kind(kind);
  // Text that came from a host may be cut anywhere, or be no text; a message with such a field
  // would not parse at the other end.
  failure.set_detail(CutUtf8(detail, kFailureDetailBytesMax));
  failure.set_fix(CutUtf8(fix, kFailureFixBytesMax));
  return WithPayload(failure);
}

absl::Status MakeRateLimited(absl::string_view detail, const v1::RateLimit& limit,
                             absl::string_view fix) {
  Failure failure = ToProto(MakeFailure(v1::FAILURE_RATE_LIMITED, detail, fix));
  *failure.mutable_rate_limit() = limit;
  return FromProto(failure);
}

absl::Status FromProto(const Failure& failure) {
  if (failure.kind() == v1::FAILURE_UNSPECIFIED) {
    if (failure.detail().empty()) return absl::OkStatus();
    return MakeFailure(v1::FAILURE_INTERNAL, failure.detail(), failure.fix());
  }
  Failure bounded = failure;
  bounded.set_detail(CutUtf8(failure.detail(), kFailureDetailBytesMax));
  bounded.set_fix(CutUtf8(failure.fix(), kFailureFixBytesMax));
  return WithPayload(bounded);
}

Failure ToProto(const absl::Status& status) {
  Failure failure;
  if (auto payload = status.GetPayload(kPayloadUrl);
      payload.has_value() && failure.ParseFromString(std::string(*payload))) {
    return failure;
  }
  failure.set_kind(v1::FAILURE_INTERNAL);
  failure.set_detail(CutUtf8(status.ToString(), kFailureDetailBytesMax));
  return failure;
}

FailureKind KindOf(const Failure& failure) {
  const bool is_known = failure.newer_kind() != v1::FAILURE_UNSPECIFIED &&
                        v1::FailureKind_IsValid(failure.newer_kind());
  return is_known ? failure.newer_kind() : failure.kind();
}

FailureKind KindOf(const absl::Status& status) {
  return status.ok() ? v1::FAILURE_UNSPECIFIED : KindOf(ToProto(status));
}

absl::Status Annotate(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  Failure failure = ToProto(status);
  failure.set_detail(absl::StrCat(context, ": ", failure.detail()));
  return FromProto(failure);
}

absl::string_view KindName(FailureKind kind) { return KindTextFor(kind).name; }
absl::string_view CauseFor(FailureKind kind) { return KindTextFor(kind).cause; }
absl::string_view FixFor(FailureKind kind) { return KindTextFor(kind).fix; }
absl::StatusCode CodeFor(FailureKind kind) { return KindTextFor(kind).code; }

std::string Describe(const Failure& failure) {
  const absl::string_view detail =
      failure.detail().empty() ? CauseFor(KindOf(failure)) : absl::string_view(failure.detail());
  const absl::string_view fix =
      failure.fix().empty() ? FixFor(KindOf(failure)) : absl::string_view(failure.fix());
  return absl::StrCat(KindName(KindOf(failure)), ": ", detail, "\nfix: ", fix);
}

}  // namespace iris
