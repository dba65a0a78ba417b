#include "coordinator/transport/turn_text.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/fnv.h"
#include "common/base/text_hash.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"
#include "common/json/peer_json.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {
namespace {

constexpr size_t kComparedBytesMax = 1 << 20;
constexpr size_t kHeadBytes = 100;
constexpr size_t kWordsBytesMax = 200;
static_assert(TurnText::kLineBytesMax == 64 << 20, "outcome() says so");

// By its beginning, which claude writes first.
bool HoldsNoText(absl::string_view line) {
  return absl::StartsWith(line, R"({"type":"user")") ||
         absl::StartsWith(line, R"({"type":"system")") ||
         absl::StartsWith(line, R"({"type":"stream_event")");
}

bool IsSameJson(const std::string& text, const std::string& other) {
  if (text.size() > kComparedBytesMax || other.size() > kComparedBytesMax) return false;
  const PeerJson value = ParsePeerJson(text);
  return !value.is_discarded() && value == ParsePeerJson(other);
}

}  // namespace

void TurnText::Begin() {
  const bool lacks_result = half_bytes_ > 0 && skim_.has_left_out();
  if (lacks_result) {  // It is of the turn before.
    skips_line_ = true;
    MissLines();
    ForgetHalf();
  }
  skim_.KeepRest();
  any_text_ = false;
  last_text_ = 0;
  end_.reset();
  structured_bytes_ = 0;
  loss_ = TextLoss::kNone;
  tools_ = 0;
  account_.reset();
  doing_ = {};
}

std::string TurnText::Feed(absl::string_view piece, bool ends_line) {
  if (!skips_line_ && half_bytes_ + piece.size() > kLineBytesMax) DropTooLong();
  if (!skips_line_) Keep(piece);
  if (!ends_line) return "";
  if (std::exchange(skips_line_, false)) return "";
  const bool is_json = skim_.IsJson();
  const bool has_result = !skim_.has_left_out();
  std::vector<std::string> line = half_->Take();
  ForgetHalf();
  if (is_json) return OnLine(ReadSaidLine(std::move(line), /*with_result=*/has_result));
  OnBrokenLine(absl::StrJoin(line, ""));
  return "";
}

void TurnText::Keep(absl::string_view piece) {
  if (half_bytes_ == 0) skim_.Begin(/*leaves_result=*/!WantsResult());
  const absl::string_view kept = skim_.Feed(piece);
  half_->Append(kept);
  half_bytes_ += kept.size();
}

void TurnText::DropTooLong() {
  skips_line_ = true;
  const std::string head = half_->First(std::min(half_bytes_, kHeadBytes)).value_or("");
  if (!HoldsNoText(head)) {
    loss_ = TextLoss::kTooLong;
    MissLines();
  }
  ForgetHalf();
}

TurnMark TurnText::mark() const {
  return {.any_text = any_text_,
          .last_text = last_text_,
          .end = end_,
          .structured_bytes = structured_bytes_,
          .loss = loss_,
          .skips_line = skips_line_,
          .tools = tools_,
          .spent_micro_usd = spent_micro_usd_,
          .account = account_};
}

void TurnText::ForgetHalf() {
  half_ = std::make_shared<HalfLine>();  // Who went away from the old one may come back to it.
  half_bytes_ = 0;
}

void TurnText::Restore(const TurnMark& mark, absl::string_view half) {
  any_text_ = mark.any_text;
  last_text_ = mark.last_text;
  end_ = mark.end;
  structured_bytes_ = mark.structured_bytes;
  loss_ = mark.loss;
  skips_line_ = mark.skips_line;
  tools_ = mark.tools;
  spent_micro_usd_ = mark.spent_micro_usd;
  account_ = mark.account;
  ForgetHalf();
  Keep(half);
}

void TurnText::DropLine() {
  skips_line_ = false;
  ForgetHalf();
}

std::string TurnText::OnLine(SaidLine said) {
  if (said.type == "result") OnResult(said);
  if (said.type != "assistant") return "";
  tools_ += said.tools;
  SeeDoing(said);
  // A failure says what a notice says; a turn that ends well has it in its result.
  if (said.by_sub_agent || said.is_notice) return "";
  std::string added;
  for (std::string& text : said.texts) {
    if (text.empty()) continue;  // As if there were none.
    last_text_ = TextHash(text);
    if (std::exchange(any_text_, true)) text.insert(0, "\n\n");
    if (added.empty()) {
      added = std::move(text);  // The only one, mostly: a long one is not copied.
    } else {
      added += text;
    }
  }
  return added;
}

