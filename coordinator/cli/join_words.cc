#include "coordinator/cli/join_words.h"

#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
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

}  // namespace

std::vector<std::string> JoinWords(const CLI::App& tell,
                                   const std::vector<std::string>& arguments) {
  std::vector<std::string> joined = {arguments.front()}, words;
  bool only_words = false;
  for (size_t i = 1; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (!only_words && word == "--") {
      only_words = true;
    } else if (only_words || !IsOption(word)) {
      words.push_back(word);
    } else {
      joined.push_back(word);
      if (TakesNext(tell, word) && i + 1 < arguments.size()) joined.push_back(arguments[++i]);
    }
  }
  if (words.empty()) return joined;
  joined.insert(joined.end(), {"--", words.front()});
  if (words.size() > 1) joined.push_back(absl::StrJoin(words.begin() + 1, words.end(), " "));
  return joined;
}

}  // namespace iris
