#ifndef IRIS_COORDINATOR_SERVICE_MCP_CALL_H_
#define IRIS_COORDINATOR_SERVICE_MCP_CALL_H_

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "common/budget/byte_budget.h"
#include "common/rpc/server_stream.h"
#include "coordinator/desk/answer_text.h"
#include "coordinator/mcp/client_message.h"
#include "coordinator/mcp/outgoing.h"
#include "coordinator/mcp/session.h"
#include "coordinator/mcp/sink.h"
#include "coordinator/service/coordinator_service.h"
#include "coordinator/service/mcp_reader.h"
#include "proto/iris/v1/coordinator.grpc.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// One Mcp stream: an McpSession and its wire. Messages are put together and parsed on gRPC's
// threads, one read at a time; everything else happens on the loop, so nothing is locked. No write
// is under way when the call is finished.
//
//   open ── the client has no more, or we leave ──▶ writing what is left ──▶ finished
//
// A client that only half-closes gets what is answered at once; what it would have to wait for is
// its loss, and goes on.
class McpCall final : public ServerStream<v1::McpClientMessage, v1::McpServerMessage>,
                      private McpSink {
 public:
  explicit McpCall(const ServiceParts& parts);

  // Answers what waits with `why`, takes no more, and ends the stream with it.
  void Leave(const absl::Status& why);

  // Messages that wait to be written. From there on no more of the client's are read, and progress
  // is left out.
  static constexpr size_t kWaitingMax = 256;
  // The same for all their bytes, which long answers do not count for: the store has them.
  static constexpr size_t kWaitingBytesMax = 4 << 20;
  // Messages whose answers a front end may leave unconfirmed. Of more some are offered again.
  static constexpr size_t kToConfirmMax = 1024;

 private:
  ~McpCall() override;

  void Prepare(const v1::McpClientMessage& frame) override;
  void OnBegin() override;
  void OnRead(v1::McpClientMessage& frame) override;
  void OnNoMore() override { EndOfInput(absl::OkStatus()); }
  void OnWritten(bool ok) override;
  void OnGone() override;

  void ReadOn();
  void EndOfInput(const absl::Status& ending);
  void WriteNext();
  // Whether the next piece of the first that waits can be made; if not, the call is over or goes on
  // by itself.
  bool HasText();
  void WritePiece();
  // Whether the front end is to say when it has given what `message` settles.
  bool NoteToConfirm(const McpOutgoing& message);
  void OnGiven(const std::string& id);
  void MarkRead(const std::string& tell_id);
  bool waits_for_client() const;

  void Send(McpOutgoing message) override;

  const ServiceParts& parts_;

  // Of whoever has the read.
  McpReader reader_;
  absl::StatusOr<absl::optional<McpClientMessage>> read_ = absl::nullopt;
  bool read_waits_ = false;     // For the client to read what we wrote.
  ByteBudget::Holder reading_;  // The message that is being put together.

  McpSession session_;
  absl::optional<absl::Status> ending_;  // No more input: what the call ends with.

  std::deque<McpOutgoing> waiting_;
  AnswerText answer_text_;  // Of the first of them, where it is long.
  std::string outcome_of_;  // The tell whose outcome is whole once what is written is; or empty.
  // Where the front end says itself what it has given to the client: the tells whose outcomes it
  // was sent, by the id of the message that they answer; and of the one that is being written.
  bool confirms_ = false;
  std::map<std::string, std::vector<std::string>> to_confirm_;
  std::vector<std::string> outcomes_of_;
  bool client_gone_ = false;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_SERVICE_MCP_CALL_H_
