#include "coordinator/link/host_failure.h"

#include "absl/strings/str_cat.h"
#include "common/failure/agent_fix.h"
#include "common/rpc/grpc_failure.h"
#include "coordinator/link/host_text.h"

namespace iris {
namespace {

// What a person does about these concerns this machine, or the trust in that one.
FailureKind KindOfHost(FailureKind kind) {
  switch (kind) {
    case v1::FAILURE_UNREACHABLE:
    case v1::FAILURE_AUTH:
    case v1::FAILURE_HOST_KEY:
    case v1::FAILURE_NO_SPACE:
    case v1::FAILURE_NOT_EXECUTABLE:
    case v1::FAILURE_NO_AGENT_POSSIBLE:
    case v1::FAILURE_UNSPECIFIED:
      return v1::FAILURE_INTERNAL;
    default:
      return v1::FailureKind_IsValid(kind) ? kind : v1::FAILURE_INTERNAL;
  }
}

absl::Status Make(const Failure& failure, absl::string_view context) {
  const absl::string_view fix = KnownAgentFix(failure.fix());
  // Of claude a host may say that it cannot be run, of our agent only we.
  const bool of_claude =
      KindOf(failure) == v1::FAILURE_NOT_EXECUTABLE &&
      (fix == kFixClaudeProgram || fix == kFixClaudeAccess || fix == kFixClaudeStart);
  Failure shown = ToProto(
      MakeFailure(of_claude ? v1::FAILURE_NOT_EXECUTABLE : KindOfHost(KindOf(failure)), "", fix));
  const std::string said = PrintableHostText(failure.detail(), kHostDetailBytesMax);
  shown.set_detail(absl::StrCat(context, context.empty() ? "" : ": ",
                                "the host says: ", said.empty() ? CauseFor(KindOf(shown)) : said));
  if (failure.has_rate_limit()) *shown.mutable_rate_limit() = failure.rate_limit();
  return FromProto(shown);
}

}  // namespace

absl::Status FromHost(const Failure& failure) {
  const bool none = failure.kind() == v1::FAILURE_UNSPECIFIED && failure.detail().empty();
  return none ? absl::OkStatus() : Make(failure, "");
}

absl::Status FromHost(const grpc::Status& status, absl::string_view context) {
  if (status.ok()) return absl::OkStatus();
  Failure failure;
  if (failure.ParseFromString(status.error_details()) &&
      failure.kind() != v1::FAILURE_UNSPECIFIED) {
    return Make(failure, context);
  }
  const FailureKind kind = KindOf(FromGrpcStatus(status, ""));
  const std::string words = PrintableHostText(status.error_message(), kHostDetailBytesMax);
  return MakeFailure(
      kind, absl::StrCat(context, context.empty() ? "" : ": ",
                         words.empty() ? CauseFor(kind)
                                       : absl::StrCat("the call ended with \"", words, "\"")));
}

}  // namespace iris
