#include "common/rpc/grpc_failure.h"

#include <string>

#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::StartsWith;

constexpr size_t kTrailerBytesMax = 8 << 10;  // GRPC_DEFAULT_MAX_HEADER_LIST_SIZE.

TEST(GrpcFailureTest, TypedFailureArrivesWithKindDetailAndFix) {
  const grpc::Status sent =
      ToGrpcStatus(MakeFailure(v1::FAILURE_NO_SPACE, "0 bytes free on gpu1", "Delete something."));
  EXPECT_EQ(sent.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);

  const Failure received = ToProto(FromGrpcStatus(sent, "open"));
  EXPECT_EQ(received.kind(), v1::FAILURE_NO_SPACE);
  EXPECT_EQ(received.detail(), "open: 0 bytes free on gpu1");
  EXPECT_EQ(received.fix(), "Delete something.");
}

TEST(GrpcFailureTest, OkStaysOk) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpcStatus(grpc::Status::OK, "x").ok());
}

TEST(GrpcFailureTest, UntypedErrorIsOurBug) {
  const grpc::Status sent = ToGrpcStatus(absl::NotFoundError("no such row"));
  EXPECT_EQ(sent.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(KindOf(FromGrpcStatus(sent, "x")), v1::FAILURE_INTERNAL);
}

TEST(GrpcFailureTest, EndWithoutDetailsIsTypedByItsCode) {
  const auto kind_for = [](grpc::StatusCode code) {
    return KindOf(FromGrpcStatus(grpc::Status(code, "socket closed"), "x"));
  };
  EXPECT_EQ(kind_for(grpc::StatusCode::UNAVAILABLE), v1::FAILURE_DROPPED);
  EXPECT_EQ(kind_for(grpc::StatusCode::DEADLINE_EXCEEDED), v1::FAILURE_TIMEOUT);
  EXPECT_EQ(kind_for(grpc::StatusCode::CANCELLED), v1::FAILURE_CANCELLED);
  EXPECT_EQ(kind_for(grpc::StatusCode::UNIMPLEMENTED), v1::FAILURE_VERSION);
  EXPECT_EQ(kind_for(grpc::StatusCode::UNKNOWN), v1::FAILURE_INTERNAL);
  EXPECT_THAT(ToProto(FromGrpcStatus(grpc::Status(grpc::StatusCode::UNKNOWN,
                                                  "socket closed by a peer that said why"),
                                     "attach"))
                  .detail(),
              HasSubstr("attach: socket closed by a peer that said why"));
}

TEST(GrpcFailureTest, ForeignDetailsAreNotMistakenForOurs) {
  const grpc::Status foreign(grpc::StatusCode::UNAVAILABLE, "gone", "\xff\xff garbage");
  EXPECT_EQ(KindOf(FromGrpcStatus(foreign, "x")), v1::FAILURE_DROPPED);
}

// gRPC drops a call whose trailers are too long, and the reason with it.
TEST(GrpcFailureTest, LongestFailureFitsIntoTrailers) {
  std::string detail, fix;
  while (detail.size() < (8 << 10) - 3) detail += "€";
  while (fix.size() < (2 << 10) - 3) fix += "€";
  const grpc::Status sent = ToGrpcStatus(MakeFailure(v1::FAILURE_STORAGE, detail, fix));

  const size_t percent_encoded = sent.error_message().size() * 3;
  const size_t base64 = sent.error_details().size() * 4 / 3;
  EXPECT_THAT(percent_encoded + base64 + 500, Le(kTrailerBytesMax));

  const Failure received = ToProto(FromGrpcStatus(sent, "x"));
  EXPECT_EQ(received.kind(), v1::FAILURE_STORAGE);
  EXPECT_THAT(received.detail(), StartsWith("x: €€€"));
  EXPECT_THAT(received.detail(), EndsWith("€…"));
}

}  // namespace
}  // namespace iris
