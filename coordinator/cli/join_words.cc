#include "coordinator/cli/join_words.h"

#include <cstddef>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace iris {
namespace {

bool IsOption(const std::string& word) {
  return word.size() > 1 && word[0] == '-' && !absl::ascii_isdigit(word[1]);
}

// Whether the word behind this option is its value.
bool TakesNext(const CLI::App& tell, const std::string& word) {
  if (absl::StrContains(word, '=')) return false;
  const CLI::Option* option = tell.get_option_no_throw(word);
  return option != nullptr && option->get_items_expected_min() > 0;
}

// What `tell` was called with, option by option and word by word.
class WordsOfTell {
 public:
  WordsOfTell(const CLI::App& tell, const std::vector<std::string>& arguments) : tell_(tell) {
    joined_.words.push_back(arguments.front());
    for (size_t i = 1; i < arguments.size(); ++i) {
      const std::string& word = arguments[i];
      if (!only_words_ && word == "--") {
        only_words_ = true;
      } else if (only_words_ || !IsOption(word)) {
        TakeWord(word);
      } else if (TakesNext(tell_, word)) {
        const bool has_value = i + 1 < arguments.size() && !IsOption(arguments[i + 1]);
        if (has_value) joined_.words.insert(joined_.words.end(), {word, arguments[++i]});
        if (!has_value) joined_.wrong = absl::StrCat(word, " needs a value");
      } else if (absl::c_any_of(word, absl::ascii_iscntrl)) {
        // CLI11 has taken such a one for a word of the message since 2.4.
        joined_.wrong = absl::StrCat("there is no option ", word,
                                     "; if it belongs to the message, put -- before the message");
      } else {
        joined_.words.push_back(word);
      }
    }
  }

  JoinedWords Join() && {
    if (words_.empty()) return std::move(joined_);
    joined_.words.insert(joined_.words.end(), {"--", words_.front()});
    if (words_.size() > 1) {
      joined_.words.push_back(absl::StrJoin(words_.begin() + 1, words_.end(), " "));
    }
    joined_.text_from_stdin = has_dash_ && words_.size() == 2;
    if (has_dash_ && words_.size() > 2 && joined_.wrong.empty()) {
      joined_.wrong =
          "- reads the whole message from stdin and stands alone; put -- before a message in which "
          "a dash is text";
    }
    return std::move(joined_);
  }

 private:
  // The first is the team, the others are the message's.
  void TakeWord(const std::string& word) {
    has_dash_ = has_dash_ || (!words_.empty() && !only_words_ && word == "-");
    words_.push_back(word);
  }

  const CLI::App& tell_;
  JoinedWords joined_;
  std::vector<std::string> words_;
  bool only_words_ = false;  // "--" was there.
  bool has_dash_ = false;    // The message has a "-" that stands for stdin.
};

}  // namespace

JoinedWords JoinWords(const CLI::App& tell, const std::vector<std::string>& arguments) {
  return WordsOfTell(tell, arguments).Join();
}

}  // namespace iris
