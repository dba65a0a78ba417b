#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/account/account_text.h"
#include "coordinator/cli/command_line.h"
#include "coordinator/cli/json.h"
#include "coordinator/cli/progress_line.h"
#include "coordinator/cli/report.h"
#include "coordinator/cli/table.h"
#include "coordinator/cli/tell_id.h"
#include "coordinator/cli/text.h"
#include "coordinator/desk/state_names.h"

namespace iris {
namespace {

constexpr size_t kMessageCharacters = 40;
constexpr size_t kOutcomeCharacters = 60;

std::string StateOf(const v1::TellSummary& tell) {
  if (tell.state() != v1::TellSummary::SETTLED) return std::string(StateName(tell.state()));
  return tell.fetched() ? "read" : "unread";
}

// "answered", or what it waits for, or why there is no answer.
std::string Outcome(const v1::TellSummary& tell) {
  if (tell.state() != v1::TellSummary::SETTLED) {
    return tell.has_progress() ? ShowProgress(tell.progress()) : "waiting";
  }
  if (!tell.has_failure()) return tell.answer_preview();
  return absl::StrCat(KindName(KindOf(tell.failure())), ": ", tell.failure().detail());
}

// As coordinator.proto bounds them: a preview, and the texts of a failure, in a list. A shorter
// preview of at most 3 bytes less may have been cut before a character.
constexpr size_t kPreviewBytes = 120;
constexpr size_t kCharacterBytes = 3;
constexpr size_t kListedFailureBytes = 200;

// Where a failure of a list was cut stands "…".
bool IsCut(const std::string& text) {
  return text.size() + kCharacterBytes >= kListedFailureBytes && absl::StrContains(text, "…");
}

Json ListedFailureJson(const Failure& failure) {
  Json json = FailureJson(failure);
  json["truncated"] = IsCut(failure.detail()) || IsCut(failure.fix());
  return json;
}

Json TellJson(const v1::TellSummary& tell) {
  Json json = Json::object();
  json["tellId"] = tell.tell_id();
  json["from"] = tell.from();
  json["to"] = tell.to();
  json["state"] = std::string(StateName(tell.state()));
  if (tell.has_progress()) json["doing"] = ShowProgress(tell.progress());
  json["message"] = tell.preview();
  json["messageTruncated"] = tell.preview().size() + kCharacterBytes >= kPreviewBytes;
  json["answerBytes"] = tell.answer_bytes();
  if (tell.state() == v1::TellSummary::SETTLED) {
    json["answer"] = tell.answer_preview();
    json["answerTruncated"] =
        tell.answer_bytes() > kPreviewBytes || tell.answer_bytes() > tell.answer_preview().size();
    json["fetched"] = tell.fetched();
  }
  if (tell.has_failure()) json["failure"] = ListedFailureJson(tell.failure());
  if (tell.has_account()) json["turn"] = AccountJson<Json>(tell.account());
  json["sent"] = Moment(tell.accepted_at_ms());
  if (tell.state() == v1::TellSummary::SETTLED) json["settled"] = Moment(tell.settled_at_ms());
  return json;
}

}  // namespace

std::string TellsText(const v1::ListTellsResponse& tells, int64_t now_ms, const Screen& screen) {
  if (tells.tells().empty()) return "no messages\n";
  const size_t shown = IdCharactersShown(tells);
  std::vector<std::vector<Cell>> rows;
  rows.push_back(Plain({"ID", "FROM", "TO", "STATE", "SENT", "MESSAGE", "ANSWER"}));
  for (const v1::TellSummary& tell : tells.tells()) {
    rows.push_back(
        Plain({tell.tell_id().substr(0, shown), OneLine(tell.from()), OneLine(tell.to()),
               StateOf(tell), absl::StrCat(ShowAge(now_ms - tell.accepted_at_ms()), " ago"),
               FirstLine(tell.preview(), kMessageCharacters),
               FirstLine(Outcome(tell), kOutcomeCharacters)}));
  }
  return FitTable(rows, screen);
}

std::string TellsJson(const v1::ListTellsResponse& tells) {
  Json list = Json::array();
  for (const v1::TellSummary& tell : tells.tells()) list.push_back(TellJson(tell));
  Json out = Reply(true);
  out["tells"] = std::move(list);
  return Dump(out);
}

int PrintCancel(const std::string& tell_id, const v1::CancelTellOfResponse& response, bool json) {
  const bool cancelled =
      !response.was_settled() && response.failure().kind() == v1::FAILURE_CANCELLED;
  const std::string outcome =
      response.has_failure() ? std::string(KindName(KindOf(response.failure()))) : "answered";
  const absl::Status late = MakeFailure(
      v1::FAILURE_BAD_REQUEST,
      absl::StrCat("message ", tell_id,
                   response.was_settled() ? " had ended before, " : " ended by itself, ",
                   response.has_failure() ? absl::StrCat("as ", outcome) : "with an answer"),
      absl::StrCat("iris tells ", tell_id, " prints what is kept of it."));
  const int code = cancelled ? kExitOk : kExitFailed;
  if (json) {
    Json out = Reply(cancelled);
    out["tellId"] = tell_id;
    out["cancelled"] = cancelled;
    out["wasSettled"] = response.was_settled();
    out["outcome"] = outcome;
    if (!cancelled) out["failure"] = FailureJson(ToProto(late));
    return PrintOut(Dump(out) + "\n", code);
  }
  if (!cancelled) return PrintFailed(late, json, code);
  return PrintOut(tell_id + " is cancelled\n", code);
}

}  // namespace iris
