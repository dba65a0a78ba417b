#include "coordinator/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "coordinator/cli/help.h"
#include "coordinator/cli/join_words.h"
#include "coordinator/cli/timeout.h"

namespace iris {
namespace {

constexpr char kOneObject[] = "Print one JSON object (docs/JSON.md)";

struct About {
  const char* name;
  const char* group;
  const char* brief;      // One line of at most 60 characters.
  const char* more = "";  // Below the options, in the command's own help.
};

CLI::App* AddVerb(CLI::App& app, CommandLine& command, Verb verb, const About& about) {
  CLI::App* sub = app.add_subcommand(about.name, about.brief);
  sub->group(about.group);
  sub->footer(std::string(about.more));
  sub->callback([&command, verb] { command.verb = verb; });
  if (verb != Verb::kMcp) sub->add_flag("--json", command.json, kOneObject);
  return sub;
}

void AddFrom(CLI::App& sub, CommandLine& command, const std::string& what) {
  sub.add_option("--from", command.from, what)->type_name("NAME");
}

// What becomes of a message that cannot be worked on at once, or was sent before.
void AddTellTerms(CLI::App& tell, CommandLine& command) {
  tell.add_flag("--wait-limit", command.wait_limit,
                "Where the account of the team's claude has reached its limit before anything was "
                "done, keep the message until the limit has reset, and send it then");
  tell.add_option("--when-away", command.when_away,
                  "What becomes of the message where the team's host does not answer and has not "
                  "answered before: wait = it is kept for the host, for up to 7 days; fail = it "
                  "fails. Without this it fails, but with --detach it is kept")
      ->check(CLI::IsMember({"wait", "fail"}));
  tell.add_option("--id", command.tell_id,
                  "The id of a message that was sent before, with the same TEXT: follows that one, "
                  "and nothing is sent twice. An id that is not known is a new message's, which is "
                  "sent: a UUID of your own, or one whose message was forgotten (iris tells ID finds "
                  "none)")
      ->type_name("UUID")
      ->check([](const std::string& id) {
        return IsUuid(id) ? std::string()
                          : absl::StrCat("\"", id, "\" is no lower-case UUID, as uuidgen makes one");
      });
}

void AddTell(CLI::App& app, CommandLine& command) {
  CLI::App* tell = AddVerb(
      app, command, Verb::kTell,
      {"tell", kTalk, "Send a team a message and print its answer",
       "Examples:\n"
       "  iris tell gpu how full is /data\n"
       "  git diff | iris tell frontend -\n"
       "  iris tell gpu train it --detach\n"
       "The message needs no quotes but for what your shell would take out of it (* ? $ '); options "
       "may stand anywhere, and -- ends them. Other accounts of this machine may see an argument "
       "for a moment, and your shell keeps it: send secrets by -."});
  tell->add_option("TEAM", command.team, "A team of the configuration")->required();
  tell->add_option("TEXT", command.text, "The message; - reads it from stdin (at most 8 MiB)")
      ->required();
  AddFrom(*tell, command,
          "cli: in the conversations that the command line had before Iris knew by your folder who "
          "you are. Else the team whose folder you are in, or NAME@HOST");
  CLI::Option* timeout =
      tell->add_option_function<std::string>(
              "--timeout",
              [&command](const std::string& text) { command.timeout_ms = *ParseTimeout(text); },
              "How long to wait for the answer: 90s, 5m, 1h30m; a bare number is milliseconds, 0 is "
              "for ever (the default). The team goes on whatever this says")
          ->type_name("DURATION")
          ->check([](const std::string& text) {
            return ParseTimeout(text).has_value()
                       ? std::string()
                       : absl::StrCat("\"", text, "\" is no duration of at most 30 days. ",
                                      "Write 90s, 5m or 1h30m; a bare number is milliseconds");
          });
  tell->add_flag_callback(
          "-d,--detach", [&command] { command.timeout_ms = -1; },
          "Print the message's id at once, and wait for nothing (as --timeout -1)")
      ->excludes(timeout);
  AddTellTerms(*tell, command);
}

// The message that `tells` or `cancel` is about. Checked by NeedsOne().
void AddOneTell(CLI::App& sub, CommandLine& command, const std::string& what) {
  CLI::Option* id = sub.add_option("ID", command.tell_id, what);
  sub.add_flag("--last", command.last, "The newest message that was sent from here (see --from)")
      ->excludes(id);
  AddFrom(sub, command,
          "With --last: who sent it, a team, NAME@HOST or cli. Else the team whose folder you are in");
}

void AddTells(CLI::App& app, CommandLine& command) {
  CLI::App* tells = AddVerb(app, command, Verb::kTells,
                            {"tells", kTalk, "List unfinished messages and unread answers",
                             "Examples:\n"
                             "  iris tells\n"
                             "  iris tells 98f5e69d --wait\n"
                             "  iris tells --last --wait\n"
                             "An answer that was printed counts as read."});
  AddOneTell(*tells, command,
             "Only this message, by its id or how that begins: prints its answer");
  tells->add_flag("--all", command.all, "Also those whose answer was read");
  tells->add_flag("--wait", command.wait, "With one message: wait until it is answered");
  tells->callback([&command] {
    command.verb = Verb::kTells;
    const bool one = command.last || !command.tell_id.empty();
    if (command.wait && !one) throw CLI::RequiredError("With --wait an ID or --last");
    if (command.all && one) throw CLI::ValidationError("--all lists messages, and ID is one");
  });
}

void AddCancel(CLI::App& app, CommandLine& command) {
  CLI::App* cancel = AddVerb(app, command, Verb::kCancel,
                             {"cancel", kTalk, "Cancel a message; others in the queue continue"});
  AddOneTell(*cancel, command, "The message's id, or how that begins; iris tells shows it");
  cancel->callback([&command] {
    command.verb = Verb::kCancel;
    if (!command.last && command.tell_id.empty()) throw CLI::RequiredError("An ID or --last");
  });
}

CLI::App* AddPair(CLI::App& app, CommandLine& command, Verb verb, const About& about) {
  CLI::App* sub = AddVerb(app, command, verb, about);
  sub->add_option("TEAM", command.team, "A team of the configuration")->required();
  AddFrom(*sub, command,
          "Whose conversation with it: a team, NAME@HOST, or cli. Else that of the team whose folder "
          "you are in");
  return sub;
}

void AddSessions(CLI::App& app, CommandLine& command) {
  AddPair(app, command, Verb::kWake,
          {"wake", kRun, "Start a team's claude, before a message does"});
  AddPair(app, command, Verb::kSleep,
          {"sleep", kRun, "End a team's claude; the conversation stays"})
      ->add_flag("--force", command.force,
                 "Also while it answers a message, which is cancelled then");
  AddPair(app, command, Verb::kTakeover,
          {"takeover", kRun, "Take over a conversation that another Iris holds",
           "Takes a team's session from another coordinator that holds it, or from another host "
           "that shares its home and has claimed it, and starts it here. Only if nothing of it runs "
           "there any more: two at once fork the conversation."});
}

void AddAnswer(CLI::App& app, CommandLine& command) {
  CLI::App* answer = AddVerb(
      app, command, Verb::kAnswer,
      {"answer", kTalk, "List and answer what teams ask permission for",
       "Teams with \"grantPermission\": \"ask\" ask before they go on. What you see was written by a "
       "claude on the team's host: allow only what you understand.\n"
       "Examples:\n"
       "  iris answer\n"
       "  iris answer 3f2a allow\n"
       "  iris answer 3f2a deny --message \"not on Fridays\""});
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
      ->type_name("TEXT")
      ->needs(verdict);
  answer
      ->add_option(
          "--input", command.input,
          "With allow: what the tool gets instead, a JSON object (at most 192 KiB); - reads it "
          "from stdin, as secrets should be")
      ->type_name("JSON")
      ->needs(verdict);
}

void AddLooks(CLI::App& app, CommandLine& command) {
  CLI::App* status = AddVerb(app, command, Verb::kStatus,
                             {"status", kLook, "Show what each team is doing, problems first"});
  status->add_option("TEAM", command.team, "Only this team");
  status->add_flag("-l,--long", command.long_form,
                   "Connections, agents, what hosts hold, and every session");
  AddVerb(app, command, Verb::kTeams, {"teams", kLook, "List the configured teams"})
      ->add_flag("-l,--long", command.long_form, "With commands and paths, and nothing cut");
  AddVerb(app, command, Verb::kVersion, {"version", kLook, "Print the version"});
}

void AddStop(CLI::App& app, CommandLine& command) {
  CLI::App* stop =
      AddVerb(app, command, Verb::kStop, {"stop", kRun, "Stop the coordinator; work goes on later"});
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
  CLI::App* serve = AddVerb(app, command, Verb::kServe,
                            {"serve", kRun, "Run the coordinator; it starts by itself when needed"});
  serve
      ->add_option_function<int64_t>(
          "--idle-exit-ms", [&command](int64_t ms) { command.idle_exit = absl::Milliseconds(ms); })
      ->check(CLI::Range(int64_t{1}, std::numeric_limits<int64_t>::max()))
      ->group("");  // Hidden: for tests.
}

void AddVerbs(CLI::App& app, CommandLine& command) {
  AddTell(app, command);
  AddTells(app, command);
  AddCancel(app, command);
  AddAnswer(app, command);
  AddLooks(app, command);
  AddSessions(app, command);
  AddVerb(app, command, Verb::kMcp,
          {"mcp", kRun, "Serve an MCP client, such as Claude Code, on stdio"})
      ->add_option("--team", command.team,
                   "The team for which the client speaks. Else the one whose folder it works in");
  AddServe(app, command);
  AddStop(app, command);
}

// The words behind the program's name, as CLI11 is to read them: `help` and --version are commands
// too, a --json before the command belongs to that, and `tell` has one message.
JoinedWords Translate(const CLI::App& app, std::vector<std::string> words) {
  const auto command = std::find_if(words.begin(), words.end(),
                                    [](const std::string& word) { return word != "--json"; });
  if (command == words.end()) return {.words = {"--help"}};
  std::rotate(words.begin(), command, command + 1);
  if (words[0] == "help") {
    std::erase_if(words,
                  [](const std::string& word) { return word == "help" || word == "--json"; });
    if (words.empty()) return {.words = {"--help"}};
    return {.words = {words[0], "--help"}};
  }
  if (words[0] == "-V" || words[0] == "--version") words[0] = "version";
  if (words[0] == "tell") return JoinWords(*app.get_subcommand("tell"), words);
  return {.words = std::move(words)};
}

bool AsksForJson(const std::vector<std::string>& words) {
  return std::find(words.begin(), std::find(words.begin(), words.end(), "--"), "--json") !=
         std::find(words.begin(), words.end(), "--");
}

ParsedCommandLine Says(std::string message, int exit_code, bool json) {
  ParsedCommandLine parsed;
  parsed.command.json = json;
  parsed.exit_code = exit_code;
  parsed.message = std::move(message);
  return parsed;
}

}  // namespace

ParsedCommandLine ParseCommandLine(const std::vector<std::string>& arguments) {
  ParsedCommandLine parsed;
  CLI::App app("", "iris");
  app.formatter(MakeHelpFormatter());  // Before the commands, which take it over.
  app.require_subcommand(1);
  AddVerbs(app, parsed.command);
  if (arguments.size() < 2) return Says(MainHelp(app), kExitOk, false);
  const JoinedWords translated =
      Translate(app, std::vector<std::string>(arguments.begin() + 1, arguments.end()));
  const std::vector<std::string>& words = translated.words;
  const bool json = AsksForJson(words);
  if (!absl::StartsWith(words[0], "-")) {
    std::string unknown = UnknownCommand(app, words[0]);
    if (!unknown.empty()) return Says(std::move(unknown), kExitUsage, json);
  }
  try {
    // As this call of CLI11 has them: the last one first.
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    if (!translated.wrong.empty()) throw CLI::ValidationError(translated.wrong);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return Says(WrongUsage(app, error), kExitUsage, json);
    return Says(app.get_subcommands().empty() ? MainHelp(app) : app.help(), kExitOk, false);
  }
  parsed.command.text_from_stdin = translated.text_from_stdin;
  return parsed;
}

}  // namespace iris
