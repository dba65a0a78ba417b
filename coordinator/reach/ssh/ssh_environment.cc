#include "coordinator/reach/ssh/ssh_environment.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace iris {
namespace {

// Whatever a program on the way does, none of these tells it where to go.
bool IsOfTerminal(absl::string_view name) {
  constexpr absl::string_view kNames[] = {"_",
                                          "COLORTERM",
                                          "COLUMNS",
                                          "EDITOR",
                                          "GPG_TTY",
                                          "HISTFILE",
                                          "LINES",
                                          "LS_COLORS",
                                          "INVOCATION_ID",
                                          "JOURNAL_STREAM",
                                          "LC_TERMINAL",
                                          "OLDPWD",
                                          "PAGER",
                                          "PROMPT",
                                          "PS1",
                                          "PWD",
                                          "SHLVL",
                                          "SSH_CLIENT",
                                          "SSH_TTY",
                                          "STY",
                                          "SSH_CONNECTION",
                                          "TERM",
                                          "TERMINFO",
                                          "TMUX",
                                          "TMUX_PANE",
                                          "VISUAL",
                                          "WINDOW",
                                          "WINDOWID",
                                          "XDG_SEAT",
                                          "XDG_VTNR"};
  constexpr absl::string_view kBeginnings[] = {
      "ALACRITTY_", "CLAUDE_",      "GHOSTTY_", "GNOME_TERMINAL_", "ITERM_",      "KITTY_",
      "KONSOLE_",   "LC_TERMINAL_", "SYSTEMD_", "TERM_",           "VSCODE_",     "VTE_",
      "WEZTERM_",   "WT_",          "npm_",     "XDG_ACTIVATION_", "XDG_SESSION_"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames) ||
         std::any_of(std::begin(kBeginnings), std::end(kBeginnings),
                     [name](absl::string_view begin) { return absl::StartsWith(name, begin); });
}

// ssh looks at these by itself.
bool IsOfSsh(absl::string_view name) {
  return name == "SSH_AUTH_SOCK" || name == "DISPLAY" || name == "SSH_PKCS11_HELPER" ||
         absl::StartsWith(name, "KRB5") || absl::StartsWith(name, "SSH_SK_");
}

// What the C library, the loader and the other libraries of ssh look at: which library's code runs
// as ssh, and which address a name has.
bool IsOfLibraries(absl::string_view name) {
  constexpr absl::string_view kNames[] = {"GCONV_PATH", "GLIBC_TUNABLES", "HESIOD_CONFIG",
                                          "HES_DOMAIN", "HOSTALIASES",    "LOCALDOMAIN",
                                          "RES_OPTIONS"};
  constexpr absl::string_view kBeginnings[] = {"GSSPROXY_", "GSS_",    "LD_",         "NIS_",
                                               "OPENSSL_",  "RESOLV_", "SYSTEMD_NSS_"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames) ||
         std::any_of(std::begin(kBeginnings), std::end(kBeginnings),
                     [name](absl::string_view begin) { return absl::StartsWith(name, begin); });
}

// ssh runs the ssh of a jump host in a shell, which looks at these before it does.
bool IsOfShell(absl::string_view name) {
  return name == "SHELL" || name == "ENV" || name == "BASH_ENV" || name == "ZDOTDIR" ||
         absl::StartsWith(name, "BASH_FUNC_");
}

// Of a library that is none of the system's nobody knows what it looks at.
bool LoadsLibrary(const Environment& env) {
  for (const char* name : {"LD_AUDIT", "LD_PRELOAD"}) {
    const auto found = env.find(name);
    if (found != env.end() && !found->second.empty()) return true;
  }
  return false;
}

// As ssh's match_pattern(): '*' and '?'.
bool Matches(absl::string_view name, absl::string_view pattern) {
  size_t at = 0, in = 0, star = absl::string_view::npos, retry = 0;
  while (at < name.size()) {
    if (in < pattern.size() && pattern[in] == '*') {
      star = in++;
      retry = at;
    } else if (in < pattern.size() && (pattern[in] == '?' || pattern[in] == name[at])) {
      ++in;
      ++at;
    } else if (star != absl::string_view::npos) {
      in = star + 1;
      at = ++retry;
    } else {
      return false;
    }
  }
  while (in < pattern.size() && pattern[in] == '*') ++in;
  return in == pattern.size();
}

struct Uses {
  std::set<std::string> named;
  std::vector<std::string> sent;  // Patterns.
  bool anything = false;
  bool shell = false;
};

// What follows a '$' in `text`, as a shell and ssh read it.
void AddNames(absl::string_view text, std::set<std::string>& names) {
  for (size_t at = text.find('$'); at != absl::string_view::npos; at = text.find('$', at)) {
    ++at;
    if (at < text.size() && text[at] == '{') ++at;
    size_t end = at;
    while (end < text.size() && (absl::ascii_isalnum(text[end]) || text[end] == '_')) ++end;
    if (end > at) names.emplace(text.substr(at, end - at));
    at = end;
  }
}

bool RunsProgram(absl::string_view keyword, absl::string_view value) {
  if (value == "none") return false;
  if (keyword == "securitykeyprovider") return value != "internal" && value != "$SSH_SK_PROVIDER";
  return keyword == "proxycommand" || keyword == "knownhostscommand" || keyword == "pkcs11provider";
}

Uses UsesIn(absl::string_view printed) {
  Uses uses;
  AddNames(printed, uses.named);
  for (absl::string_view line :
       absl::StrSplit(printed, absl::ByAnyChar(absl::string_view("\n\0", 2)), absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> setting =
        absl::StrSplit(line, absl::MaxSplits(' ', 1));
    uses.anything = uses.anything || RunsProgram(setting.first, setting.second);
    uses.shell = uses.shell || (setting.first == "proxyjump" && setting.second != "none");
    if (setting.first == "sendenv") uses.sent.emplace_back(setting.second);
  }
  return uses;
}

}  // namespace

std::string EnvironmentThatCounts(absl::optional<absl::string_view> printed,
                                  const Environment& env) {
  Uses uses;
  if (printed.has_value()) {
    uses = UsesIn(*printed);
  } else {
    uses.anything = true;
  }
  uses.anything = uses.anything || LoadsLibrary(env);
  std::string counts;
  for (const auto& [name, value] : env) {
    const bool is_sent =
        std::any_of(uses.sent.begin(), uses.sent.end(),
                    [&name = name](const std::string& pattern) { return Matches(name, pattern); });
    if (IsOfSsh(name) || IsOfLibraries(name) || (uses.shell && IsOfShell(name)) || is_sent ||
        uses.named.count(name) > 0 || (uses.anything && !IsOfTerminal(name))) {
      absl::StrAppend(&counts, name, "=", value, absl::string_view("\0", 1));
    }
  }
  return counts;
}

}  // namespace iris
