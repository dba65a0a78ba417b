#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "coordinator/cli/command_line.h"
#include "coordinator/cli/json.h"
#include "coordinator/cli/report.h"
#include "coordinator/cli/text.h"

namespace iris {
namespace {

constexpr size_t kTextShown = 200;

Json PermissionJson(const v1::PendingPermission& permission) {
  return {{"id", permission.request_id()},   {"from", permission.from()},
          {"to", permission.to()},           {"tell_id", permission.tell_id()},
          {"asks", permission.text()},       {"input", permission.input()},
          {"input_bytes", permission.input_bytes()}};
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
    absl::StrAppend(&text, "\n  (", ShowBytes(permission.input_bytes()),
                    " in all: iris answer ", Printable(permission.request_id()), ")");
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
  return text.empty() ? "nothing waits for an answer\n" : text;
}

std::string PermissionsJson(const v1::GetStatusResponse& status) {
  Json list = Json::array();
  for (const v1::SessionStatus& session : status.sessions()) {
    for (const v1::PendingPermission& permission : session.permissions()) {
      list.push_back(PermissionJson(permission));
    }
  }
  return Dump({{"permissions", std::move(list)}});
}

int PrintAnswer(const v1::AnswerPermissionResponse& response, const std::string& verdict,
                bool json) {
  const v1::PendingPermission& permission = response.permission();
  const bool shows = verdict.empty();
  const int code = shows || response.was_first() ? kExitOk : kExitFailed;
  if (json) {
    Json out = PermissionJson(permission);
    if (!shows) out["answer"] = response.answer();
    if (!shows) out["was_first"] = response.was_first();
    puts(Dump(out).c_str());
  } else if (shows) {
    printf("%s  %s\n%s\n", Printable(permission.request_id()).c_str(), Asks(permission).c_str(),
           Input(permission).c_str());
  } else if (response.was_first()) {
    printf("%s: %s\n", verdict == "allow" ? "allowed" : "denied", Asks(permission).c_str());
  } else {
    fprintf(stderr, "somebody else was faster; what counts is: %s\n",
            Printable(response.answer()).c_str());
  }
  return code;
}

}  // namespace iris
