#include "coordinator/mcp/tool.h"

#include <cmath>
#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/nearest.h"
#include "common/base/quoted.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

using Type = ToolParameter::Type;

// Claude Code's own limit for what a tool may ask for.
constexpr int kLongResultChars = 500'000;
constexpr size_t kArgumentsMax = 100;  // More than any tool has, of clients that name all they know.

constexpr ToolParameter kFromTeam = {"fromTeam", Type::kString, false,
                                     "Who you are. Leave it out: Iris knows."};
constexpr ToolParameter kToTeam = {"toTeam", Type::kString, true, "The team that shall answer."};
constexpr ToolParameter kMessage = {"message", Type::kString, true,
                                    "The text for that team's Claude, at most 8 MiB."};
constexpr ToolParameter kTimeout = {"timeout", Type::kInteger, false,
                                    "Milliseconds to wait: 0 (default) = until the answer is "
                                    "there, -1 = return the message's id at "
                                    "once. The team goes on working in any case."};
constexpr ToolParameter kWaitForLimit = {
    "waitForLimit", Type::kBoolean, false,
    "Where the account of that team's Claude has reached its limit before anything was done: keep "
    "the message until the limit has reset, and send it then. Else it fails as rate_limited."};
constexpr ToolParameter kWhenAway = {
    "whenAway", Type::kString, false,
    "Where that team's host does not answer, and has not answered before: \"wait\" keeps the message "
    "for it, for up to 7 days, and \"fail\" says so at once. Without it: \"wait\" where you do not "
    "wait for the answer, else \"fail\".",
    "wait|fail"};
constexpr ToolParameter kTellId = {"tellId", Type::kString, true,
                                   "The id of a message that you have sent."};
constexpr ToolParameter kWaitTimeout = {"timeout", Type::kInteger, false,
                                        "Milliseconds to wait: 0 (default) = until the answer is "
                                        "there, -1 = not at all."};
constexpr ToolParameter kTeam = {"team", Type::kString, true, "The team."};

