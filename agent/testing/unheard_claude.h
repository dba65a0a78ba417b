#ifndef IRIS_AGENT_TESTING_UNHEARD_CLAUDE_H_
#define IRIS_AGENT_TESTING_UNHEARD_CLAUDE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/claude/claude_child.h"
#include "agent/claude/line_scanner.h"
#include "agent/process/child.h"

namespace iris {

// For a claude in a test that is about something else than what it says.
class UnheardClaude final : public ClaudeSink {
 public:
  void OnStarted() override {}
  void OnReady() override {}
  void OnNotReady(NotReady, const std::string&) override {}
  void OnPiece(absl::string_view, bool) override {}
  void OnLine(const LineFacts&, absl::string_view, bool) override {}
  void OnProbeAnswered() override {}
  void OnInterruptAnswered(const std::vector<std::string>&) override {}
  void OnInterruptRefused() override {}
  void OnRequest(const std::string&, absl::string_view) override {}
  void OnRequestWithdrawn(const std::string&) override {}
  void OnDeaf() override {}
  void OnStderr(absl::string_view) override {}
  void OnExited(const absl::StatusOr<ExitStatus>&, bool) override {}
  void OnGone() override {}
};

}  // namespace iris

#endif  // IRIS_AGENT_TESTING_UNHEARD_CLAUDE_H_
