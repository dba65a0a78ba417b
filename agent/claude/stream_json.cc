#include "agent/claude/stream_json.h"

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/claude/api_error.h"
#include "common/base/utf8.h"
#include "common/json/json_string.h"
#include "common/json/peer_json.h"

namespace iris {
namespace {

constexpr size_t kDetailBytesMax = 2000;
constexpr size_t kRetryLineBytesMax = 64 << 10;
constexpr double kSecondsMax = 1e11;  // More are milliseconds.
constexpr double kMillisecondsMax = 1e14;

std::string RequestLine(absl::string_view request_id, PeerJson request) {
  return DumpPeerJson({{"type", "control_request"},
                       {"request_id", std::string(request_id)},
                       {"request", std::move(request)}});
}

std::string ResponseLine(PeerJson response) {
  return DumpPeerJson({{"type", "control_response"}, {"response", std::move(response)}});
}

// What an error result says of itself: `result` for API errors, `errors` for a turn that broke off.
std::string ErrorText(const PeerJson& result) {
  std::string text = TextIn(result, "result");
  const PeerJson& errors = MemberOf(result, "errors");
  if (errors.is_array()) {
    for (const PeerJson& error : errors) {
      if (!error.is_string()) continue;
      absl::StrAppend(&text, text.empty() ? "" : "; ", error.get<std::string>());
    }
  }
  if (text.empty()) text = TextIn(result, "subtype");
  return CutUtf8(text, kDetailBytesMax);
}

// Unix milliseconds; 0: it does not say.
int64_t ResetOf(const PeerJson& info) {
  const PeerJson& at = MemberOf(info, "resetsAt");
  if (!at.is_number()) return 0;
  const double number = at.get<double>();
  if (!(number > 0 && number < kMillisecondsMax)) return 0;
  return static_cast<int64_t>(number < kSecondsMax ? number * 1000 : number);
}

std::string TextOf(const PeerJson& message) {
  const PeerJson& content = MemberOf(message, "content");
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) return "";
  for (const PeerJson& block : content) {
    if (TextIn(block, "type") == "text") return TextIn(block, "text");
  }
  return "";
}

// Members of the result line alone; its type may stand at its end. Quotes inside of a string are
// escaped: nothing else holds these words.
bool HasMembersOfResult(absl::string_view line) {
  return absl::StrContains(line, R"("type":"result")") ||
         absl::StrContains(line, R"("duration_api_ms":)") ||
         absl::StrContains(line, R"("total_cost_usd":)");
}

}  // namespace

std::string MessageLine(absl::string_view uuid, absl::string_view text) {
  std::string line = R"({"type":"user","message":{"role":"user","content":")";
  line.reserve(line.size() + text.size() + text.size() / 8 + 100);
  AppendEscaped(text, line);
  absl::StrAppend(&line, R"("},"uuid":")", uuid, "\"}");
  return line;
}

std::string InitializeLine(absl::string_view request_id) {
  return RequestLine(request_id, {{"subtype", "initialize"}});
}

std::string InterruptLine(absl::string_view request_id) {
  // Without cancel_queued, a message that claude has read and not begun would run all the same.
  return RequestLine(request_id, {{"subtype", "interrupt"}, {"cancel_queued", true}});
}

std::string ProbeLine(absl::string_view request_id) {
  return RequestLine(request_id, {{"subtype", "mcp_status"}});
}

std::string DecisionLine(absl::string_view request_id, absl::string_view decision) {
  return ResponseLine({{"request_id", std::string(request_id)},
                       {"subtype", "success"},
                       {"response", ParsePeerJson(decision)}});
}

std::string RefusalLine(absl::string_view request_id, absl::string_view why) {
  return ResponseLine(
      {{"request_id", std::string(request_id)}, {"subtype", "error"}, {"error", std::string(why)}});
}

LineKind KindOfLine(const LineFacts& facts) {
  if (!facts.is_object) return LineKind::kNoise;
  if (facts.type == "assistant") {
    return facts.model == "<synthetic>" ? LineKind::kSynthetic : LineKind::kAssistant;
  }
  if (facts.type == "user") return facts.is_replay ? LineKind::kReplay : LineKind::kUser;
  if (facts.type == "stream_event") return LineKind::kStreamEvent;
  if (facts.type == "result") return LineKind::kResult;
  if (facts.type == "control_response") return LineKind::kControlResponse;
  if (facts.type == "control_request") return LineKind::kControlRequest;
  if (facts.type == "control_cancel_request") return LineKind::kRequestWithdrawn;
  if (facts.type == "rate_limit_event") return LineKind::kRateLimit;
  if (facts.type == "system" && facts.subtype == "session_state_changed") return LineKind::kState;
  if (facts.type == "system" && facts.subtype == "api_retry") return LineKind::kApiRetry;
  return LineKind::kOther;
}

