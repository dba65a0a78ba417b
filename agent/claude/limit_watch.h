#ifndef IRIS_AGENT_CLAUDE_LIMIT_WATCH_H_
#define IRIS_AGENT_CLAUDE_LIMIT_WATCH_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "agent/claude/line_scanner.h"
#include "agent/claude/stream_json.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {

// Follows what claude says in one turn of the limits of its account. Facts (claude 2.1.330; held to
// by tests/e2e/test_limits.py): where the API refuses by a limit, claude says so in an assistant
// line of model "<synthetic>" with `error` "rate_limit"; after 429 for a subscription with
// `api_error` "usage_limit_reached" and `api_error_params.rate_limit_info`, which a
// `rate_limit_event` has as well. `is_error` of the result may be false. Not thread-safe.
class LimitWatch {
 public:
  // For another watch to go on with.
  struct Seen {
    bool rejected = false;
    bool model_spoke = false;  // After that.
    bool ran = false;          // The model or a tool did something.
    std::string said;          // That the limit is reached, in claude's own words.
    int64_t resets_at_ms = 0;  // Unix time; 0: unknown.
  };

  const Seen& seen() const { return seen_; }
  // What another watch has seen of this turn.
  void Resume(Seen seen) { seen_ = std::move(seen); }
  // `line` is whole where it is short.
  void OnLine(const LineFacts& facts, absl::string_view line);
  // What was said and done before belongs to another turn. A limit that was met then, and that
  // nothing has passed since, stays: the API may say so before claude takes the message up.
  void OnAnswerBegins();
  // With the turn's result. `error_text`: what it says of itself, where it is an error.
  void OnResult(absl::string_view error_text);

  // The turn ended because of a limit.
  bool reached() const { return !seen_.said.empty() || (seen_.rejected && !seen_.model_spoke); }
  // In claude's own words; may be empty.
  const std::string& said() const { return seen_.said; }
  // When it ends, by rate_limit_info alone: the words name an hour of a zone that nobody knows.
  v1::RateLimit limit() const;

 private:
  void OnRateLimit(const RateLimitLine& line);
  void OnSynthetic(const RateLimitLine& line);

  Seen seen_;
};

}  // namespace iris

#endif  // IRIS_AGENT_CLAUDE_LIMIT_WATCH_H_
