#include "coordinator/reach/ssh/remote_command.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "coordinator/config/refuse.h"
#include "coordinator/config/shell_words.h"
#include "coordinator/reach/ssh/ssh_options.h"

namespace iris {
namespace {

constexpr absl::string_view kNotBuilt[] = {"docker", "podman", "kubectl", "wsl"};

// "Port=22", "port 22" and "Port = \"22\"" are one setting to ssh.
SshSetting ParseSetting(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  const size_t end = text.find_first_of(" \t=");
  SshSetting setting = {.keyword = absl::AsciiStrToLower(text.substr(0, end)), .value = ""};
  if (end == absl::string_view::npos) return setting;
  text = absl::StripLeadingAsciiWhitespace(text.substr(end));
  if (absl::ConsumePrefix(&text, "=")) text = absl::StripLeadingAsciiWhitespace(text);
  if (text.size() >= 2 && absl::StartsWith(text, "\"") && absl::EndsWith(text, "\"")) {
    text = text.substr(1, text.size() - 2);
  }
  setting.value = std::string(text);
  return setting;
}

absl::Status CheckSetting(const SshSetting& setting) {
  if (setting.value.empty()) {
    return Refuse("-o needs KEYWORD=VALUE", "Write -o KEYWORD=VALUE, or remove it.");
  }
  const SshKeyword* refused = FindRefusedSshKeyword(setting.keyword);
  if (refused == nullptr || absl::EqualsIgnoreCase(setting.value, refused->harmless)) {
    return absl::OkStatus();
  }
  return Refuse(absl::StrCat("-o ", refused->keyword, ": ", refused->why_refused),
                absl::StrCat("Remove -o ", refused->keyword, "=… from `remote`."));
}

bool HasOneOf(absl::string_view text, absl::string_view characters) {
  return text.find_first_of(characters) != absl::string_view::npos;
}

bool HasControl(absl::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return absl::ascii_iscntrl(c); });
}

// What OpenSSH 9.6 began to insist on, for every version: these reach a shell through
// ProxyCommand's %h and %r. A user's name may hold more than a host's ("CORP\jdoe", "a@b", "x$").
bool IsUserForSsh(absl::string_view user) {
  if (user.empty() || user[0] == '-' || HasControl(user) || HasOneOf(user, "'`\";&<>|(){}")) {
    return false;
  }
  return !absl::StrContains(user, " -") && user.back() != '\\';
}

bool IsHostForSsh(absl::string_view host) {
  return !host.empty() && host[0] != '-' && !HasControl(host) &&
         !HasOneOf(host, " @'`\"$\\;&<>|(){}");
}

// `words` is not empty.
absl::Status CheckProgram(const std::vector<std::string>& words,
                          absl::Span<const std::string> allowed) {
  const absl::string_view program = words[0];
  if (program == "ssh" || std::find(allowed.begin(), allowed.end(), program) != allowed.end()) {
    return absl::OkStatus();
  }
  if (absl::StartsWith(program, "https://") || absl::StartsWith(program, "http://")) {
    return Refuse("links over TLS without ssh are not built yet", "Reach the host with ssh.");
  }
  if (std::find(std::begin(kNotBuilt), std::end(kNotBuilt), program) != std::end(kNotBuilt)) {
    return Refuse(absl::StrCat("links through ", program, " are not built yet"),
                  "Reach the place with ssh, or run its team on this machine.");
  }
  const std::string shown = Shown(program);
  if (absl::StrContains(program, "@")) {
    return Refuse(absl::StrCat("\"", shown, "\" is where to go, and no program"),
                  absl::StrCat("Begin with ssh: ssh ", shown, words.size() > 1 ? " …" : "", "."));
  }
  const bool is_host = words.size() == 1 && IsHostForSsh(program);
  return Refuse(absl::StrCat("the program \"", shown, "\" is not allowed"),
                absl::StrCat("Begin with ssh (", is_host ? absl::StrCat("ssh ", shown) : "ssh HOST",
                             "), or add the program to settings.allowedRemoteCommands if it takes "
                             "ssh's arguments."));
}

// The parts of [user@]host, which ssh splits at the last '@', or of ssh://[user@]host[:port], which
// it splits at the first ('@' in a name is %40 there).
struct Destination {
  bool is_uri = false;
  bool has_user = false;
  absl::string_view user;
  absl::string_view host;  // Of a URI with its port.
};

Destination SplitDestination(absl::string_view word) {
  Destination parts;
  parts.is_uri = absl::ConsumePrefix(&word, "ssh://");
  if (parts.is_uri) absl::ConsumeSuffix(&word, "/");
  const size_t at = parts.is_uri ? word.find('@') : word.rfind('@');
  parts.has_user = at != absl::string_view::npos;
  if (parts.has_user) parts.user = word.substr(0, at);
  parts.host = parts.has_user ? word.substr(at + 1) : word;
  return parts;
}

