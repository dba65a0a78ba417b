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

// "" is most often a variable of a script that is not set, and would mean something else.
std::string NotEmpty(const std::string& word) { return word.empty() ? "must not be empty" : ""; }

void AddFrom(CLI::App& sub, CommandLine& command, const std::string& what) {
  sub.add_option("--from", command.from, what)->type_name("NAME")->check(NotEmpty);
}

// What becomes of a message that cannot be worked on at once, or was sent before.
void AddTellTerms(CLI::App& tell, CommandLine& command) {
  tell.add_flag(
      "--wait-limit", command.wait_limit,
      "If the account of the team's claude has reached its usage limit before any work was "
      "done: keep the message, and send it when the limit has reset");
  tell.add_option(
          "--when-away", command.when_away,
          "If the team's host does not answer, and never has: wait = keep the message for the "
          "host, for up to 7 days; fail = the message fails at once. Default: fail, with "
          "--detach wait")
      ->check(CLI::IsMember({"wait", "fail"}));
  tell.add_option(
          "--id", command.tell_id,
          "Use this UUID as the message's id. If a message with this id and the same TEXT was "
          "sent before, wait for its answer and send nothing; otherwise (also if Iris has "
          "forgotten the earlier message: iris tells ID finds none) send a new message")
      ->type_name("UUID")
      ->check([](const std::string& id) {
        return IsUuid(id)
                   ? std::string()
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
       "Quote only the characters that your shell interprets (* ? $ '). Options may stand "
       "anywhere; -- ends them. Other accounts of this machine may see an argument for a moment, "
       "and your shell's history keeps it: send secrets through stdin (-)."});
  tell->add_option("TEAM", command.team, "The team's name")->required()->check(NotEmpty);
  tell->add_option("TEXT", command.text,
                   "The text of the message, at most 8 MiB; - reads it from stdin")
      ->required();
  AddFrom(*tell, command,
          "cli: continue the conversations of an earlier version of the command line. Default: the "
          "team in whose folder you are, otherwise NAME@HOST");
  CLI::Option* timeout =
      tell->add_option_function<std::string>(
              "--timeout",
              [&command](const std::string& text) { command.timeout_ms = *ParseTimeout(text); },
              "How long to wait for the answer: 90s, 5m, 1h30m; a bare number is milliseconds, 0 "
              "is without limit (the default). The team keeps working after the timeout")
          ->type_name("DURATION")
          ->check([](const std::string& text) {
            return ParseTimeout(text).has_value()
                       ? std::string()
                       : absl::StrCat("\"", text, "\" is no duration of at most 30 days. ",
                                      "Write 90s, 5m or 1h30m; a bare number is milliseconds");
          });
  tell->add_flag_callback(
          "-d,--detach", [&command] { command.timeout_ms = -1; },
          "Do not wait: print the message's id at once (same as --timeout -1)")
      ->excludes(timeout);
  AddTellTerms(*tell, command);
}

// The message that `tells` or `cancel` is about. Checked by NeedsOne().
void AddOneTell(CLI::App& sub, CommandLine& command, const std::string& what,
                const std::string& from) {
  CLI::Option* id = sub.add_option("ID", command.tell_id, what)->check(NotEmpty);
  sub.add_flag("--last", command.last, "The newest message of the caller (see --from)")
      ->excludes(id);
  AddFrom(sub, command, from);
}

void AddTells(CLI::App& app, CommandLine& command) {
  CLI::App* tells = AddVerb(app, command, Verb::kTells,
                            {"tells", kTalk, "List unfinished messages and unread answers",
                             "Examples:\n"
                             "  iris tells\n"
                             "  iris tells 98f5e69d --wait\n"
                             "  iris tells --last --wait\n"
                             "An answer counts as read once it has been printed."});
  AddOneTell(*tells, command,
             "A message's id, or the beginning of one: print the answer to that message",
             "List only the messages of this caller: a team, NAME@HOST or cli. With --last: whose "
             "newest is meant. Default: the team in whose folder you are");
  tells->add_flag("--all", command.all, "Also list messages whose answer was read");
  tells->add_flag("--wait", command.wait, "With ID or --last: wait for the answer");
  tells->callback([&command] {
    command.verb = Verb::kTells;
    const bool one = command.last || !command.tell_id.empty();
    if (command.wait && !one) throw CLI::RequiredError("With --wait an ID or --last");
    if (command.all && one) throw CLI::ValidationError("--all is not for one message");
  });
}

void AddCancel(CLI::App& app, CommandLine& command) {
  CLI::App* cancel = AddVerb(app, command, Verb::kCancel,
                             {"cancel", kTalk, "Cancel a message; others in the queue continue"});
  AddOneTell(*cancel, command, "The message's id, or its beginning; iris tells lists the ids",
             "With --last: the caller, a team, NAME@HOST or cli. Default: the team in whose folder "
             "you are");
  cancel->callback([&command] {
    command.verb = Verb::kCancel;
    if (!command.last && command.tell_id.empty()) throw CLI::RequiredError("An ID or --last");
  });
}

