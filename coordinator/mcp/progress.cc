#include "coordinator/mcp/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "coordinator/account/account_text.h"

namespace iris {
namespace {

constexpr double kStep = 0.001;
constexpr double kMiB = 1 << 20;

std::string StageText(v1::TellProgress::Stage stage) {
  switch (stage) {
    case v1::TellProgress::QUEUED:
      return "waiting";
    case v1::TellProgress::CONNECTING:
      return "connecting";
    case v1::TellProgress::UPLOADING:
      return "uploading the agent";
    case v1::TellProgress::STARTING:
      return "starting claude";
    case v1::TellProgress::WORKING:
      return "working";
    default:
      return "waiting";
  }
}

}  // namespace

std::string ProgressNews::At(absl::Time now) const {
  std::string text = doing;
  if (since != absl::InfinitePast()) {
    absl::StrAppend(&text, ", ", std::max<int64_t>(absl::ToInt64Seconds(now - since), 0), " s");
  }
  if (!said.empty()) absl::StrAppend(&text, "; said: ", said);
  return text;
}

ProgressNews NewsOf(const v1::TellProgress& progress, absl::Time now) {
  ProgressNews news = {.doing = ProgressText(progress), .said = PlainLine(progress.words())};
  if (progress.working_ms() > 0) news.since = now - absl::Milliseconds(progress.working_ms());
  return news;
}

std::string ProgressText(const v1::TellProgress& progress) {
  if (progress.has_tool()) return absl::StrCat("runs ", ToolText(progress.tool()));
  std::string text = progress.text().empty() ? StageText(progress.stage()) : progress.text();
  if (progress.bytes_total() > 0) {
    absl::StrAppendFormat(&text, ", %.1f of %.1f MiB", progress.bytes_done() / kMiB,
                          progress.bytes_total() / kMiB);
  }
  return text;
}

ProgressReporter::ProgressReporter(EventLoop& loop, Json token, std::string what, Options options,
                                   Send send)
    : loop_(loop),
      token_(std::move(token)),
      options_(options),
      send_(std::move(send)),
      since_(absl::Now() - options.age),
      latest_{.doing = std::move(what)},
      last_(absl::ToDoubleSeconds(options.age)) {
  if (!token_.is_null()) SetTimer(options_.beat);
}

ProgressReporter::~ProgressReporter() {
  if (timer_ != 0) loop_.Cancel(timer_);
}

void ProgressReporter::News(ProgressNews news) {
  const bool is_same = news.doing == latest_.doing && news.said == latest_.said;
  latest_ = std::move(news);
  if (token_.is_null() || is_same) return;
  const absl::Duration too_early = options_.apart - (absl::Now() - sent_at_);
  if (too_early <= absl::ZeroDuration()) return SendNow();
  if (!std::exchange(news_, true)) SetTimer(std::min(too_early, options_.apart));
}

void ProgressReporter::SendNow() {
  // A clock that was set back must not take the progress back with it.
  const double seconds = absl::ToDoubleSeconds(absl::Now() - since_);
  last_ = std::max(std::round(seconds / kStep) * kStep, last_ + kStep);
  Json params = {{"progressToken", token_}, {"progress", last_}};
  if (options_.with_message) params["message"] = latest_.At(absl::Now());
  sent_at_ = absl::Now();
  news_ = false;
  SetTimer(options_.beat);
  send_(McpNotification("notifications/progress", std::move(params)));
}

void ProgressReporter::SetTimer(absl::Duration delay) {
  if (timer_ != 0) loop_.Cancel(timer_);
  timer_ = loop_.After(delay, [this] {
    timer_ = 0;
    SendNow();
  });
}

}  // namespace iris
