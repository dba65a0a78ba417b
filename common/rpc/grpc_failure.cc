#include "common/rpc/grpc_failure.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

constexpr size_t kWireDetailBytesMax = 3 << 10;
constexpr size_t kWireFixBytesMax = 1 << 10;
// For grpcurl and logs; percent-encoding may triple it.
constexpr size_t kMessageBytesMax = 256;

std::string Cut(absl::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return absl::StrCat(text.substr(0, end), "…");
}

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
  failure.set_detail(Cut(failure.detail(), kWireDetailBytesMax));
  failure.set_fix(Cut(failure.fix(), kWireFixBytesMax));
  return grpc::Status(static_cast<grpc::StatusCode>(CodeFor(KindOf(failure))),
                      Cut(failure.detail(), kMessageBytesMax), failure.SerializeAsString());
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
