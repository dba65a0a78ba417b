#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bench/json_member.h"
#include "tests/bench/lane.h"
#include "tests/bench/line_process.h"
#include "tests/bench/question.h"
#include "tests/bench/stopwatch.h"

namespace iris::bench {
namespace {

constexpr absl::Duration kAnswer = absl::Seconds(60);

// A client that does no more than it must: it knows its own ids, and reads nothing else.
class McpLane final : public Lane {
 public:
  McpLane(std::unique_ptr<LineProcess> iris, std::string team)
      : iris_(std::move(iris)), team_(std::move(team)) {}

  absl::Status Initialize() {
    const absl::StatusOr<std::string_view> answer =
        Ask("initialize", R"({"protocolVersion":"2025-11-25","capabilities":{},)"
                          R"("clientInfo":{"name":"bench","version":"1"}})");
    if (!answer.ok()) return answer.status();
    return iris_->Write(R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  }

  absl::StatusOr<absl::Duration> RoundTrip(const Question& question) override {
    const Stopwatch watch;
    const absl::StatusOr<std::string_view> answer =
        Ask("tools/call", absl::StrCat(R"({"name":"send_message","arguments":{"toTeam":")", team_,
                                       R"(","message":")", question.text, R"("}})"));
    if (!answer.ok()) return answer.status();
    const absl::Duration took = watch.elapsed();
    const std::string_view result = JsonMember(*answer, "result");
    const std::string_view text = JsonText(JsonMember(result, "content"), "text");
    if (absl::Status right = CheckAnswer(question, {text.data(), text.size()}); !right.ok()) {
      return right;
    }
    return took;
  }

 private:
  absl::StatusOr<std::string_view> Ask(absl::string_view method, absl::string_view params) {
    const std::string id = absl::StrCat(++asked_);
    const absl::Time deadline = absl::Now() + kAnswer;
    absl::Status said = iris_->Write(absl::StrCat(R"({"jsonrpc":"2.0","id":)", id, R"(,"method":")",
                                                  method, R"(","params":)", params, "}"));
    if (!said.ok()) return said;
    while (true) {
      absl::StatusOr<std::string_view> line = iris_->Read(deadline);
      if (!line.ok()) return line;
      if (JsonMember(*line, "id") == id) return line;
    }
  }

  const std::unique_ptr<LineProcess> iris_;
  const std::string team_;
  int asked_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Lane>> OpenMcpLane(const std::vector<std::string>& command,
                                                  const std::string& team) {
  absl::StatusOr<std::unique_ptr<LineProcess>> iris = LineProcess::Start(command);
  if (!iris.ok()) return iris.status();
  auto lane = std::make_unique<McpLane>(*std::move(iris), team);
  if (absl::Status ready = lane->Initialize(); !ready.ok()) return ready;
  return lane;
}

}  // namespace iris::bench
