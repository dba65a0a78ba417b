#include "common/rpc/grpc_client_life.h"

#include <chrono>
#include <memory>

#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/slice.h"

namespace iris {
namespace {

// A channel to nowhere whose one call was over before it began: it holds the threads.
struct Holder {
  std::shared_ptr<grpc::Channel> channel =
      grpc::CreateChannel("unix:/nonexistent", grpc::InsecureChannelCredentials());
  grpc::GenericStub stub{channel};
  grpc::ClientContext context;
  grpc::Slice nothing;
  grpc::ByteBuffer request{&nothing, 1};
  grpc::ByteBuffer response;
};

}  // namespace

void KeepGrpcClientThreads() {
  static Holder* const holder = [] {
    auto* made = new Holder;
    made->context.set_deadline(std::chrono::system_clock::now());
    made->stub.UnaryCall(&made->context, "/iris.None/None", grpc::StubOptions(), &made->request,
                         &made->response, [](grpc::Status) {});
    return made;
  }();
  (void)holder;
}

}  // namespace iris
