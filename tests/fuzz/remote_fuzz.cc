// A team's `remote`: what was understood, printed and understood again, is the same.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/failure/failure.h"
#include "coordinator/config/shell_words.h"
#include "coordinator/reach/ssh/remote_command.h"
#include "tests/fuzz/require.h"

namespace iris {
namespace {

constexpr absl::string_view kHome = "/home/me";

std::string Quoted(absl::string_view word) {
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

std::string Line(const std::vector<std::string>& words) {
  return absl::StrJoin(words, " ", [](std::string* out, const std::string& word) {
    absl::StrAppend(out, Quoted(word));
  });
}

void RequireRefusal(const absl::Status& status) {
  Require(KindOf(status) == v1::FAILURE_BAD_REQUEST, "a refusal is bad_request");
  Require(!ToProto(status).fix().empty(), "a refusal has a fix");
}

void CheckWords(absl::string_view text) {
  const absl::StatusOr<std::vector<std::string>> words = SplitShellWords(text, kHome);
  if (!words.ok()) return RequireRefusal(words.status());
  Require(words->size() <= kShellWordsMax, "the number of words is bounded");
  const std::string line = Line(*words);
  if (line.size() > kShellTextBytesMax) return;
  const absl::StatusOr<std::vector<std::string>> again = SplitShellWords(line, "/elsewhere");
  Require(again.ok() && *again == *words, "quoted words are the same words");
}

void CheckRemote(absl::string_view text) {
  const std::vector<std::string> allowed = {"tsh", "/opt/ssh"};
  const absl::StatusOr<ParsedRemote> parsed = ParseRemoteCommand(text, allowed, kHome);
  if (!parsed.ok()) return RequireRefusal(parsed.status());
  const RemoteCommand& command = parsed->command;
  Require(command.text == text, "the text stays as it was written");
  Require(!command.destination.empty() && command.destination[0] != '-',
          "a destination is never taken for an option");
  std::vector<std::string> words = {command.program};
  words.insert(words.end(), command.options.begin(), command.options.end());
  words.push_back(command.destination);
  const std::string line = Line(words);
  if (line.size() > kShellTextBytesMax) return;
  const absl::StatusOr<ParsedRemote> again = ParseRemoteCommand(line, allowed, "/elsewhere");
  Require(again.ok(), "what Iris would run is a remote command");
  Require(again->command.program == command.program && again->command.options == command.options &&
              again->command.destination == command.destination,
          "the same command");
}

}  // namespace
}  // namespace iris

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  iris::CheckWords(text);
  iris::CheckRemote(text);
  return 0;
}