// The port of a URI, or empty.
absl::string_view UriPort(const Destination& parts) {
  const size_t colon = parts.host.rfind(':');
  const bool has_port =
      parts.is_uri && colon != absl::string_view::npos && !absl::EndsWith(parts.host, "]");
  return has_port ? parts.host.substr(colon + 1) : "";
}

// Reads ssh's arguments in ssh's order: getopt up to the destination, then again for what follows
// it, unless "--" ended the options.
class SshArguments {
 public:
  explicit SshArguments(std::vector<std::string> words) : words_(std::move(words)) {}

  absl::StatusOr<ParsedRemote> Parse() {
    parsed_.command.program = words_[0];
    bool options_ended = false;
    for (next_ = 1; next_ < words_.size();) {
      const std::string word = words_[next_++];
      if (!options_ended && word == "--") {
        options_ended = true;
        continue;
      }
      const bool is_option = !options_ended && word.size() > 1 && word[0] == '-';
      absl::Status status = is_option ? TakeOptions(word) : TakeDestination(word);
      if (!status.ok()) return status;
    }
    if (parsed_.command.destination.empty()) {
      return Refuse("names no host", "Write it as ssh [OPTIONS] [USER@]HOST.");
    }
    return std::move(parsed_);
  }

 private:
  // `word` is "-vA", "-p22" or "-p", whose value is then the next word.
  absl::Status TakeOptions(const std::string& word) {
    parsed_.command.options.push_back(word);
    for (size_t i = 1; i < word.size(); ++i) {
      const SshLetter* option = FindSshLetter(word[i]);
      const std::string shown = Shown(absl::StrCat("-", word.substr(i, 1)));
      if (option == nullptr) {
        return Refuse(absl::StrCat("ssh has no option ", shown, " that Iris knows"),
                      absl::StrCat("Remove ", shown, ", or set it in ~/.ssh/config."));
      }
      if (!option->why_refused.empty()) {
        return Refuse(absl::StrCat(shown, ": ", option->why_refused),
                      absl::StrCat("Remove ", shown, " from `remote`."));
      }
      if (!option->takes_value) {
        if (!option->keyword.empty()) TakeFlag(*option);
        continue;
      }
      std::string value = word.substr(i + 1);
      if (value.empty()) {
        if (next_ == words_.size()) {
          return Refuse(absl::StrCat(shown, " needs a value"), "Add the value, or remove it.");
        }
        value = words_[next_++];
        parsed_.command.options.push_back(value);
      }
      return TakeValue(*option, value);
    }
    return absl::OkStatus();
  }

  // -A and -a: a small letter takes back.
  void TakeFlag(const SshLetter& option) {
    parsed_.settings.push_back({.keyword = std::string(option.keyword),
                                .value = absl::ascii_isupper(option.letter) ? "yes" : "no"});
  }

  absl::Status TakeValue(const SshLetter& option, const std::string& value) {
    SshSetting setting = {.keyword = std::string(option.keyword), .value = value};
    if (option.letter == 'o') {
      setting = ParseSetting(value);
      if (absl::Status status = CheckSetting(setting); !status.ok()) return status;
    }
    if (!setting.keyword.empty()) parsed_.settings.push_back(std::move(setting));
    return absl::OkStatus();
  }

  absl::Status TakeDestination(const std::string& word) {
    std::string& destination = parsed_.command.destination;
    if (!destination.empty()) {
      return Refuse("a command follows the host, and Iris starts its agent there",
                    "End `remote` at the host; `path` and `claudePath` say what runs there.");
    }
    const Destination parts = SplitDestination(word);
    if (absl::StartsWith(word, "-") || !IsHostForSsh(parts.host)) {
      return Refuse("the host is not a name or an address",
                    "Write it as [USER@]HOST, without '-' at its start, blanks or quotes.");
    }
    if (parts.has_user && !IsUserForSsh(parts.user)) {
      return Refuse("ssh takes no such user name",
                    "Write it without '-' at its start, quotes or any of ; & < > | ( ) { }; a name "
                    "with a backslash stands in single quotes: ssh 'CORP\\jdoe@HOST'.");
    }
    destination = word;
    if (const absl::string_view port = UriPort(parts); !port.empty()) {
      parsed_.settings.push_back({.keyword = "port", .value = std::string(port)});
    }
    return absl::OkStatus();
  }

  const std::vector<std::string> words_;
  size_t next_ = 1;  // The first word not yet read.
  ParsedRemote parsed_;
};

}  // namespace

absl::StatusOr<ParsedRemote> ParseRemoteCommand(absl::string_view text,
                                                absl::Span<const std::string> allowed,
                                                absl::string_view home) {
  absl::StatusOr<std::vector<std::string>> words = SplitShellWords(text, home);
  if (!words.ok()) return words.status();
  if (words->empty()) {
    return Refuse("is empty", "Write a command such as ssh gpu1, or remove it for a local team.");
  }
  if (absl::Status status = CheckProgram(*words, allowed); !status.ok()) return status;
  absl::StatusOr<ParsedRemote> parsed = SshArguments(*std::move(words)).Parse();
  if (parsed.ok()) parsed->command.text = std::string(text);
  return parsed;
}

}  // namespace iris