void TurnText::OnBrokenLine(absl::string_view line) {
  // Nothing else begins so: quotes inside of a string are escaped.
  const bool may_hold_text = absl::StrContains(line, R"("type":"assistant")");
  if (may_hold_text && loss_ == TextLoss::kLine) loss_ = TextLoss::kLines;
  if (may_hold_text && loss_ == TextLoss::kNone) loss_ = TextLoss::kLine;
  if (absl::StrContains(line, R"("type":"result")")) MissLines();
}

// A sub-agent's tools are what the turn does now; its words are not the answer's.
void TurnText::SeeDoing(SaidLine& said) {
  if (said.tools > 0) {
    doing_.tool = std::move(said.last_tool);
  } else if (!said.by_sub_agent && !said.texts.empty()) {
    doing_.tool = {};
  }
  if (said.by_sub_agent) return;
  for (const std::string& text : said.texts) {
    if (!text.empty()) doing_.words = CutUtf8ToEnd(text, kWordsBytesMax);
  }
}

// claude counts what it spends from its start on, whichever turn that is for.
void TurnText::KeepAccount(const SaidLine& said) {
  v1::TurnAccount account;
  const bool spent_is_known = spent_micro_usd_ >= 0 && said.cost_micro_usd >= spent_micro_usd_;
  if (spent_is_known) account.set_cost_micro_usd(said.cost_micro_usd - spent_micro_usd_);
  spent_micro_usd_ = said.cost_micro_usd;
  if (said.input_tokens >= 0) account.set_input_tokens(said.input_tokens);
  if (said.output_tokens >= 0) account.set_output_tokens(said.output_tokens);
  if (said.duration_ms >= 0) account.set_duration_ms(said.duration_ms);
  account.set_tools(tools_);
  account.set_denials(said.denials);
  for (const SaidTool& tool : said.denied) {
    v1::ToolUse* const denied = account.add_denied();
    denied->set_name(tool.name);
    denied->set_input(tool.input);
  }
  const std::string bytes = account.SerializeAsString();
  account_ = bytes.empty() ? nullptr : std::make_shared<const std::string>(bytes);
}

// `result` repeats the last text block. Where no line before had that, it is the text of a line
// that was broken, or of a turn without text blocks.
bool TurnText::WantsResult() const {
  return !any_text_ || loss_ == TextLoss::kLine || loss_ == TextLoss::kLines;
}

bool TurnText::IsLastText(absl::string_view text) const {
  // Or as builds before this one hashed it, of which a turn may have been taken over.
  return any_text_ && (TextHash(text) == last_text_ || Fnv64(text) == last_text_);
}

void TurnText::OnResult(SaidLine& said) {
  KeepAccount(said);
  const bool has_more = WantsResult() && !IsLastText(said.result);
  std::string end;
  if (has_more && !said.result.empty()) {
    if (!said.structured.empty() && IsSameJson(said.result, said.structured)) said.result.clear();
    if (any_text_ && !said.result.empty()) said.result.insert(0, "\n\n");
    end = std::move(said.result);
    if (loss_ == TextLoss::kLine) loss_ = TextLoss::kNone;
  }
  structured_bytes_ = said.structured.size();
  if (!said.structured.empty()) {
    absl::StrAppend(&end, any_text_ || !end.empty() ? "\n\n" : "", said.structured);
  }
  end_ = end.empty() ? nullptr : std::make_shared<const std::string>(std::move(end));
}

std::string TurnText::Finish(size_t& structured_bytes) {
  structured_bytes = std::exchange(structured_bytes_, 0);
  const SharedText end = std::exchange(end_, nullptr);
  return end == nullptr ? "" : *end;
}

absl::Status TurnText::outcome() const {
  if (loss_ == TextLoss::kNone) return absl::OkStatus();
  if (loss_ == TextLoss::kTooLong) {
    return MakeFailure(v1::FAILURE_STORAGE,
                       "the answer may be incomplete: a line of claude's output is longer than 64 "
                       "MiB",
                       "Ask the team to write it to a file.");
  }
  return MakeFailure(v1::FAILURE_AMBIGUOUS,
                     "the team answered, and the answer may be incomplete: a line of claude's "
                     "output is broken, and its transcript does not have it",
                     "Ask the team to say it again.");
}

}  // namespace iris
