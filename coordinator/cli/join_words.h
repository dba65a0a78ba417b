#ifndef IRIS_COORDINATOR_CLI_JOIN_WORDS_H_
#define IRIS_COORDINATOR_CLI_JOIN_WORDS_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace iris {

// `arguments` of `tell`, which begin with its name, with the words of a message that has no quotes
// as one: options first, then "--", the team, and the message. A word that begins with "-" and no
// digit is an option, unless it is "-" or "--" stands before it.
std::vector<std::string> JoinWords(const CLI::App& tell, const std::vector<std::string>& arguments);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_JOIN_WORDS_H_
