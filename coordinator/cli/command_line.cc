#include "coordinator/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <limits>
#include <sstream>

namespace iris {
namespace {

CLI::App* AddVerb(CLI::App& app, CommandLine& command, Verb verb, const std::string& name,
                  const std::string& help) {
  CLI::App* sub = app.add_subcommand(name, help);
  sub->callback([&command, verb] { command.verb = verb; });
  return sub;
}

void AddTell(CLI::App& app, CommandLine& command) {
  CLI::App* tell = AddVerb(app, command, Verb::kTell, "tell", "Send a team a message.");
  tell->add_option("TEAM", command.team, "A team of the configuration")->required();
  tell->add_option(
          "TEXT", command.text,
          "The message; - reads it from stdin (at most 8 MiB). Other accounts of this machine may "
          "see an argument for a moment, and your shell keeps it: send secrets by -")
      ->required();
  tell->add_option("--from", command.from,
                   "cli: in the conversations that the command line had before Iris knew by your "
                   "folder who you are. Else the team whose folder you are in, or NAME@HOST");
  tell->add_option("--timeout", command.timeout_ms,
                   "Milliseconds to wait for the answer: 0 = for ever, -1 = print the message's id "
                   "at once. The team goes on whatever this says")
      ->check(CLI::Range(int64_t{-1}, int64_t{30} * 24 * 3600 * 1000))
      ->capture_default_str();
  tell->add_flag("--wait-limit", command.wait_limit,
                 "Where the account of the team's claude has reached its limit before anything was "
                 "done, keep the message until the limit has reset, and send it then");
  tell->add_option("--when-away", command.when_away,
                   "What becomes of the message where the team's host does not answer and has not "
                   "answered before: wait = it is kept for the host, for up to 7 days; fail = it "
                   "fails. Without this it fails, but with --timeout -1 it is kept")
      ->check(CLI::IsMember({"wait", "fail"}));
  tell->add_option(
      "--id", command.tell_id,
      "The id of a message that was sent before, with the same TEXT: follows that one, and "
      "nothing is sent twice. An id that is not known is a new message's, which is sent: a UUID of "
      "your own, or one whose message was forgotten (iris tells ID finds none)");
  tell->add_flag("--json", command.json, "Print one JSON object");
}

void AddTells(CLI::App& app, CommandLine& command) {
  CLI::App* tells =
      AddVerb(app, command, Verb::kTells, "tells",
              "List the messages that are not answered yet, or whose answer nobody has fetched.");
  CLI::Option* id = tells->add_option(
      "ID", command.tell_id, "Only this message: prints its answer, which is fetched then");
  tells->add_flag("--all", command.all, "Also those whose answer was fetched")->excludes(id);
  tells->add_flag("--wait", command.wait, "Wait until it is answered")->needs(id);
  tells->add_flag("--json", command.json, "Print one JSON object");
}

void AddCancel(CLI::App& app, CommandLine& command) {
  CLI::App* cancel = AddVerb(app, command, Verb::kCancel, "cancel",
                             "Stop a message, wherever it is. The team's next one goes on.");
  cancel->add_option("ID", command.tell_id, "The message's id; iris tells shows it")->required();
  cancel->add_flag("--json", command.json, "Print one JSON object");
}

void AddTakeover(CLI::App& app, CommandLine& command) {
  CLI::App* takeover = AddVerb(
      app, command, Verb::kTakeover, "takeover",
      "Take a team's session from another coordinator that holds it, or from another host that "
      "shares its home and has claimed it, and start it here. Only if nothing of it runs there any "
      "more: two at once fork the conversation.");
  takeover->add_option("TEAM", command.team, "A team of the configuration")->required();
  takeover->add_option("--from", command.from,
                       "Whose conversation with it: a team, NAME@HOST, or cli. Else that of the "
                       "team whose folder you are in");
  takeover->add_flag("--json", command.json, "Print one JSON object");
}

void AddAnswer(CLI::App& app, CommandLine& command) {
  CLI::App* answer = AddVerb(
      app, command, Verb::kAnswer, "answer",
      "List what teams ask before they go on (those with \"grantPermission\": \"ask\"), and answer "
      "it. What you see was written by a claude on the team's host: allow only what you "
      "understand.");
  CLI::Option* id =
      answer->add_option("ID", command.request_id,
                         "The request's id, or how it begins: shows all of it. TEAM:ID or "
                         "FROM:TEAM:ID where several teams ask with the same");
  CLI::Option* verdict =
      answer->add_option("VERDICT", command.verdict, "allow or deny; the first answer counts")
          ->check(CLI::IsMember({"allow", "deny"}))
          ->needs(id);
  answer
      ->add_option("--message", command.message,
                   "With deny: why, for claude (at most 4 KiB); - reads it from stdin")
      ->needs(verdict);
  answer
      ->add_option(
          "--input", command.input,
          "With allow: what the tool gets instead, a JSON object (at most 192 KiB); - reads it "
          "from stdin, as secrets should be")
      ->needs(verdict);
  answer->add_flag("--json", command.json, "Print one JSON object");
}

void AddStop(CLI::App& app, CommandLine& command) {
  CLI::App* stop = AddVerb(app, command, Verb::kStop, "stop", "Stop the coordinator.");
  CLI::Option* agents =
      stop->add_flag("--agents", command.agents,
                     "First end every session and the agents, here and on every host where this "
                     "coordinator has put one. A host that is not reached within 20 s is named, and "
                     "tried again next time. An agent that has open messages of another coordinator "
                     "(of another person or IRIS_HOME, with the same account) is left running, and "
                     "named");
  stop->add_flag("--force", command.force, "With --agents: end such an agent too, and its messages")
      ->needs(agents);
}

void AddServe(CLI::App& app, CommandLine& command) {
  CLI::App* serve = AddVerb(app, command, Verb::kServe, "serve",
                            "Run the coordinator. The other commands start it when they need it.");
  serve
      ->add_option_function<int64_t>(
          "--idle-exit-ms", [&command](int64_t ms) { command.idle_exit = absl::Milliseconds(ms); })
      ->check(CLI::Range(int64_t{1}, std::numeric_limits<int64_t>::max()))
      ->group("");  // Hidden: for tests.
}

}  // namespace

ParsedCommandLine ParseCommandLine(const std::vector<std::string>& arguments) {
  ParsedCommandLine parsed;
  CommandLine& command = parsed.command;
  CLI::App app("Iris lets one Claude Code talk to others, here and on any host.", "iris");
  app.require_subcommand(1);
  AddTell(app, command);
  AddTells(app, command);
  AddCancel(app, command);
  AddTakeover(app, command);
  AddAnswer(app, command);
  AddVerb(app, command, Verb::kStatus, "status", "Show hosts, links and sessions.")
      ->add_flag("--json", command.json, "Print one JSON object");
  AddVerb(app, command, Verb::kTeams, "teams", "List the configured teams.")
      ->add_flag("--json", command.json, "Print one JSON object");
  AddStop(app, command);
  AddVerb(app, command, Verb::kMcp, "mcp",
          "Speak MCP on stdin and stdout: what an MCP client such as Claude Code starts.")
      ->add_option("--team", command.team,
                   "The team for which the client speaks. Else the one whose folder it works in");
  AddServe(app, command);
  AddVerb(app, command, Verb::kVersion, "version", "Print the version.");
  try {
    // As this call of CLI11 has them: the last one first.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend() - 1));
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, err;
    const int code = app.exit(error, out, err);
    command.verb = Verb::kNone;
    parsed.exit_code = code == 0 ? kExitOk : kExitUsage;
    parsed.message = code == 0 ? out.str() : err.str();
  }
  return parsed;
}

}  // namespace iris
