#include "coordinator/cli/mcp_stream.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "common/process/thread.h"
#include "common/rpc/grpc_failure.h"
#include "coordinator/desk/frame_bytes.h"

namespace iris {
McpStream::McpStream(Coordinator coordinator, v1::McpClient client, OnAnswer on_answer,
                     OnEnd on_end)
    : coordinator_(std::move(coordinator)),
      client_(std::move(client)),
      stream_(coordinator_.stub->Mcp(&context_)) {
  absl::StatusOr<std::thread> reader =
      StartThread("reads what the coordinator says",
                  [this, on_answer = std::move(on_answer), on_end] { Read(on_answer, on_end); });
  if (reader.ok()) {
    reader_ = *std::move(reader);
    return;
  }
  started_ = reader.status();
  context_.TryCancel();
  on_end();
}

McpStream::~McpStream() {
  context_.TryCancel();
  if (reader_.joinable()) reader_.join();
}

bool McpStream::Send(const McpLine& line, const McpAccepted& accepted) {
  v1::McpClientMessage piece;
  if (client_.has_value()) {
    *piece.mutable_client() = *std::exchange(client_, absl::nullopt);
  }
  piece.set_id(line.id);
  piece.set_accepted_before(accepted.any);
  for (const std::string& member : accepted.members) piece.add_accepted_members(member);
  piece.set_age_ms(absl::ToInt64Milliseconds(absl::Now() - line.read_at));
  size_t sent = 0;
  do {
    const size_t size = std::min(kFrontEndFrameBytesMax, line.json.size() - sent);
    piece.set_json(line.json.data() + sent, size);
    sent += size;
    piece.set_more(sent < line.json.size());
    if (!stream_->Write(piece)) return false;
    piece.Clear();
  } while (sent < line.json.size());
  return true;
}

void McpStream::SendGiven(const std::string& id) {
  v1::McpClientMessage given;
  given.set_given(id);
  stream_->Write(given);  // Where the stream has ended, it is offered again.
}

absl::Status McpStream::Finish() {
  if (reader_.joinable()) reader_.join();
  const grpc::Status ended = stream_->Finish();
  return started_.ok() ? FromGrpcStatus(ended, "coordinator") : started_;
}

void McpStream::Read(const OnAnswer& on_answer, const OnEnd& on_end) {
  McpAnswer answer;
  for (v1::McpServerMessage piece; stream_->Read(&piece);) {
    answer.json += piece.json();
    if (piece.more()) continue;
    answer.settles = piece.settles();
    answer.opening = piece.opening();
    answer.accepted = piece.accepted();
    answer.accepted_member = piece.accepted_member();
    answer.confirm = piece.confirm();
    on_answer(std::exchange(answer, McpAnswer()));
  }
  on_end();
}

}  // namespace iris
