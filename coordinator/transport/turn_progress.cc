#include "coordinator/transport/turn_progress.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

void TurnProgress::OnWritten() {
  written_at_ = loop_.now();
  Forget();
}

void TurnProgress::OnSettled() {
  written_at_.reset();
  Forget();
}

void TurnProgress::Forget() {
  Pause();
  doing_ = said_ = {};
  said_at_ = -absl::InfiniteDuration();
}

void TurnProgress::OnDoing(const TurnText::Doing& doing) {
  doing_ = doing;
  const absl::Duration passed = loop_.now() - said_at_;
  if (doing.tool != said_.tool || passed >= kApart) return SayDoing();
  if (timer_ != 0) return;
  timer_ = loop_.After(kApart - passed, [this] {
    timer_ = 0;
    SayDoing();
  });
}

void TurnProgress::SayDoing() {
  Pause();
  said_at_ = loop_.now();
  said_ = doing_;
  v1::ToolUse tool;
  tool.set_name(doing_.tool.name);
  tool.set_input(doing_.tool.input);
  TransportProgress progress =
      Working(tool.name().empty() ? "claude has the message" : absl::StrCat("runs ", tool.name()));
  progress.tool = std::move(tool);
  progress.words = doing_.words;
  say_(progress);
}

TransportProgress TurnProgress::Working(std::string text) const {
  TransportProgress progress{.stage = TransportProgress::Stage::kWorking, .text = std::move(text)};
  if (written_at_.has_value()) {
    progress.working = std::max(loop_.now() - *written_at_, absl::Milliseconds(1));
  }
  return progress;
}

}  // namespace iris
