#include "agent/claude/limit_watch.h"

#include "agent/claude/stream_json.h"
#include "common/base/utf8.h"

namespace iris {
namespace {

constexpr size_t kSaidBytesMax = 2000;
}  // namespace

void LimitWatch::OnLine(const LineFacts& facts, absl::string_view line) {
  const bool is_short = line.size() <= kLimitLineBytesMax;
  switch (KindOfLine(facts)) {
    case LineKind::kRateLimit:
      if (is_short) OnRateLimit(ReadRateLimit(line));
      break;
    case LineKind::kSynthetic:
      if (is_short && IsOfMainAgent(facts)) OnSynthetic(ReadSynthetic(line));
      break;
    case LineKind::kAssistant:
      seen_.ran = true;
      if (!IsOfMainAgent(facts)) break;
      seen_.model_spoke = true;
      seen_.said.clear();
      break;
    case LineKind::kUser:
      seen_.ran = true;
      break;
    default:
      break;
  }
}

void LimitWatch::OnRateLimit(const RateLimitLine& line) {
  if (!line.is_limit) return;
  seen_.rejected = true;
  seen_.model_spoke = false;
  if (line.resets_at_ms != 0) seen_.resets_at_ms = line.resets_at_ms;
}

void LimitWatch::OnAnswerBegins() {
  seen_.rejected = seen_.rejected && !seen_.model_spoke;
  seen_.model_spoke = seen_.ran = false;
  seen_.said.clear();
}

void LimitWatch::OnSynthetic(const RateLimitLine& line) {
  if (!line.is_limit) {
    // Another reason, which counts.
    seen_.rejected = false;
    seen_.said.clear();
    return;
  }
  seen_.said = line.text.empty() ? "rate_limit" : CutUtf8(line.text, kSaidBytesMax);
  if (line.resets_at_ms != 0) seen_.resets_at_ms = line.resets_at_ms;
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