CLI::App* AddPair(CLI::App& app, CommandLine& command, Verb verb, const About& about) {
  CLI::App* sub = AddVerb(app, command, verb, about);
  sub->add_option("TEAM", command.team, "The team's name")->required()->check(NotEmpty);
  AddFrom(*sub, command,
          "The caller whose conversation is meant: a team, NAME@HOST, or cli. Default: the team in "
          "whose folder you are");
  return sub;
}

void AddSessions(CLI::App& app, CommandLine& command) {
  AddPair(app, command, Verb::kWake, {"wake", kRun, "Start a team's claude without a message"});
  AddPair(app, command, Verb::kSleep,
          {"sleep", kRun, "End a team's claude; the conversation stays"})
      ->add_flag("--force", command.force,
                 "Also while that claude works on a message, which is then cancelled");
  AddPair(
      app, command, Verb::kTakeover,
      {"takeover", kRun, "Take over a conversation that another Iris holds",
       "Takes a conversation with a team over from another coordinator, or from another host with "
       "the same home directory, and starts its claude here. Use it only if that claude does not "
       "run there any more: two at once would split the conversation."});
}

void AddAnswer(CLI::App& app, CommandLine& command) {
  CLI::App* answer = AddVerb(
      app, command, Verb::kAnswer,
      {"answer", kTalk, "List and answer permission requests of teams",
       "A team with \"grantPermission\": \"ask\" sends a request for each tool that needs "
       "approval, and waits. The text of a request was written by a claude on the team's host: "
       "allow only what you understand.\n"
       "Examples:\n"
       "  iris answer\n"
       "  iris answer 3f2a allow\n"
       "  iris answer 3f2a deny --message \"not on Fridays\""});
  CLI::Option* id =
      answer
          ->add_option("ID", command.request_id,
                       "The request's id, or its beginning: show the whole request. TEAM:ID or "
                       "FROM:TEAM:ID if requests of several teams have the same id")
          ->check(NotEmpty);
  CLI::Option* verdict =
      answer->add_option("VERDICT", command.verdict, "allow or deny; the first answer counts")
          ->check(CLI::IsMember({"allow", "deny"}))
          ->needs(id);
  CLI::Option* message =
      answer
          ->add_option("--message", command.message,
                       "With deny: the reason, for claude (at most 4 KiB); - reads it from stdin")
          ->type_name("TEXT")
          ->needs(verdict);
  CLI::Option* input =
      answer
          ->add_option(
              "--input", command.input,
              "With allow: other input for the tool, a JSON object (at most 192 KiB); - reads it "
              "from stdin, which is better for secrets")
          ->type_name("JSON")
          ->needs(verdict);
  answer->callback([&command, message, input] {
    command.verb = Verb::kAnswer;
    if (command.verdict == "allow" && message->count() > 0) {
      throw CLI::ValidationError("--message is only for deny; claude hears no reason with allow");
    }
    if (command.verdict == "deny" && input->count() > 0) {
      throw CLI::ValidationError("--input is only for allow; with deny there is nothing to run");
    }
  });
}

void AddLooks(CLI::App& app, CommandLine& command) {
  CLI::App* status = AddVerb(app, command, Verb::kStatus,
                             {"status", kLook, "Show what each team is doing, problems first"});
  status->add_option("TEAM", command.team, "Show only this team")->check(NotEmpty);
  status->add_flag("-l,--long", command.long_form,
                   "Also show connections, agents, disk use on hosts, and every conversation");
  AddVerb(app, command, Verb::kTeams, {"teams", kLook, "List the configured teams"})
      ->add_flag("-l,--long", command.long_form,
                 "Also show ssh commands and paths, and shorten nothing");
  AddVerb(app, command, Verb::kVersion, {"version", kLook, "Print the version"});
}

void AddStop(CLI::App& app, CommandLine& command) {
  CLI::App* stop = AddVerb(app, command, Verb::kStop,
                           {"stop", kRun, "Stop the coordinator; no message is lost"});
  CLI::Option* agents = stop->add_flag(
      "--agents", command.agents,
      "First end every claude and every agent, here and on every host on which this "
      "coordinator has installed an agent. A host that cannot be reached within 20 s "
      "is named, and tried again next time. An agent with open messages of another "
      "coordinator (of another person or IRIS_HOME, with the same account) keeps "
      "running, and is named");
  stop->add_flag("--force", command.force,
                 "With --agents: end those agents too, and cancel their messages")
      ->needs(agents);
}

void AddServe(CLI::App& app, CommandLine& command) {
  CLI::App* serve =
      AddVerb(app, command, Verb::kServe,
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
                   "The client's team. Default: the team in whose folder the client works");
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
