#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/failure/failure.h"
#include "coordinator/cli/command_line.h"
#include "coordinator/cli/json.h"
#include "coordinator/cli/report.h"
#include "coordinator/cli/text.h"

namespace iris {
namespace {

constexpr size_t kTextShown = 200;

void AddPermission(const v1::PendingPermission& permission, bool with_input, Json& json) {
  json["id"] = permission.request_id();
  json["from"] = permission.from();
  json["to"] = permission.to();
  json["tellId"] = permission.tell_id();
  json["asks"] = permission.text();
  if (!with_input) return;
  json["input"] = permission.input();
  json["inputBytes"] = permission.input_bytes();
  json["inputTruncated"] = permission.input().size() < permission.input_bytes();
}

// "ml asks cli: Bash: npm test"
std::string Asks(const v1::PendingPermission& permission) {
  return absl::StrCat(permission.to(), " asks ", permission.from(), ": ",
                      FirstLine(permission.text(), kTextShown));
}

// Indented, so that nothing in it can be taken for our own words.
std::string Input(const v1::PendingPermission& permission) {
  std::string text = absl::StrCat("  ", Printable(permission.input()));
  absl::StrReplaceAll({{"\n", "\n  "}}, &text);
  const uint64_t shown = permission.input().size();
  if (shown < permission.input_bytes()) {
    absl::StrAppend(&text, "\n  (", ShowBytes(permission.input_bytes()), " in all: iris answer ",
                    Printable(permission.request_id()), ")");
  }
  return text;
}

}  // namespace

std::string PermissionsText(const v1::GetStatusResponse& status) {
  std::string text;
  for (const v1::SessionStatus& session : status.sessions()) {
    for (const v1::PendingPermission& permission : session.permissions()) {
      absl::StrAppend(&text, Printable(permission.request_id()), "  ", Asks(permission), "\n",
                      Input(permission), "\n");
    }
  }
  return text.empty() ? "no permission requests\n" : text;
}

std::string PermissionsJson(const v1::GetStatusResponse& status) {
  Json list = Json::array();
  for (const v1::SessionStatus& session : status.sessions()) {
    for (const v1::PendingPermission& permission : session.permissions()) {
      Json json = Json::object();
      AddPermission(permission, /*with_input=*/true, json);
      list.push_back(std::move(json));
    }
  }
  Json out = Reply(true);
  out["permissions"] = std::move(list);
  return Dump(out);
}

int PrintAnswer(const v1::AnswerPermissionResponse& response, const std::string& verdict,
                bool json) {
  const v1::PendingPermission& permission = response.permission();
  const bool shows = verdict.empty();
  const bool done = shows || response.was_first();
  const int code = done ? kExitOk : kExitFailed;
  const absl::Status late =
      MakeFailure(v1::FAILURE_BAD_REQUEST,
                  absl::StrCat("somebody else has answered this request: ", response.answer()),
                  "Nothing needs to be done.");
  if (json) {
    Json out = Reply(done);
    AddPermission(permission, /*with_input=*/shows, out);
    if (!shows) out["answer"] = response.answer();
    if (!shows) out["wasFirst"] = response.was_first();
    if (!done) out["failure"] = FailureJson(ToProto(late));
    return PrintOut(Dump(out) + "\n", code);
  }
  if (!done) return PrintFailed(late, json, code);
  if (shows) {
    return PrintOut(absl::StrCat(Printable(permission.request_id()), "  ", Asks(permission), "\n",
                                 Input(permission), "\n"),
                    code);
  }
  return PrintOut(
      absl::StrCat(verdict == "allow" ? "allowed: " : "denied: ", Asks(permission), "\n"), code);
}

}  // namespace iris
