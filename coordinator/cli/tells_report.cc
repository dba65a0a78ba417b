#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/account/account_text.h"
#include "coordinator/cli/command_line.h"
#include "coordinator/cli/json.h"
#include "coordinator/cli/progress_line.h"
#include "coordinator/cli/report.h"
#include "coordinator/cli/text.h"

namespace iris {
namespace {

constexpr size_t kMessageCharacters = 40;
constexpr size_t kOutcomeCharacters = 60;

// "answered", or what it waits for, or why there is no answer.
std::string Outcome(const v1::TellSummary& tell) {
  if (tell.state() != "settled") {
    return tell.has_progress() ? ShowProgress(tell.progress()) : "waiting";
  }
  if (!tell.has_failure()) return tell.answer_preview();
  return absl::StrCat(KindName(KindOf(tell.failure())), ": ", tell.failure().detail());
}

Json TellJson(const v1::TellSummary& tell) {
  Json json = {{"tell_id", tell.tell_id()}, {"from", tell.from()},
               {"to", tell.to()},           {"state", tell.state()},
               {"message", tell.preview()}, {"answer_bytes", tell.answer_bytes()}};
  if (tell.state() == "settled") {
    json["fetched"] = tell.fetched();
    json["answer"] = tell.answer_preview();
    json["settled_at_ms"] = tell.settled_at_ms();
  }
  if (tell.has_failure()) json["failure"] = FailureJson(tell.failure());
  if (tell.has_account()) json["turn"] = AccountJson<Json>(tell.account());
  if (tell.has_progress()) json["progress"] = ShowProgress(tell.progress());
  json["accepted_at_ms"] = tell.accepted_at_ms();
  return json;
}

}  // namespace

std::string TellsText(const v1::ListTellsResponse& tells, int64_t now_ms) {
  if (tells.tells().empty()) return "no messages\n";
  std::vector<std::vector<std::string>> rows = {
      {"ID", "FROM", "TO", "STATE", "SENT", "MESSAGE", "ANSWER"}};
  for (const v1::TellSummary& tell : tells.tells()) {
    rows.push_back({tell.tell_id(), tell.from(), tell.to(),
                    tell.fetched() ? "fetched" : tell.state(),
                    absl::StrCat(ShowAge(now_ms - tell.accepted_at_ms()), " ago"),
                    FirstLine(tell.preview(), kMessageCharacters),
                    FirstLine(Outcome(tell), kOutcomeCharacters)});
  }
  return Table(rows);
}

std::string TellsJson(const v1::ListTellsResponse& tells) {
  Json list = Json::array();
  for (const v1::TellSummary& tell : tells.tells()) list.push_back(TellJson(tell));
  return Dump({{"tells", std::move(list)}});
}

int PrintCancel(const std::string& tell_id, const v1::CancelTellOfResponse& response, bool json) {
  const bool cancelled =
      !response.was_settled() && response.failure().kind() == v1::FAILURE_CANCELLED;
  const char* before = response.was_settled() ? "was over before" : "ended by itself";
  const std::string how = response.has_failure()
                              ? absl::StrCat("as ", KindName(KindOf(response.failure())))
                              : std::string("with an answer");
  if (json) {
    Json out = {
        {"tell_id", tell_id}, {"cancelled", cancelled}, {"was_settled", response.was_settled()}};
    if (response.has_failure()) out["failure"] = FailureJson(response.failure());
    puts(Dump(out).c_str());
  } else if (cancelled) {
    printf("%s is cancelled\n", tell_id.c_str());
  } else {
    fprintf(stderr, "%s %s, %s\nfix: iris tells %s shows it.\n", tell_id.c_str(), before,
            how.c_str(), tell_id.c_str());
  }
  return cancelled ? kExitOk : kExitFailed;
}

}  // namespace iris
