#include "coordinator/config_file/secrets.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "coordinator/config/expand.h"
#include "coordinator/config_file/config_text.h"

namespace iris {
namespace {

using nlohmann::json;
using TextTest = bool (*)(absl::string_view key, absl::string_view text);

// "API_KEY", "api-key" and "apiKey" are one name.
std::string Normalized(absl::string_view key) {
  return absl::AsciiStrToLower(absl::StrReplaceAll(key, {{"_", ""}, {"-", ""}}));
}

bool IsPrivateKey(absl::string_view key, absl::string_view text) {
  return Normalized(key) == "privatekey" || absl::StrContains(text, "PuTTY-User-Key-File-") ||
         (absl::StrContains(text, "-----BEGIN") && absl::StrContains(text, "PRIVATE KEY"));
}

bool IsSecret(absl::string_view key, absl::string_view text) {
  if (absl::StrContains(text, "sk-ant-")) return true;
  if (text.empty() || IsOneVariable(text)) return false;
  const std::string name = Normalized(key);
  constexpr absl::string_view kNames[] = {"token",  "password", "passphrase",
                                          "secret", "key",      "credentials"};
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&name](absl::string_view end) { return absl::EndsWith(name, end); });
}

// The path of the first text for which `test` holds. `key` is the nearest one above `value`. The
// depth is bounded by the parser.
absl::optional<std::string> FindText(const json& value, absl::string_view key,
                                     absl::string_view path, TextTest test) {
  if (value.is_string()) {
    if (test(key, value.get_ref<const std::string&>())) return std::string(path);
  } else if (value.is_object()) {
    for (const auto& [name, child] : value.items()) {
      auto found = FindText(child, name, KeyPath(path, name), test);
      if (found.has_value()) return found;
    }
  } else if (value.is_array()) {
    for (const json& child : value) {
      auto found = FindText(child, key, path, test);
      if (found.has_value()) return found;
    }
  }
  return absl::nullopt;
}

}  // namespace

absl::optional<std::string> FindPrivateKey(const json& root) {
  return FindText(root, "", "", IsPrivateKey);
}

absl::optional<std::string> FindSecret(const json& root) {
  return FindText(root, "", "", IsSecret);
}

}  // namespace iris
