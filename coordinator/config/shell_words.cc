#include "coordinator/config/shell_words.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "coordinator/config/expand.h"
#include "coordinator/config/refuse.h"

namespace iris {
namespace {

bool IsOneOf(char c, absl::string_view set) { return set.find(c) != absl::string_view::npos; }

// Reads one text from left to right; `rest_` is what is left of it.
class Splitter {
 public:
  Splitter(absl::string_view text, absl::string_view home) : rest_(text), home_(home) {}

  absl::StatusOr<std::vector<std::string>> Split() {
    std::vector<std::string> words;
    while (SkipBlanks()) {
      if (words.size() == kShellWordsMax) {
        return Refuse(absl::StrCat("more than ", kShellWordsMax, " words"),
                      "Move options to a Host entry in ~/.ssh/config.");
      }
      word_.clear();
      if (absl::Status status = ReadWord(); !status.ok()) return status;
      words.push_back(std::move(word_));
    }
    return words;
  }

 private:
  bool SkipBlanks() {
    while (!rest_.empty() && IsOneOf(rest_[0], " \t")) rest_.remove_prefix(1);
    return !rest_.empty();
  }

  char Next() {
    const char c = rest_[0];
    rest_.remove_prefix(1);
    return c;
  }

  absl::Status ReadWord() {
    if (absl::StartsWith(rest_, "~/")) {
      absl::StatusOr<std::string> home = ExpandHome("~/", home_);
      if (!home.ok()) return home.status();
      word_ = *home;
      rest_.remove_prefix(2);
    }
    while (!rest_.empty() && !IsOneOf(rest_[0], " \t")) {
      if (absl::Status status = ReadPiece(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // One character outside quotes, or one quoted stretch.
  absl::Status ReadPiece() {
    const char c = Next();
    if (IsOneOf(c, "$`;|&<>()\r\n")) return ShellSyntax(c);
    if (c == '\'') return ReadSingleQuoted();
    if (c == '"') return ReadDoubleQuoted();
    if (c != '\\') {
      word_ += c;
      return absl::OkStatus();
    }
    if (rest_.empty()) return Refuse("ends in a backslash", "Remove it or double it.");
    // In sh a backslash and a newline vanish together.
    if (const char escaped = Next(); escaped != '\n') word_ += escaped;
    return absl::OkStatus();
  }

  absl::Status ReadSingleQuoted() {
    const size_t close = rest_.find('\'');
    if (close == absl::string_view::npos) return OpenQuote('\'');
    absl::StrAppend(&word_, rest_.substr(0, close));
    rest_.remove_prefix(close + 1);
    return absl::OkStatus();
  }

  absl::Status ReadDoubleQuoted() {
    while (!rest_.empty()) {
      const char c = Next();
      if (c == '"') return absl::OkStatus();
      if (IsOneOf(c, "$`")) return ShellSyntax(c);
      if (c == '\\' && !rest_.empty() && IsOneOf(rest_[0], "$`\"\\\n")) {
        if (const char escaped = Next(); escaped != '\n') word_ += escaped;
      } else {
        word_ += c;
      }
    }
    return OpenQuote('"');
  }

  static absl::Status OpenQuote(char quote) {
    return Refuse(absl::StrCat("the quote ", absl::string_view(&quote, 1), " is not closed"),
                  "Close it, or put a backslash before it.");
  }

  static absl::Status ShellSyntax(char c) {
    const std::string shown =
        IsOneOf(c, "\r\n") ? "a line break" : absl::StrCat("'", std::string(1, c), "'");
    return Refuse(absl::StrCat(shown, " is shell syntax, and no shell reads this"),
                  "Remove it, or quote it if it is meant literally. Variables are written ${VAR}.");
  }

  absl::string_view rest_;
  const absl::string_view home_;
  std::string word_;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> SplitShellWords(absl::string_view text,
                                                         absl::string_view home) {
  if (text.size() > kShellTextBytesMax) {
    return Refuse(absl::StrCat("longer than ", kShellTextBytesMax, " bytes"),
                  "Move options to a Host entry in ~/.ssh/config.");
  }
  return Splitter(text, home).Split();
}

bool IsQuietInShells(absl::string_view path) {
  return std::all_of(path.begin(), path.end(), [](char c) {
    return absl::ascii_isalnum(c) || static_cast<unsigned char>(c) >= 0x80 ||
           IsOneOf(c, kQuietInShells);
  });
}

}  // namespace iris
