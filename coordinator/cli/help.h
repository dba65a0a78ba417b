#ifndef IRIS_COORDINATOR_CLI_HELP_H_
#define IRIS_COORDINATOR_CLI_HELP_H_

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

namespace iris {

// The groups of commands, as help lists them.
inline constexpr char kTalk[] = "Talk";
inline constexpr char kLook[] = "Look";
inline constexpr char kRun[] = "Run";

// What `iris` alone says: every command of `app` in a line, examples, variables, exit codes. No
// line has more than 80 characters.
std::string MainHelp(const CLI::App& app);

// Lays out the help of one command, in 80 columns.
std::shared_ptr<CLI::Formatter> MakeHelpFormatter();

// What was wrong with how a command of `app` was called, as `error` has it, what was meant perhaps,
// and which help says more. Ends in a newline.
std::string WrongUsage(const CLI::App& app, const CLI::ParseError& error);

// The same for `name`, which is no command. Empty: it is one.
std::string UnknownCommand(const CLI::App& app, const std::string& name);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_HELP_H_
