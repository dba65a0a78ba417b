#include "tests/programs/arguments.h"

#include <unistd.h>

#include <cstdlib>
#include <map>
#include <set>
#include <string_view>

#include "tests/programs/text.h"

namespace iris::stub {
namespace {

const std::set<std::string>& IgnoredFlags() {
  static const auto* flags = new std::set<std::string>{"--include-partial-messages",
                                                       "--strict-mcp-config",
                                                       "--no-session-persistence",
                                                       "--allow-dangerously-skip-permissions",
                                                       "--continue",
                                                       "-c",
                                                       "--include-hook-events"};
  return *flags;
}

const std::set<std::string>& IgnoredValues() {
  static const auto* values =
      new std::set<std::string>{"--append-system-prompt", "--system-prompt",  "--max-turns",
                                "--max-budget-usd",       "--fallback-model", "--settings",
                                "--setting-sources",      "--effort",         "--agents",
                                "--json-schema"};
  return *values;
}

// Options that take every following word up to the next option.
const std::set<std::string>& IgnoredLists() {
  static const auto* lists = new std::set<std::string>{"--allowedTools",
                                                       "--allowed-tools",
                                                       "--disallowedTools",
                                                       "--disallowed-tools",
                                                       "--mcp-config",
                                                       "--add-dir",
                                                       "--tools"};
  return *lists;
}

bool* FlagNamed(const std::string& name, Arguments* a) {
  const std::map<std::string, bool*> flags = {
      {"--version", &a->version},
      {"-v", &a->version},
      {"--print", &a->print},
      {"-p", &a->print},
      {"--verbose", &a->verbose},
      {"--replay-user-messages", &a->replay_user_messages},
      {"--dangerously-skip-permissions", &a->skip_permissions},
      {"--fork-session", &a->fork_session}};
  const auto found = flags.find(name);
  return found == flags.end() ? nullptr : found->second;
}

std::string* ValueNamed(const std::string& name, Arguments* a) {
  const std::map<std::string, std::string*> values = {
      {"--input-format", &a->input_format},
      {"--output-format", &a->output_format},
      {"--session-id", &a->session_id},
      {"--resume", &a->resume},
      {"-r", &a->resume},
      {"--permission-mode", &a->permission_mode},
      {"--permission-prompt-tool", &a->permission_prompt_tool},
      {"--model", &a->model}};
  const auto found = values.find(name);
  return found == values.end() ? nullptr : found->second;
}

bool IsOption(std::string_view word) { return word.size() > 1 && word[0] == '-'; }

std::optional<std::string> Complaint(const Arguments& a) {
  if (a.permission_mode != "default" && !IsPermissionMode(a.permission_mode)) {
    return "error: option '--permission-mode <mode>' argument '" + a.permission_mode +
           "' is invalid. Allowed choices are acceptEdits, auto, bypassPermissions, manual, "
           "dontAsk, plan.";
  }
  if (!a.session_id.empty() && !a.resume.empty() && !a.fork_session) {
    return "Error: --session-id with --continue or --resume also needs --fork-session.";
  }
  if (!a.session_id.empty() && !IsUuid(a.session_id)) {
    return "Error: Invalid session ID. Must be a valid UUID.";
  }
  const char* sandbox = getenv("IS_SANDBOX");
  const bool sandboxed = sandbox != nullptr && std::string_view(sandbox) == "1";
  if (a.skip_permissions && geteuid() == 0 && !sandboxed) {
    return "--dangerously-skip-permissions cannot be used with root/sudo privileges for security "
           "reasons";
  }
  if (a.print && a.output_format == "stream-json" && !a.verbose) {
    return "Error: When using --print, --output-format=stream-json requires --verbose";
  }
  if (!a.print || a.input_format != "stream-json" || a.output_format != "stream-json") {
    return "Error: the stub speaks only --print with stream-json both ways";
  }
  return std::nullopt;
}

}  // namespace

bool IsPermissionMode(const std::string& mode) {
  static const auto* modes = new std::set<std::string>{
      "acceptEdits", "auto", "bypassPermissions", "manual", "dontAsk", "plan"};
  return modes->count(mode) > 0;
}

std::optional<std::string> ReadArguments(int argc, char** argv, Arguments* arguments) {
  arguments->all.assign(argv, argv + argc);
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (!IsOption(word)) continue;  // With stream-json input claude ignores a prompt argument.
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    if (bool* flag = FlagNamed(name, arguments)) {
      *flag = true;
    } else if (IgnoredFlags().count(name) > 0) {
      continue;
    } else if (IgnoredLists().count(name) > 0) {
      while (equals == std::string::npos && i + 1 < argc && !IsOption(argv[i + 1])) ++i;
    } else if (std::string* value = ValueNamed(name, arguments);
               value != nullptr || IgnoredValues().count(name) > 0) {
      if (equals == std::string::npos && i + 1 == argc) {
        return "error: option '" + name + " <value>' argument missing";
      }
      const std::string given = equals == std::string::npos ? argv[++i] : word.substr(equals + 1);
      if (value != nullptr) *value = given;
    } else {
      return "error: unknown option '" + word + "'";
    }
  }
  if (arguments->version) return std::nullopt;
  return Complaint(*arguments);
}

}  // namespace iris::stub