std::vector<Tool> MakeTools() {
  return {
      {.name = "send_message",
       .verb = Tool::Verb::kSend,
       .title = "Send a message to a team",
       .description =
           "Gives another team's Claude a task or news, waits, and returns its answer. The team "
           "remembers your earlier messages.",
       .parameters = {kToTeam, kMessage, kFromTeam, kTimeout, kWaitForLimit, kWhenAway},
       .destructive = true,
       .reaches_hosts = true,
       .long_results = true,
       .always_load = true},
      {.name = "ask_message",
       .verb = Tool::Verb::kSend,
       .title = "Ask a team",
       .description = "Asks another team's Claude a question, waits, and returns its answer. Works "
                      "like send_message.",
       .parameters = {kToTeam, kMessage, kFromTeam, kTimeout, kWaitForLimit, kWhenAway},
       .destructive = true,
       .reaches_hosts = true,
       .long_results = true},
      {.name = "quick_message",
       .verb = Tool::Verb::kQuick,
       .title = "Send without waiting",
       .description = "Sends another team's Claude a message and returns the message's id at once. "
                      "tell_wait gets the answer later.",
       .parameters = {kToTeam, kMessage, kFromTeam, kWaitForLimit, kWhenAway},
       .destructive = true,
       .reaches_hosts = true},
      {.name = "tell_status",
       .verb = Tool::Verb::kTellStatus,
       .title = "Show how a message is",
       .description = "Shows what becomes of a message that you have sent: queued, running or "
                      "settled, what it waits for, and how long the answer is so far. Waits for "
                      "nothing.",
       .parameters = {kTellId, kFromTeam},
       .read_only = true,
       .idempotent = true},
      {.name = "tell_wait",
       .verb = Tool::Verb::kTellWait,
       .title = "Wait for an answer",
       .description =
           "Returns the answer to a message that you have sent before, as send_message would "
           "have. Sends nothing, and may be repeated: answers are kept.",
       .parameters = {kTellId, kFromTeam, kWaitTimeout},
       .idempotent = true,
       .long_results = true},
      {.name = "tell_cancel",
       .verb = Tool::Verb::kTellCancel,
       .title = "Cancel a message",
       .description = "Stops a message that you have sent, whether it waits or is being "
                      "worked on. Other messages go on. Returns when it has stopped.",
       .parameters = {kTellId, kFromTeam},
       .destructive = true,
       .idempotent = true,
       .reaches_hosts = true},
      {.name = "list_teams",
       .verb = Tool::Verb::kListTeams,
       .title = "List the teams",
       .description = "Lists the configured teams: name, what it is for, where it works, and how "
                      "many messages of everybody it has not answered yet.",
       .read_only = true,
       .idempotent = true},
      {.name = "team_status",
       .verb = Tool::Verb::kStatus,
       .title = "Show how teams are",
       .description = "Shows each team's host, and your session with it: stopped, starting, ready "
                      "or busy, which of your messages are not answered yet, and why nothing seems "
                      "to happen. Connects to nothing.",
       .parameters = {kFromTeam, {"team", Type::kString, false, "Only this team."}},
       .read_only = true,
       .idempotent = true},
      {.name = "team_wake",
       .verb = Tool::Verb::kWake,
       .title = "Wake a team",
       .description =
           "Starts a team's Claude for you, without sending it a message, so that the next "
           "one is answered sooner. Returns when it is ready, or with why it is not.",
       .parameters = {kTeam, kFromTeam},
       .idempotent = true,
       .reaches_hosts = true},
      {.name = "team_sleep",
       .verb = Tool::Verb::kSleep,
       .title = "Put a team to sleep",
       .description =
           "Ends the process of a team's Claude for you. The conversation stays; the next "
           "message resumes it.",
       .parameters = {kTeam,
                      kFromTeam,
                      {"force", Type::kBoolean, false,
                       "Also while it works on your message, which is then cancelled."}},
       .destructive = true,
       .idempotent = true,
       .reaches_hosts = true},
  };
}

const char* TypeName(Type type) {
  switch (type) {
    case Type::kString:
      return "string";
    case Type::kInteger:
      return "integer";
    case Type::kBoolean:
      return "boolean";
  }
  return "";
}

std::vector<std::string> ValuesOf(const ToolParameter& parameter) {
  return absl::StrSplit(parameter.one_of, '|');
}

