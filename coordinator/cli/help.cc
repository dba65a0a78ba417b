#include "coordinator/cli/help.h"

#include <cstddef>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "common/base/nearest.h"

namespace iris {
namespace {

constexpr size_t kColumns = 80;
constexpr size_t kNameColumns = 26;     // Of options.
constexpr size_t kCommandColumns = 12;  // Of commands.

constexpr char kPurpose[] =
    "Iris lets your Claude Code hand work to teams. A team is a project folder, here\n"
    "or on a host that ssh reaches, in which Iris runs a claude without a window.\n"
    "\n"
    "Usage: iris COMMAND [OPTIONS]\n";

constexpr char kMore[] =
    "\n"
    "Examples:\n"
    "  iris tell gpu how full is /data\n"
    "  git diff | iris tell frontend -\n"
    "  iris tell gpu train it --detach\n"
    "  iris tells --last --wait\n"
    "\n"
    "Variables:\n"
    "  IRIS_CONFIG  configuration file (default: ~/.config/iris/config.json or .yaml)\n"
    "  IRIS_HOME    folder for Iris's data (default: ~/.local/share/iris)\n"
    "  NO_COLOR     if set: no colours\n"
    "  COLUMNS      width of the tables (default: the terminal's width, or 80)\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 wrong configuration,\n"
    "            4 not answered yet, 130 interrupted\n"
    "\n"
    "`iris help COMMAND` explains a command. All commands except mcp have --json\n"
    "(docs/JSON.md). Words: docs/GLOSSARY.md. Errors: docs/TROUBLESHOOTING.md.\n";

// Lines of at most `columns` characters; the line ends that `text` has stay.
std::string Wrap(absl::string_view text, size_t columns) {
  std::vector<std::string> lines;
  for (const absl::string_view paragraph : absl::StrSplit(text, '\n')) {
    std::string line;
    // What is set off stays as it is.
    if (absl::StartsWith(paragraph, "  ")) {
      lines.emplace_back(paragraph);
      continue;
    }
    for (const absl::string_view word : absl::StrSplit(paragraph, ' ')) {
      if (!line.empty() && line.size() + 1 + word.size() > columns) {
        lines.push_back(line);
        line.clear();
      }
      absl::StrAppend(&line, line.empty() ? "" : " ", word);
    }
    lines.push_back(line);
  }
  return absl::StrJoin(lines, "\n");
}

class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter() {
    column_width(kNameColumns);
    label("Positionals", "Arguments");
  }
  std::string make_description(const CLI::App* app) const override {
    return absl::StrCat(Wrap(app->get_description(), kColumns), "\n");
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    return Wrap(option->get_description(), kColumns - kNameColumns);
  }
  // What an option needs or excludes its own words say.
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_positional() || option->get_type_size() == 0) return "";
    const std::string type = option->get_type_name();
    return type.empty() ? "" : absl::StrCat(" ", type);
  }
  std::string make_footer(const CLI::App* app) const override {
    return absl::StrCat(Wrap(app->get_footer(), kColumns), "\n");
  }
};

std::vector<std::string> CommandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

std::vector<std::string> OptionNames(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back(name);
  }
  return names;
}

// What `command` cannot make sense of, the first of it; empty: nothing.
std::string Surplus(const CLI::App& command) {
  for (const std::string& word : command.remaining()) {
    if (word == "--") continue;
    if (!absl::StartsWith(word, "-")) return absl::StrCat("`", word, "` is one word too many");
    const std::string option = word.substr(0, word.find('='));
    const std::string near =
        absl::StartsWith(option, "--") ? Nearest(OptionNames(command), option.substr(2)) : "";
    const std::string guess = near.empty() ? "" : absl::StrCat("; did you mean --", near, "?");
    if (command.get_name() != "tell") return absl::StrCat("there is no option ", option, guess);
    return absl::StrCat("there is no option ", option, guess, near.empty() ? "; if" : " If",
                        " it belongs to the message, put -- before the message");
  }
  return "";
}

}  // namespace

std::string MainHelp(const CLI::App& app) {
  std::string help = kPurpose;
  for (const char* group : {kTalk, kLook, kRun}) {
    absl::StrAppend(&help, "\n", group, ":\n");
    for (const CLI::App* command : app.get_subcommands({})) {
      if (command->get_group() != group) continue;
      const std::string name = command->get_name();
      absl::StrAppend(&help, "  ", name, std::string(kCommandColumns - 2 - name.size(), ' '),
                      command->get_description(), "\n");
    }
  }
  return absl::StrCat(help, kMore);
}

std::shared_ptr<CLI::Formatter> MakeHelpFormatter() { return std::make_shared<HelpFormatter>(); }

std::string WrongUsage(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<CLI::App*> called = app.get_subcommands();
  if (called.empty()) {
    return absl::StrCat("iris: ", error.what(),
                        "\n`iris help` lists the commands and their options.\n");
  }
  const CLI::App& command = *called.front();
  const std::string surplus = Surplus(command);
  return absl::StrCat("iris ", command.get_name(), ": ", surplus.empty() ? error.what() : surplus,
                      "\n`iris help ", command.get_name(), "` explains the command.\n");
}

std::string UnknownCommand(const CLI::App& app, const std::string& name) {
  const std::vector<std::string> names = CommandNames(app);
  for (const std::string& known : names) {
    if (known == name) return "";
  }
  const std::string near = Nearest(names, name);
  return absl::StrCat("iris: there is no command `", name, "`",
                      near.empty() ? "" : absl::StrCat("; did you mean `", near, "`?"),
                      "\n`iris help` lists the commands.\n");
}

}  // namespace iris
