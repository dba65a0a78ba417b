#ifndef IRIS_COORDINATOR_SERVICE_MCP_CALL_FIXTURE_H_
#define IRIS_COORDINATOR_SERVICE_MCP_CALL_FIXTURE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/base/ids.h"
#include "common/rpc/grpc_failure.h"
#include "coordinator/desk/frame_bytes.h"
#include "coordinator/service/coordinator_service_fixture.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/coordinator.grpc.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

// The vocabulary of the tests of Mcp streams.
namespace iris {

inline constexpr size_t kPieceBytes = kFrontEndFrameBytesMax;
inline constexpr char kInitialize[] =
    R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}})";

inline std::string Ping(int id) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":"ping"})";
}

inline std::string Send(int id, const std::string& text) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) +
         R"(,"method":"tools/call","params":{"name":"send_message","arguments":)" +
         R"({"toTeam":"gpu","fromTeam":"web","message":")" + text + "\"}}}";
}

inline std::string Wait(int id, const std::string& tell_id) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) +
         R"(,"method":"tools/call","params":{"name":"tell_wait",)" +
         R"("arguments":{"fromTeam":"web","tellId":")" + tell_id + "\"}}}";
}

// A front end's end of one stream.
class Stream {
 public:
  // `session_id` is that of the client's claude; `caller` is whom it speaks for, or one of `also`.
  explicit Stream(v1::Coordinator::Stub& stub, std::string session_id = "", std::string caller = "",
                  bool confirms = false, std::vector<std::string> also = {})
      : session_id_(std::move(session_id)),
        caller_(std::move(caller)),
        also_(std::move(also)),
        confirms_(confirms),
        stream_(stub.Mcp(&context_)) {}

  // Returns the id of the message.
  std::string Write(const std::string& json, const std::string& id = NewUuid(),
                    bool accepted_before = false,
                    const std::vector<std::string>& accepted_members = {}) {
    v1::McpClientMessage piece;
    if (std::exchange(first_, false)) {
      (*piece.mutable_client()->mutable_lent_env())["SSH_AUTH_SOCK"] = "/agent";
      piece.mutable_client()->set_claude_session_id(session_id_);
      piece.mutable_client()->set_caller(caller_);
      for (const std::string& team : also_) piece.mutable_client()->add_also(team);
      piece.mutable_client()->set_confirms(confirms_);
    }
    piece.set_id(id);
    piece.set_accepted_before(accepted_before);
    for (const std::string& member : accepted_members) piece.add_accepted_members(member);
    for (size_t at = 0; at < json.size(); at += kPieceBytes) {
      piece.set_json(json.substr(at, kPieceBytes));
      piece.set_more(at + kPieceBytes < json.size());
      if (!stream_->Write(piece)) break;
      piece.Clear();
    }
    return id;
  }
  void Give(const std::string& id) {
    v1::McpClientMessage given;
    given.set_given(id);
    EXPECT_TRUE(stream_->Write(given));
  }
  void WritesDone() { stream_->WritesDone(); }
  // The next message, put together; `json` is empty at the end of the stream. What was accepted on
  // the way there is in `accepted`.
  v1::McpServerMessage Read() {
    std::string json;
    for (v1::McpServerMessage piece; stream_->Read(&piece);) {
      json += piece.json();
      EXPECT_LE(piece.json().size(), kPieceBytes);
      if (piece.more()) continue;
      if (!piece.accepted().empty()) {
        EXPECT_EQ(json + piece.settles(), "");
        accepted.push_back(piece.accepted());
        if (!piece.accepted_member().empty()) accepted_members.push_back(piece.accepted_member());
        continue;
      }
      piece.set_json(json);
      return piece;
    }
    return {};
  }
  absl::Status Finish() { return FromGrpcStatus(stream_->Finish(), ""); }

  std::vector<std::string> accepted;
  std::vector<std::string> accepted_members;

 private:
  grpc::ClientContext context_;
  bool first_ = true;
  const std::string session_id_;
  const std::string caller_;
  const std::vector<std::string> also_;
  const bool confirms_;
  const std::unique_ptr<grpc::ClientReaderWriter<v1::McpClientMessage, v1::McpServerMessage>>
      stream_;
};

class McpCallTest : public CoordinatorServiceTest {
 protected:
  size_t Held() {
    size_t bytes = 0;
    OnLoop([&] { bytes = budget_->held(); });
    return bytes;
  }
  McpCallTest() { file_.teams.push_back({.name = "web", .path = "/w"}); }
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_SERVICE_MCP_CALL_FIXTURE_H_
