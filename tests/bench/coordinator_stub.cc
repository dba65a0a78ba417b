#include "tests/bench/coordinator_stub.h"

#include <grpcpp/create_channel_posix.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/ids.h"
#include "common/endpoint/endpoint.h"

namespace iris::bench {

absl::StatusOr<std::unique_ptr<v1::Coordinator::Stub>> ConnectToCoordinator() {
  const char* home = std::getenv("IRIS_HOME");
  const absl::StatusOr<Endpoint> endpoint =
      FindEndpoint("coordinator", home == nullptr ? "" : home);
  if (!endpoint.ok()) return endpoint.status();
  absl::StatusOr<Dialed> dialed = Dial(endpoint->socket, absl::InfinitePast());
  if (!dialed.ok()) return dialed.status();
  return v1::Coordinator::NewStub(
      grpc::CreateInsecureChannelFromFd("coordinator", dialed->fd.Release()));
}

v1::TellRequest RequestFor(absl::string_view from, absl::string_view to, absl::string_view text) {
  v1::TellRequest request;
  request.set_tell_id(NewUuid());
  request.set_from(from.data(), from.size());
  request.set_to(to.data(), to.size());
  request.set_text(text.data(), text.size());
  request.set_last(true);
  return request;
}

void TellReader::Take(const v1::TellUpdate& update) {
  answer_ += update.answer();
  if (!update.has_settled()) return;
  settled_ = true;
  failure_ = update.settled().failure().detail();
}

absl::Status TellReader::Check(const Question& question) const {
  if (!failure_.empty()) return absl::InternalError(absl::StrCat("it failed: ", failure_));
  if (!settled_) return absl::InternalError("it is not over");
  return CheckAnswer(question, answer_);
}

}  // namespace iris::bench
