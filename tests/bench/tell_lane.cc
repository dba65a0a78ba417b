#include <grpcpp/create_channel_posix.h>

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/ids.h"
#include "common/endpoint/endpoint.h"
#include "proto/iris/v1/coordinator.grpc.pb.h"
#include "proto/iris/v1/coordinator.pb.h"
#include "tests/bench/lane.h"

namespace iris::bench {
namespace {

constexpr absl::Duration kAnswer = absl::Seconds(30);

class TellLane final : public Lane {
 public:
  TellLane(std::string team, std::unique_ptr<v1::Coordinator::Stub> stub)
      : team_(std::move(team)), stub_(std::move(stub)) {}

  absl::Status RoundTrip(const std::string& text) override {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kAnswer));
    const auto stream = stub_->Tell(&context);
    v1::TellRequest request;
    request.set_tell_id(NewUuid());
    request.set_from("cli");
    request.set_to(team_);
    request.set_text(text);
    request.set_last(true);
    stream->Write(request);  // Finish() says why it failed.
    std::string answer;
    bool settled = false;
    for (v1::TellUpdate update; stream->Read(&update);) {
      answer += update.answer();
      if (!update.has_settled()) continue;
      settled = true;
      if (update.settled().has_failure()) {
        answer = absl::StrCat("failed: ", update.settled().failure().detail());
      }
    }
    const grpc::Status status = stream->Finish();
    if (!status.ok()) return absl::InternalError(status.error_message());
    if (!settled || answer != absl::StrCat("ECHO: ", text)) return absl::InternalError(answer);
    return absl::OkStatus();
  }

 private:
  const std::string team_;
  const std::unique_ptr<v1::Coordinator::Stub> stub_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Lane>> OpenTellLane(const std::string& team) {
  const char* home = std::getenv("IRIS_HOME");
  const absl::StatusOr<Endpoint> endpoint =
      FindEndpoint("coordinator", home == nullptr ? "" : home);
  if (!endpoint.ok()) return endpoint.status();
  absl::StatusOr<Dialed> dialed = Dial(endpoint->socket, absl::InfinitePast());
  if (!dialed.ok()) return dialed.status();
  return std::make_unique<TellLane>(
      team, v1::Coordinator::NewStub(
                grpc::CreateInsecureChannelFromFd("coordinator", dialed->fd.Release())));
}

}  // namespace iris::bench
