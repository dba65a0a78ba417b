#include "coordinator/mcp/tell_status_runs.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/account/account_text.h"
#include "coordinator/desk/state_names.h"
#include "coordinator/mcp/json_runs.h"
#include "coordinator/mcp/progress.h"

namespace iris {
namespace {

std::string Moment(int64_t unix_ms) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(unix_ms), absl::UTCTimeZone());
}

std::string StallOf(const std::string& tell_id, const v1::GetStatusResponse& status) {
  for (const v1::SessionStatus& session : status.sessions()) {
    if (session.tell_in_flight() == tell_id) return session.stall();
  }
  return "";
}

absl::StatusOr<Json> TellStatus(Desk& desk, const std::string& tell_id, const Caller& from,
                                const v1::GetStatusResponse& status) {
  const absl::StatusOr<v1::TellSummary> tell = desk.Find(tell_id, from);
  if (!tell.ok()) return tell.status();
  Json json = {{"tellId", tell->tell_id()},
               {"to", tell->to()},
               {"state", std::string(StateName(tell->state()))}};
  if (tell->has_progress()) json["doing"] = ProgressText(tell->progress());
  SetUnlessEmpty(json, "stall", StallOf(tell_id, status));
  json["answerBytes"] = tell->answer_bytes();
  if (tell->has_failure()) json["failure"] = Describe(tell->failure());
  if (tell->has_account()) json["turn"] = AccountJson<Json>(tell->account());
  json["sent"] = Moment(tell->accepted_at_ms());
  if (tell->state() == v1::TellSummary::SETTLED) {
    json["settled"] = Moment(tell->settled_at_ms());
    json["fetched"] = tell->fetched();
  }
  json["message"] = tell->preview();
  return json;
}

Json CancelJson(const std::string& tell_id, const v1::CancelTellOfResponse& response) {
  const bool cancelled =
      !response.was_settled() && response.failure().kind() == v1::FAILURE_CANCELLED;
  Json json = {{"tellId", tell_id}, {"cancelled", cancelled}};
  if (cancelled) return json;
  json["ended"] = absl::StrCat(
      response.was_settled() ? "before the cancel" : "by itself", ": ",
      response.has_failure() ? std::string(KindName(KindOf(response.failure()))) : "answered");
  return json;
}

}  // namespace

std::unique_ptr<ToolRun> MakeTellStatusRun(Desk& desk, const ToolCall& call,
                                           ToolListener& listener) {
  return std::make_unique<StatusRun>(
      desk,
      [&desk, tell_id = TellIdArgument(call), from = call.visitor.caller](
          const v1::GetStatusResponse& status, StatusRun::Done done) {
        done(TellStatus(desk, tell_id, from, status));
      },
      listener);
}

std::unique_ptr<ToolRun> MakeTellCancelRun(Desk& desk, const ToolCall& call,
                                           ToolListener& listener) {
  const std::string tell_id = TellIdArgument(call);
  const auto begin = [&desk, tell_id, visitor = call.visitor](WaitRun::Done done) {
    desk.Cancel(tell_id, visitor,
                [tell_id, done](const absl::StatusOr<v1::CancelTellOfResponse>& cancelled) {
                  if (!cancelled.ok()) return done(cancelled.status());
                  done(CancelJson(tell_id, *cancelled));
                });
  };
  return std::make_unique<WaitRun>("cancelling", begin, listener);
}

}  // namespace iris
