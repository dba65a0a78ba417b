// What is told of a session to people who wait.

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "coordinator/transport/agent_transport.h"

namespace iris {
namespace {

constexpr absl::Duration kDoingApart = absl::Milliseconds(250);

TransportProgress::Stage StageOf(BootstrapProgress::Stage stage) {
  if (stage == BootstrapProgress::Stage::kUploading) return TransportProgress::Stage::kUploading;
  if (stage == BootstrapProgress::Stage::kStarting) return TransportProgress::Stage::kStarting;
  return TransportProgress::Stage::kConnecting;
}

}  // namespace

void AgentTransport::OnLinkProgress(const BootstrapProgress& progress) {
  const bool is_asked_anew = calls_.has_contact() && !leads_here();
  if (state() != State::kLinking && !is_asked_anew) return;
  sink_.OnProgress({.stage = StageOf(progress.stage),
                    .text = progress.text,
                    .bytes_done = progress.bytes_done,
                    .bytes_total = progress.bytes_total});
}

// Another tool is said at once; words of which many come, only now and then, and the last of them
// always.
void AgentTransport::SeeDoing(const TurnText::Doing& doing) {
  doing_ = doing;
  const absl::Duration passed = loop_.now() - doing_said_at_;
  if (doing.tool != said_doing_.tool || passed >= kDoingApart) return SayDoing();
  if (doing_timer_ != 0) return;
  doing_timer_ = loop_.After(kDoingApart - passed, [this] {
    doing_timer_ = 0;
    SayDoing();
  });
}

void AgentTransport::SayDoing() {
  loop_.Cancel(std::exchange(doing_timer_, 0));
  doing_said_at_ = loop_.now();
  said_doing_ = doing_;
  v1::ToolUse tool;
  tool.set_name(doing_.tool.name);
  tool.set_input(doing_.tool.input);
  const std::string text =
      tool.name().empty() ? "claude has the message" : absl::StrCat("runs ", tool.name());
  sink_.OnProgress({.stage = TransportProgress::Stage::kWorking,
                    .text = text,
                    .tool = std::move(tool),
                    .words = doing_.words,
                    .working = Working()});
}

void AgentTransport::ForgetDoing() {
  loop_.Cancel(std::exchange(doing_timer_, 0));
  doing_ = said_doing_ = {};
  doing_said_at_ = -absl::InfiniteDuration();
}

absl::Duration AgentTransport::Working() const {
  if (!written_at_.has_value()) return absl::ZeroDuration();
  return std::max(loop_.now() - *written_at_, absl::Milliseconds(1));
}

}  // namespace iris
