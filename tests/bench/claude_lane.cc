#include <utility>

#include "absl/time/clock.h"
#include "tests/bench/json_member.h"
#include "tests/bench/lane.h"
#include "tests/bench/line_process.h"
#include "tests/bench/question.h"
#include "tests/bench/stopwatch.h"

namespace iris::bench {
namespace {

constexpr absl::Duration kAnswer = absl::Seconds(60);

class ClaudeLane final : public Lane {
 public:
  explicit ClaudeLane(std::unique_ptr<LineProcess> claude) : claude_(std::move(claude)) {}

  absl::StatusOr<absl::Duration> RoundTrip(const Question& question) override {
    const absl::Time deadline = absl::Now() + kAnswer;
    const Stopwatch watch;
    if (absl::Status said = claude_->Write(MessageFor(question.text)); !said.ok()) return said;
    while (true) {
      const absl::StatusOr<std::string_view> line = claude_->Read(deadline);
      if (!line.ok()) return line.status();
      if (!IsResult(*line)) continue;
      const absl::Duration took = watch.elapsed();
      const std::string_view answer = JsonText(*line, "result");
      const absl::Status right = CheckAnswer(question, {answer.data(), answer.size()});
      if (!right.ok()) return right;
      return took;
    }
  }

 private:
  const std::unique_ptr<LineProcess> claude_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Lane>> OpenClaudeLane(const std::vector<std::string>& command) {
  absl::StatusOr<std::unique_ptr<LineProcess>> claude = StartClaude(command);
  if (!claude.ok()) return claude.status();
  return std::make_unique<ClaudeLane>(*std::move(claude));
}

}  // namespace iris::bench
