#include "common/rpc/grpc_failure.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

constexpr size_t kWireDetailBytesMax = 3 << 10;
constexpr size_t kWireFixBytesMax = 1 << 10;
// For grpcurl and logs; percent-encoding may triple it.
constexpr size_t kMessageBytesMax = 256;

FailureKind KindWithoutDetails(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::UNAVAILABLE:
      return v1::FAILURE_DROPPED;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return v1::FAILURE_TIMEOUT;
    case grpc::StatusCode::CANCELLED:
      return v1::FAILURE_CANCELLED;
    case grpc::StatusCode::UNIMPLEMENTED:
      return v1::FAILURE_VERSION;
    default:
      return v1::FAILURE_INTERNAL;
  }
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  Failure failure = ToProto(status);
  failure.set_detail(CutUtf8(failure.detail(), kWireDetailBytesMax));
  failure.set_fix(CutUtf8(failure.fix(), kWireFixBytesMax));
  return grpc::Status(static_cast<grpc::StatusCode>(CodeFor(KindOf(failure))),
                      CutUtf8(failure.detail(), kMessageBytesMax), failure.SerializeAsString());
}

absl::Status FromGrpcStatus(const grpc::Status& status, absl::string_view context) {
  if (status.ok()) return absl::OkStatus();
  const std::string before = context.empty() ? "" : absl::StrCat(context, ": ");
  Failure failure;
  if (failure.ParseFromString(status.error_details()) &&
      failure.kind() != v1::FAILURE_UNSPECIFIED) {
    failure.set_detail(absl::StrCat(before, failure.detail()));
    return FromProto(failure);
  }
  const FailureKind kind = KindWithoutDetails(status.error_code());
  std::string what = status.error_message();  // By value: a view of it would dangle.
  if (what.empty()) what = std::string(CauseFor(kind));
  return MakeFailure(kind, absl::StrCat(before, what));
}

}  // namespace iris
