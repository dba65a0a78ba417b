// What claude says on stdout, line by line (facts: the stream-json protocol of claude 2.1).

#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/claude/api_error.h"
#include "agent/session/session.h"
#include "common/base/utf8.h"
#include "common/failure/agent_fix.h"
#include "common/failure/failure.h"
#include "common/json/peer_json.h"

namespace iris {
namespace {

constexpr size_t kPieceBytesMax = 32 << 10;  // Its reader hears of it whole: 1 s at 256 kbit/s.
constexpr size_t kDetailBytesMax = 2000;

// What an error result says of itself: `result` for API errors, `errors` for a turn that broke off.
std::string ErrorText(const PeerJson& result) {
  std::string text = TextIn(result, "result");
  const auto errors = result.find("errors");
  if (errors != result.end() && errors->is_array()) {
    for (const PeerJson& error : *errors) {
      if (!error.is_string()) continue;
      absl::StrAppend(&text, text.empty() ? "" : "; ", error.get<std::string>());
    }
  }
  if (text.empty()) text = TextIn(result, "subtype");
  return CutUtf8(text, kDetailBytesMax);
}

// What a reader takes for an answer, or for its end.
bool SpeaksToAReader(const LineFacts& facts) {
  return facts.type == "result" ||
         (facts.type == "assistant" && facts.parent_tool_use_id.empty());
}

}  // namespace

void Session::OnStdout(absl::string_view bytes) { scanner_->Feed(bytes); }

void Session::AppendLine(absl::string_view line) { OnLinePiece(line, /*ends_line=*/true); }

void Session::OnLinePiece(absl::string_view piece, bool ends_line) {
  if (!ends_line) {
    stall_.OnOutput(StallNow());
    idle_.OnPiece(StallNow());
  }
  do {
    const absl::string_view part = piece.substr(0, kPieceBytesMax);
    piece.remove_prefix(part.size());
    v1::Event event;
    event.mutable_output()->set_bytes(part.data(), part.size());
    event.mutable_output()->set_more(!ends_line || !piece.empty());
    Append(std::move(event));
  } while (!piece.empty());
}

void Session::OnLine(const LineFacts& facts, absl::string_view head, bool head_is_whole) {
  idle_.OnLine(facts, head, StallNow());
  if (!facts.is_object) return;  // Noise of a hook or a wrapper: passed on, and no news.
  if (facts.type == "control_response" && head_is_whole) return OnControlResponse(head);
  if (facts.type == "control_request") {
    return OnControlRequest(facts.request_id, head_is_whole ? head : "");
  }
  if (facts.type == "control_cancel_request") return OnRequestWithdrawn(facts.request_id);
  if (turn_ == nullptr) return;
  stall_.OnLine(facts, head, StallNow());
  turn_->limit.OnLine(facts, head_is_whole ? head : "");
  if (!turn_->replay_seen && SpeaksToAReader(facts)) turn_->spoke_before = true;
  if (facts.type == "user" && facts.is_replay && facts.uuid == turn_->tell_id) BeginAnswer();
  if (facts.type == "result") OnResult(facts, head, head_is_whole);
}

// claude repeats a line when it takes it up (a background task of its own may have the word until
// then), and repeats it again where it knows it already. A claude that repeats none begins its
// answer with `written`.
void Session::BeginAnswer() {
  if (std::exchange(turn_->replay_seen, true)) return;
  const bool spoke_before = std::exchange(turn_->spoke_before, false) || idle_.line_broken();
  turn_->limit.OnAnswerBegins();
  idle_.OnAnswerBegins();
  if (!spoke_before) return;
  v1::Event event;
  event.mutable_gap()->set_tell_id(turn_->tell_id);
  event.mutable_gap()->set_reason("claude was speaking of something else; the answer begins here");
  Append(std::move(event));
}

void Session::OnControlResponse(absl::string_view line) {
  const PeerJson message = ParsePeerJson(line);
  const PeerJson& response = MemberOf(message, "response");
  const std::string request_id = TextIn(response, "request_id");
  const bool success = TextIn(response, "subtype") == "success";
  if (turn_ != nullptr && !request_id.empty() && request_id == turn_->probe_id) {
    idle_.OnAskAnswered();
    return stall_.OnProbeAnswered();
  }
  if (turn_ != nullptr && turn_->interrupt != nullptr && !request_id.empty() &&
      request_id == turn_->interrupt->request_id) {
    if (!success) return EndInterrupted("refused to be interrupted");
    const PeerJson& cancelled = MemberOf(MemberOf(response, "response"), "cancelled");
    return OnInterruptAnswered(cancelled.is_array() &&
                               absl::c_linear_search(cancelled, PeerJson(turn_->tell_id)));
  }
  if (phase_ != Phase::kStarting || request_id != initialize_id_) return;
  if (success) return BecomeReady();
  FailStart(MakeFailure(v1::FAILURE_VERSION,
                        absl::StrCat(WhoRuns(), " refused `initialize`: ",
                                     CutUtf8(TextIn(response, "error"), kDetailBytesMax)),
                        kFixClaudeVersion));
  BeginClosing(absl::ZeroDuration(), v1::Exited::NOT_READY);
}

void Session::OnResult(const LineFacts& facts, absl::string_view head, bool head_is_whole) {
  // A turn that nobody asked for ends with a result too. A claude too old to name the lines that it
  // answers has at least replayed ours before.
  const bool ours = facts.has_user_message_uuids
                        ? absl::c_linear_search(facts.user_message_uuids, turn_->tell_id)
                        : turn_->replay_seen;
  if (!ours || turn_->awaited_for.has_value()) return;
  if (turn_->interrupt != nullptr && facts.subtype == "error_during_execution") {
    return OnTurnOver(Cancelled());
  }
  // An API error is a "success" with is_error.
  const bool failed = facts.is_error || facts.subtype != "success";
  std::string text;
  absl::string_view fix;
  if (failed) {
    const PeerJson result = head_is_whole ? ParsePeerJson(head) : PeerJson();
    text = result.is_object() ? ErrorText(result) : facts.subtype;
    fix = FixForApiError(result, text);
    turn_->limit.OnResult(text);
  }
  if (turn_->limit.reached()) return OnTurnOver(RateLimited());
  if (failed) {
    const bool logged_out =
        absl::StrContains(text, "Not logged in") || absl::StrContains(text, "Please run /login");
    OnTurnOver(MakeFailure(logged_out ? v1::FAILURE_CLAUDE_NOT_LOGGED_IN : v1::FAILURE_CLAUDE_ERROR,
                           absl::StrCat(Who(), " ended the turn with an error: ", text),
                           logged_out ? absl::string_view() : fix));
  } else if (turn_->permission_lost) {
    OnTurnOver(PermissionLost(end_reason_ == v1::Exited::CLOSED));
  } else if (idle_.text_lost() || turn_->owes_whole) {
    AwaitTranscript(head_is_whole ? head : "");
  } else {
    OnTurnOver(absl::OkStatus());
  }
}

}  // namespace iris
