#ifndef IRIS_COORDINATOR_CLI_JOIN_WORDS_H_
#define IRIS_COORDINATOR_CLI_JOIN_WORDS_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace iris {

struct JoinedWords {
  std::vector<std::string> words;
  bool text_from_stdin = false;  // The message is "-", and "--" does not stand before it.
  std::string wrong;             // What is wrong with the words; empty: nothing.
};

// `arguments` of `tell`, which begin with its name, with the words of a message that has no quotes
// as one: options first, then "--", the team, and the message. A word that begins with "-" and no
// digit is an option, unless it is "-" or "--" stands before it. Wrong are an option that lacks its
// value, which is left out, and a message that is to come from stdin and has other words too.
JoinedWords JoinWords(const CLI::App& tell, const std::vector<std::string>& arguments);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_JOIN_WORDS_H_
