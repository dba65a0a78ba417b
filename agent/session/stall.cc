#include "agent/session/stall.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "agent/claude/stream_json.h"
#include "common/base/utf8.h"

namespace iris {
namespace {

constexpr size_t kDetailBytesMax = 200;

v1::Stall Make(v1::Stall::Kind kind, absl::string_view detail, absl::Duration how_long) {
  v1::Stall stall;
  stall.set_kind(kind);
  stall.set_detail(CutUtf8(detail, kDetailBytesMax));
  stall.set_for_ms(std::max<int64_t>(0, absl::ToInt64Milliseconds(how_long)));
  return stall;
}

void Set(std::optional<absl::Time>& since, bool on, absl::Time now) {
  if (!on) since.reset();
  if (on && !since.has_value()) since = now;
}

void Erase(std::vector<std::pair<std::string, std::string>>& list, const std::string& id) {
  list.erase(std::remove_if(list.begin(), list.end(),
                            [&id](const auto& item) { return item.first == id; }),
             list.end());
}

}  // namespace

void StallWatch::OnTellWritten(absl::Time now) {
  OnTellOver();
  OnProgress(Wait::kModel, now);
}

void StallWatch::Resume(std::vector<std::pair<std::string, std::string>> tools, absl::Time now) {
  OnTellOver();
  tools_ = std::move(tools);
  OnProgress(Wait::kModel, now);
}

void StallWatch::OnTellOver() {
  wait_ = Wait::kNothing;
  retry_.clear();
  tools_.clear();
  probe_sent_.reset();
}

void StallWatch::Hear(absl::Time now) {
  last_sign_ = now;
  probe_sent_.reset();
}

void StallWatch::OnProgress(Wait wait, absl::Time now) {
  Hear(now);
  wait_ = tools_.empty() ? wait : Wait::kTools;
  retry_.clear();
}

void StallWatch::OnLine(const LineFacts& facts, absl::string_view head, absl::Time now) {
  if (wait_ == Wait::kNothing) return;
  const LineKind kind = KindOfLine(facts);
  if (kind == LineKind::kApiRetry) {
    // No sign of life of the model: it goes on waiting.
    retry_ = ReadApiRetry(head);
  } else if (!IsOfMainAgent(facts)) {
    Hear(now);  // A sub-agent, below a tool that goes on.
  } else if (kind == LineKind::kAssistant || kind == LineKind::kSynthetic) {
    OnAssistant(facts, now);
  } else if (kind == LineKind::kUser) {
    OnToolResults(facts, now);
  } else if (kind == LineKind::kStreamEvent) {
    OnProgress(Wait::kText, now);
  }
}

void StallWatch::OnAssistant(const LineFacts& facts, absl::Time now) {
  for (const LineFacts::Block& block : facts.blocks) {
    if (block.type == "tool_use" && tools_.size() < kToolsMax) {
      tools_.emplace_back(block.id, block.name);
    }
  }
  OnProgress(Wait::kText, now);
}

void StallWatch::OnToolResults(const LineFacts& facts, absl::Time now) {
  for (const LineFacts::Block& block : facts.blocks) {
    if (block.type == "tool_result") Erase(tools_, block.id);
  }
  OnProgress(Wait::kModel, now);
}

void StallWatch::OnAsked(const std::string& request_id, const std::string& what, absl::Time now) {
  if (requests_.size() < kRequestsMax) requests_.emplace_back(request_id, what);
  Hear(now);
}

void StallWatch::OnAnswered(const std::string& request_id, absl::Time now) {
  Erase(requests_, request_id);
  Hear(now);
}

void StallWatch::OnJournalFull(bool full, absl::Time now) {
  if (journal_full_.has_value() == full) return;
  Set(journal_full_, full, now);
  Hear(now);  // While nothing is read it cannot be heard.
}

void StallWatch::OnStorageFull(bool full, absl::Time now) { Set(storage_full_, full, now); }
void StallWatch::OnDraining(absl::string_view why, absl::Time now) {
  why_draining_ = std::string(why);
  Set(draining_, !why.empty(), now);
}

bool StallWatch::WantsProbe(absl::Time now) const {
  return wait_ != Wait::kNothing && !probe_sent_.has_value() && !journal_full_.has_value() &&
         now - last_sign_ >= limits_.probe_after;
}

std::optional<v1::Stall> StallWatch::Diagnose(absl::Time now) const {
  if (storage_full_.has_value()) {
    return Make(v1::Stall::STORAGE_FULL, "the disk of the agent's data directory is full",
                now - *storage_full_);
  }
  if (journal_full_.has_value() && now - *journal_full_ >= limits_.quiet) {
    return Make(v1::Stall::JOURNAL_FULL, "nobody takes what claude said", now - *journal_full_);
  }
  if (draining_.has_value()) {
    return Make(v1::Stall::DRAINING, why_draining_, now - *draining_);
  }
  if (wait_ == Wait::kNothing || journal_full_.has_value()) return std::nullopt;
  const absl::Duration silence = now - last_sign_;
  if (probe_sent_.has_value() && now - *probe_sent_ >= limits_.probe_answer) {
    return Make(v1::Stall::CHILD_WEDGED, "claude does not answer a control request", silence);
  }
  // Nobody but a person can change this, so it is said at once.
  if (!requests_.empty()) {
    return Make(v1::Stall::PERMISSION_PENDING, requests_.front().second, silence);
  }
  if (silence < limits_.quiet && retry_.empty()) return std::nullopt;
  switch (wait_) {
    case Wait::kNothing:
      break;
    case Wait::kModel:
      return Make(v1::Stall::MODEL_WAIT, retry_.empty() ? "the model has not answered yet" : retry_,
                  silence);
    case Wait::kText:
      if (!retry_.empty()) return Make(v1::Stall::MODEL_WAIT, retry_, silence);
      return Make(v1::Stall::OUTPUT_SILENT, "the text stopped in the middle", silence);
    case Wait::kTools:
      return Make(v1::Stall::TOOL_RUNNING,
                  absl::StrCat(tools_.back().second, tools_.size() == 1 ? "" : " and others"),
                  silence);
  }
  return std::nullopt;
}

}  // namespace iris
