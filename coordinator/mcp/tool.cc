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
constexpr size_t kArgumentsMax =
    100;  // More than any tool has, of clients that name all they know.

constexpr ToolParameter kFromTeam = {
    "fromTeam", Type::kString, false,
    "Your own team. Leave it out: Iris knows it from your folder."};
constexpr ToolParameter kToTeam = {"toTeam", Type::kString, true,
                                   "The name of the team that gets the message."};
constexpr ToolParameter kMessage = {"message", Type::kString, true,
                                    "The text of the message, at most 8 MiB."};
constexpr ToolParameter kTimeout = {"timeout", Type::kInteger, false,
                                    "Milliseconds to wait for the answer: 0 (default) = without "
                                    "limit, -1 = do not wait, and return the message's id. The "
                                    "team keeps working after the timeout."};
constexpr ToolParameter kWaitForLimit = {
    "waitForLimit", Type::kBoolean, false,
    "If the account of that team's Claude has reached its usage limit before any work was done: "
    "true keeps the message and sends it when the limit has reset. Otherwise the message fails as "
    "rate_limited."};
constexpr ToolParameter kWhenAway = {
    "whenAway", Type::kString, false,
    "If that team's host does not answer, and never has: \"wait\" keeps the message for the host "
    "for up to 7 days, \"fail\" returns the error at once. Default: \"wait\" if you do not wait "
    "for the answer, otherwise \"fail\".",
    "wait|fail"};
constexpr ToolParameter kTellId = {"tellId", Type::kString, true,
                                   "The id of a message that you sent."};
constexpr ToolParameter kWaitTimeout = {"timeout", Type::kInteger, false,
                                        "Milliseconds to wait for the answer: 0 (default) = "
                                        "without limit, -1 = do not wait."};
constexpr ToolParameter kTeam = {"team", Type::kString, true, "The team's name."};

std::vector<Tool> MakeTools() {
  return {
      {.name = "send_message",
       .verb = Tool::Verb::kSend,
       .title = "Send a message to a team",
       .description = "Sends a task or news to another team's Claude, waits for the answer, and "
                      "returns it. The team remembers your earlier messages.",
       .parameters = {kToTeam, kMessage, kFromTeam, kTimeout, kWaitForLimit, kWhenAway},
       .destructive = true,
       .reaches_hosts = true,
       .long_results = true,
       .always_load = true},
      {.name = "ask_message",
       .verb = Tool::Verb::kSend,
       .title = "Ask a team a question",
       .description =
           "Sends a question to another team's Claude, waits for the answer, and returns it. Works "
           "like send_message.",
       .parameters = {kToTeam, kMessage, kFromTeam, kTimeout, kWaitForLimit, kWhenAway},
       .destructive = true,
       .reaches_hosts = true,
       .long_results = true},
      {.name = "quick_message",
       .verb = Tool::Verb::kQuick,
       .title = "Send a message without waiting",
       .description =
           "Sends a message to another team's Claude and returns the message's id at once. "
           "tell_wait returns the answer later.",
       .parameters = {kToTeam, kMessage, kFromTeam, kWaitForLimit, kWhenAway},
       .destructive = true,
       .reaches_hosts = true},
      {.name = "tell_status",
       .verb = Tool::Verb::kTellStatus,
       .title = "Show a message's progress",
       .description =
           "Shows the progress of a message that you sent: its state (queued, running, or "
           "settled = finished), what it waits for, and how long the answer is so far. "
           "Returns at once.",
       .parameters = {kTellId, kFromTeam},
       .read_only = true,
       .idempotent = true},
      {.name = "tell_wait",
       .verb = Tool::Verb::kTellWait,
       .title = "Wait for an answer",
       .description =
           "Waits for the answer to a message that you sent before, and returns it as send_message "
           "would. Sends nothing. You can repeat the call: answers are kept.",
       .parameters = {kTellId, kFromTeam, kWaitTimeout},
       .idempotent = true,
       .long_results = true},
      {.name = "tell_cancel",
       .verb = Tool::Verb::kTellCancel,
       .title = "Cancel a message",
       .description =
           "Cancels a message that you sent, in the queue or while the team works on it. "
           "Other messages in the queue continue. Returns when the message is cancelled.",
       .parameters = {kTellId, kFromTeam},
       .destructive = true,
       .idempotent = true,
       .reaches_hosts = true},
      {.name = "list_teams",
       .verb = Tool::Verb::kListTeams,
       .title = "List the teams",
       .description =
           "Lists the configured teams: each team's name, description, folder and host, the "
           "number of unanswered messages, and why the team is stuck, if it is.",
       .read_only = true,
       .idempotent = true},
      {.name = "team_status",
       .verb = Tool::Verb::kStatus,
       .title = "Show what teams are doing",
       .description = "Shows what each team is doing for you: its host, the state of its Claude "
                      "(stopped, starting, ready or busy), your unanswered messages and unread "
                      "answers, and why the team is stuck, if it is. Opens no connection.",
       .parameters = {kFromTeam,
                      {"team", Type::kString, false, "The team's name; without it, all teams."}},
       .read_only = true,
       .idempotent = true},
      {.name = "team_wake",
       .verb = Tool::Verb::kWake,
       .title = "Wake a team",
       .description = "Starts a team's Claude for you without a message, so that your next message "
                      "is answered sooner. Returns when that Claude is ready, or the reason why it "
                      "is not.",
       .parameters = {kTeam, kFromTeam},
       .idempotent = true,
       .reaches_hosts = true},
      {.name = "team_sleep",
       .verb = Tool::Verb::kSleep,
       .title = "Put a team to sleep",
       .description = "Ends the process of a team's Claude for you. The conversation is kept; your "
                      "next message resumes it.",
       .parameters =
           {kTeam,
            kFromTeam,
            {"force", Type::kBoolean, false,
             "true: also while that Claude works on your message, which is then cancelled."}},
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
  const absl::string_view text = absl::StripAsciiWhitespace(value.get_ref<const std::string&>());
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
  const bool is_of_iris_mcp =
      tool.verb == Tool::Verb::kSend && (name == "persist" || name == "ttlDays");
  if (is_of_iris_mcp) {
    return Bad(tool, absl::StrCat("\"", name, "\" is not needed: every answer is kept"),
               "Leave it out.");
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
                 absl::StrCat("Set ", name, ": ", parameter.description));
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
