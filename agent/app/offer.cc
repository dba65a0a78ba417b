#include "agent/app/offer.h"

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel_posix.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/app/complain.h"
#include "agent/inventory/host_facts.h"
#include "common/failure/failure.h"
#include "common/process/wait_exit.h"
#include "common/rpc/grpc_failure.h"
#include "proto/iris/v1/agent.grpc.pb.h"
#include "proto/iris/v1/agent.pb.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

// A coordinator waits for our hello meanwhile. The agent goes on trying for longer.
constexpr std::chrono::seconds kTakenWithin(4);
// From its answer that it leaves; it ends its connections first.
constexpr absl::Duration kGoneWithin = absl::Seconds(3);

void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + kTakenWithin);
}

// An agent from before Upgrade can only make room, and does where nothing is lost by it.
absl::Status AskToLeaveIfIdle(v1::Agent::Stub& stub, const std::string& hello_bytes) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ShutdownRequest request;
  request.set_only_if_idle(true);
  v1::ShutdownResponse response;
  const absl::Status left =
      FromGrpcStatus(stub.Shutdown(&context, request, &response), "Shutdown if idle");
  if (!left.ok()) {
    return MakeFailure(v1::FAILURE_VERSION,
                       absl::StrCat("the agent that runs is too old for an upgrade in place, and "
                                    "does not leave: ",
                                    left.message()),
                       "It is replaced at the next connection that finds it idle, or after `iris "
                       "stop --agents`.");
  }
  v1::Hello hello;
  if (hello.ParseFromString(hello_bytes)) {
    WaitForExit(static_cast<pid_t>(hello.pid()), absl::Now() + kGoneWithin);
  }
  return absl::OkStatus();
}

}  // namespace

bool IsOlder(const Dialed& agent, const Options& options) {
  v1::Hello hello;
  return hello.ParseFromString(agent.hello) && hello.build_number() < options.build_number;
}

absl::Status OfferThisBuild(Dialed agent) {
  const std::unique_ptr<v1::Agent::Stub> stub =
      v1::Agent::NewStub(grpc::CreateInsecureChannelFromFd("agent", agent.fd.Release()));
  grpc::ClientContext context;
  SetDeadline(context);
  v1::UpgradeRequest request;
  request.set_program(OurProgram());
  v1::UpgradeResponse response;
  const grpc::Status status = stub->Upgrade(&context, request, &response);
  // Its connections end when it becomes us.
  if (status.ok() || status.error_code() == grpc::StatusCode::UNAVAILABLE) return absl::OkStatus();
  if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
    return AskToLeaveIfIdle(*stub, agent.hello);
  }
  return FromGrpcStatus(status, "upgrade");
}

int RunUpgrade(const Options& options) {
  const absl::StatusOr<Endpoint> endpoint = FindEndpoint("agent", options.home);
  if (!endpoint.ok()) {
    Complain(endpoint.status());
    return 1;
  }
  absl::StatusOr<Dialed> agent = Dial(endpoint->socket, absl::InfinitePast());
  if (!agent.ok() || !IsOlder(*agent, options)) return 0;
  const absl::Status offered = OfferThisBuild(*std::move(agent));
  if (offered.ok()) return 0;
  Complain(offered);
  return 1;
}

}  // namespace iris
