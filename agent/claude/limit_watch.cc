#include "agent/claude/limit_watch.h"

#include <cstdint>

#include "absl/strings/match.h"
#include "common/base/utf8.h"
#include "common/json/peer_json.h"

namespace iris {
namespace {

constexpr size_t kSaidBytesMax = 2000;
constexpr size_t kLineBytesMax = 64 << 10;
constexpr double kSecondsMax = 1e11;  // More are milliseconds.
constexpr double kMillisecondsMax = 1e14;

// Unix milliseconds; 0: it does not say.
int64_t ResetOf(const PeerJson& info) {
  const PeerJson& at = MemberOf(info, "resetsAt");
  if (!at.is_number()) return 0;
  const double number = at.get<double>();
  if (!(number > 0 && number < kMillisecondsMax)) return 0;
  return static_cast<int64_t>(number < kSecondsMax ? number * 1000 : number);
}

// "Session limit reached · resets 10am", "You've hit your 5-hour limit · resets 12:19am (UTC)",
// "Claude AI usage limit reached|1760000000". Not "Context limit reached": waiting does not help.
bool NamesALimit(absl::string_view text) {
  const absl::string_view head = text.substr(0, 100);
  if (absl::StrContains(head, "limit reached")) return !absl::StartsWith(head, "Context");
  return absl::StartsWith(head, "You") && absl::StrContains(head, " hit your ") &&
         absl::StrContains(head, " limit");
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

}  // namespace

void LimitWatch::OnLine(const LineFacts& facts, absl::string_view line) {
  if (facts.type == "rate_limit_event" && line.size() <= kLineBytesMax) {
    const PeerJson event = ParsePeerJson(line);
    const PeerJson& info = MemberOf(event, "rate_limit_info");
    if (TextIn(info, "status") != "rejected") return;
    seen_.rejected = true;
    seen_.model_spoke = false;
    if (const int64_t reset = ResetOf(info); reset != 0) seen_.resets_at_ms = reset;
  } else if (facts.type == "assistant" && facts.model == "<synthetic>") {
    if (facts.parent_tool_use_id.empty()) OnSynthetic(line);
  } else if (facts.type == "assistant") {
    seen_.ran = true;
    if (!facts.parent_tool_use_id.empty()) return;
    seen_.model_spoke = true;
    seen_.said.clear();
  } else if (facts.type == "user" && !facts.is_replay) {
    seen_.ran = true;
  }
}

void LimitWatch::OnAnswerBegins() {
  seen_.rejected = seen_.rejected && !seen_.model_spoke;
  seen_.model_spoke = seen_.ran = false;
  seen_.said.clear();
}

void LimitWatch::OnSynthetic(absl::string_view line) {
  if (line.size() > kLineBytesMax) return;
  const PeerJson message = ParsePeerJson(line);
  const std::string text = TextOf(MemberOf(message, "message"));
  const bool is_limit = TextIn(message, "error") == "rate_limit" ||
                        TextIn(message, "api_error") == "usage_limit_reached" || NamesALimit(text);
  if (!is_limit) {
    // Another reason, which counts.
    seen_.rejected = false;
    seen_.said.clear();
    return;
  }
  seen_.said = text.empty() ? "rate_limit" : CutUtf8(text, kSaidBytesMax);
  const PeerJson& info = MemberOf(MemberOf(message, "api_error_params"), "rate_limit_info");
  if (const int64_t reset = ResetOf(info); reset != 0) seen_.resets_at_ms = reset;
}

void LimitWatch::OnResult(absl::string_view error_text) {
  if (seen_.said.empty() && NamesALimit(error_text)) {
    seen_.said = CutUtf8(error_text, kSaidBytesMax);
  }
}

v1::RateLimit LimitWatch::limit() const {
  v1::RateLimit limit;
  limit.set_resets_at_ms(seen_.resets_at_ms);
  limit.set_nothing_ran(!seen_.ran);
  return limit;
}

}  // namespace iris