bool SpeaksToAReader(const LineFacts& facts) {
  const LineKind kind = KindOfLine(facts);
  if (kind == LineKind::kResult) return true;
  return (kind == LineKind::kAssistant || kind == LineKind::kSynthetic) && IsOfMainAgent(facts);
}

ControlResponse ReadControlResponse(absl::string_view line) {
  const PeerJson message = ParsePeerJson(line);
  const PeerJson& response = MemberOf(message, "response");
  ControlResponse read;
  read.request_id = TextIn(response, "request_id");
  read.success = TextIn(response, "subtype") == "success";
  read.error = CutUtf8(TextIn(response, "error"), kDetailBytesMax);
  const PeerJson& cancelled = MemberOf(MemberOf(response, "response"), "cancelled");
  if (!cancelled.is_array()) return read;
  for (const PeerJson& uuid : cancelled) {
    if (uuid.is_string()) read.cancelled.push_back(uuid.get<std::string>());
  }
  return read;
}

ControlRequest ReadControlRequest(absl::string_view line) {
  const PeerJson message = ParsePeerJson(line);
  return {.readable = message.is_object(),
          .subtype = TextIn(MemberOf(message, "request"), "subtype")};
}

bool IsResultFor(const LineFacts& facts, absl::string_view uuid, bool replay_seen) {
  if (!facts.has_user_message_uuids) return replay_seen;
  return absl::c_linear_search(facts.user_message_uuids, uuid);
}

bool TurnFailed(const LineFacts& facts) { return facts.is_error || facts.subtype != "success"; }

TurnError ReadTurnError(const LineFacts& facts, absl::string_view line) {
  const PeerJson result = ParsePeerJson(line);
  TurnError error;
  error.text = result.is_object() ? ErrorText(result) : facts.subtype;
  error.logged_out = absl::StrContains(error.text, "Not logged in") ||
                     absl::StrContains(error.text, "Please run /login");
  error.fix = FixForApiError(result, error.text);
  return error;
}

RateLimitLine ReadRateLimit(absl::string_view line) {
  const PeerJson event = ParsePeerJson(line);
  const PeerJson& info = MemberOf(event, "rate_limit_info");
  return {.is_limit = TextIn(info, "status") == "rejected", .resets_at_ms = ResetOf(info)};
}

RateLimitLine ReadSynthetic(absl::string_view line) {
  const PeerJson message = ParsePeerJson(line);
  RateLimitLine read;
  read.text = TextOf(MemberOf(message, "message"));
  read.is_limit = TextIn(message, "error") == "rate_limit" ||
                  TextIn(message, "api_error") == "usage_limit_reached" || NamesALimit(read.text);
  read.resets_at_ms = ResetOf(MemberOf(MemberOf(message, "api_error_params"), "rate_limit_info"));
  return read;
}

// "Session limit reached · resets 10am", "You've hit your 5-hour limit · resets 12:19am (UTC)",
// "Claude AI usage limit reached|1760000000".
bool NamesALimit(absl::string_view text) {
  const absl::string_view head = text.substr(0, 100);
  if (absl::StrContains(head, "limit reached")) return !absl::StartsWith(head, "Context");
  return absl::StartsWith(head, "You") && absl::StrContains(head, " hit your ") &&
         absl::StrContains(head, " limit");
}

// {"type":"system","subtype":"api_retry","attempt":1,"max_retries":10,"error_status":529,…}
std::string ReadApiRetry(absl::string_view line) {
  const PeerJson retry = ParsePeerJson(line.substr(0, kRetryLineBytesMax));
  const auto number = [&retry](const char* key) -> std::string {
    const PeerJson& member = MemberOf(retry, key);
    return member.is_number() ? member.dump() : "?";
  };
  return absl::StrCat("the API refused with status ", number("error_status"), "; attempt ",
                      number("attempt"), " of ", number("max_retries"));
}

// All of claude's lines begin with a name, and have a type or the session's id further on.
BrokenLine ReadBrokenLine(absl::string_view head) {
  BrokenLine broken;
  broken.is_result = HasMembersOfResult(head);
  broken.has_text = absl::StrContains(head, R"("type":"assistant")");
  broken.of_claude = broken.is_result || head == "{" || absl::StartsWith(head, R"({")") ||
                     absl::StrContains(head, R"("type":")") ||
                     absl::StrContains(head, R"("session_id":")");
  return broken;
}

bool IsAside(absl::string_view line) {
  return absl::StrContains(line, R"("session_state_changed")") ||
         absl::StrContains(line, R"("control_response")");
}

}  // namespace iris