Json Schema(const Tool& tool) {
  Json properties = Json::object();
  Json required = Json::array();
  for (const ToolParameter& parameter : tool.parameters) {
    properties[std::string(parameter.name)] = {{"type", TypeName(parameter.type)},
                                               {"description", std::string(parameter.description)}};
    if (!parameter.one_of.empty()) {
      properties[std::string(parameter.name)]["enum"] = ValuesOf(parameter);
    }
    if (parameter.required) required.push_back(std::string(parameter.name));
  }
  Json schema = {{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = std::move(required);
  schema["additionalProperties"] = false;
  return schema;
}

Json Describe(const Tool& tool) {
  Json json = {{"name", std::string(tool.name)},
               {"title", std::string(tool.title)},
               {"description", std::string(tool.description)},
               {"inputSchema", Schema(tool)},
               {"annotations",
                {{"title", std::string(tool.title)},
                 {"readOnlyHint", tool.read_only},
                 {"destructiveHint", tool.destructive},
                 {"idempotentHint", tool.idempotent},
                 {"openWorldHint", tool.reaches_hosts}}}};
  if (tool.long_results) json["_meta"]["anthropic/maxResultSizeChars"] = kLongResultChars;
  if (tool.always_load) json["_meta"]["anthropic/alwaysLoad"] = true;
  return json;
}

// What is written as text is what it says.
Json ReadValue(Json value, Type type) {
  if (type == Type::kString || !value.is_string()) return value;
  const absl::string_view text =
      absl::StripAsciiWhitespace(value.get_ref<const std::string&>());
  if (type == Type::kBoolean) {
    if (absl::EqualsIgnoreCase(text, "true")) return true;
    if (absl::EqualsIgnoreCase(text, "false")) return false;
    return value;
  }
  double number = 0;
  return absl::SimpleAtod(text, &number) ? Json(number) : value;
}

bool Fits(const Json& value, Type type) {
  switch (type) {
    case Type::kString:
      return value.is_string();
    case Type::kInteger:
      return value.is_number() && std::isfinite(value.get<double>()) &&
             std::trunc(value.get<double>()) == value.get<double>();
    case Type::kBoolean:
      return value.is_boolean();
  }
  return false;
}

absl::Status Bad(const Tool& tool, absl::string_view what, absl::string_view fix) {
  return MakeFailure(v1::FAILURE_BAD_REQUEST, absl::StrCat(tool.name, ": ", what), fix);
}

absl::Status Unknown(const Tool& tool, const std::string& name) {
  const bool in_the_original =
      tool.verb == Tool::Verb::kSend && (name == "persist" || name == "ttlDays");
  if (in_the_original) {
    return Bad(tool, absl::StrCat("\"", name, "\" is not built yet"), "Leave it out.");
  }
  std::vector<std::string> known;
  for (const ToolParameter& parameter : tool.parameters) known.emplace_back(parameter.name);
  const std::string nearest = Nearest(known, name);
  return Bad(tool, absl::StrCat("there is no parameter ", Quoted(name)),
             nearest.empty() ? "Leave it out." : absl::StrCat("Did you mean ", nearest, "?"));
}

}  // namespace

const std::vector<Tool>& Tools() {
  static const auto* const kTools = new std::vector<Tool>(MakeTools());
  return *kTools;
}

const Tool* FindTool(absl::string_view name) {
  for (const Tool& tool : Tools()) {
    if (tool.name == name) return &tool;
  }
  return nullptr;
}

Json DescribeTools() {
  Json tools = Json::array();
  for (const Tool& tool : Tools()) tools.push_back(Describe(tool));
  return tools;
}

absl::Status ReadArguments(const Tool& tool, Json& arguments) {
  if (arguments.size() > kArgumentsMax) {
    return Bad(tool, absl::StrCat("there are more than ", kArgumentsMax, " parameters"),
               "Leave out what the tool does not have.");
  }
  for (const auto& [name, value] : arguments.items()) {
    bool known = value.is_null();
    for (const ToolParameter& parameter : tool.parameters) known |= parameter.name == name;
    if (!known) return Unknown(tool, name);
  }
  Json read = Json::object();
  for (const ToolParameter& parameter : tool.parameters) {
    const std::string name(parameter.name);
    const auto found = arguments.find(name);
    if (found == arguments.end() || found->is_null()) {
      if (!parameter.required) continue;
      return Bad(tool, absl::StrCat("\"", name, "\" is missing"),
                 absl::StrCat("Set it: ", parameter.description));
    }
    if (!parameter.required && IsNotGiven(*found)) continue;
    Json value = ReadValue(std::move(*found), parameter.type);
    if (!Fits(value, parameter.type)) {
      return Bad(tool, absl::StrCat("\"", name, "\" is no ", TypeName(parameter.type)),
                 absl::StrCat("Give it as a JSON ", TypeName(parameter.type), "."));
    }
    if (!parameter.one_of.empty()) {
      const std::vector<std::string> values = ValuesOf(parameter);
      if (!absl::c_linear_search(values, value.get_ref<const std::string&>())) {
        const std::string all = absl::StrJoin(values, ", ");
        return Bad(tool, absl::StrCat("\"", name, "\" is none of ", all),
                   absl::StrCat("Give one of ", all, ", or leave it out."));
      }
    }
    read[name] = std::move(value);
  }
  arguments = std::move(read);
  return absl::OkStatus();
}

}  // namespace iris
