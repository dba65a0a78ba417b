#include "tests/programs/prompt.h"

#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <functional>
#include <map>
#include <utility>

#include "tests/programs/json.h"
#include "tests/programs/text.h"

namespace iris::stub {
namespace {

using Kind = Step::Kind;
using Steps = std::vector<Step>;

// `rest` is what follows the word on its line.
using Word = std::function<Steps(const std::string& rest, const Surroundings&)>;

Step Say(std::string text) { return {.kind = Kind::kText, .text = std::move(text)}; }

long Number(const std::string& rest, long otherwise) {
  char* end = nullptr;
  const long number = strtol(rest.c_str(), &end, 10);
  return end == rest.c_str() ? otherwise : number;
}

double Seconds(const std::string& rest) { return strtod(rest.c_str(), nullptr); }

// What takes so many seconds may wait for a file instead, at an absolute path.
bool IsPath(const std::string& rest) { return rest.starts_with('/'); }

Step Pause(const std::string& rest) {
  if (IsPath(rest)) return {.kind = Kind::kPause, .until = rest};
  return {.kind = Kind::kPause, .seconds = Seconds(rest)};
}

Step Partial() { return Say("Partial answer before the end. "); }

Step Exit(const std::string& rest) { return {.kind = Kind::kExit, .number = Number(rest, 1)}; }

// Five blocks, one after each fifth of the time, or two at once and three once there is the file;
// an interrupt finds half of the next one streamed.
Steps Slow(const std::string& rest) {
  const double seconds = IsPath(rest) ? 0 : Seconds(rest);
  Steps steps;
  for (int i = 0; i < 5; ++i) {
    std::string words;
    for (int j = 0; j < 4; ++j) words += "word" + std::to_string(i * 4 + j) + " ";
    steps.push_back({.kind = Kind::kPause,
                     .text = words.substr(0, words.size() / 2),
                     .seconds = seconds / 5,
                     .until = IsPath(rest) && i == 2 ? rest : ""});
    steps.push_back(Say(words));
  }
  return steps;
}

Steps Blocks(long count) {
  Steps steps;
  for (long i = 1; i <= count; ++i) steps.push_back(Say("block " + std::to_string(i) + "\n"));
  return steps;
}

// "TOOL 3", "TOOL /a/file", or claude's own input: TOOL Bash {"command":"sleep 3"}.
std::string ToolCommand(const std::string& rest) {
  if (IsPath(rest)) {
    return "for i in $(seq 6000); do [ -e '" + rest + "' ] && break; sleep 0.05; done";
  }
  const size_t brace = rest.find('{');
  if (brace == std::string::npos) return "sleep " + rest;
  return StringAt(Json::parse(rest.substr(brace), nullptr, false), "command", "false");
}

std::string CurrentDir() {
  char path[4096];
  return getcwd(path, sizeof path) == nullptr ? "?" : path;
}

std::string Environment(const std::string& name) {
  const char* value = getenv(name.c_str());
  return value == nullptr ? "(unset)" : value;
}

constexpr char kGarbage[] =
    "this is no JSON\n\n42\n\"a string\"\n\x01\xff\xfe\x80 bytes\n{\"half\": \n";

const std::map<std::string, Word>& Words() {
  using S = const std::string&;
  using F = const Surroundings&;
  static const auto* words = new std::map<std::string, Word>{
      {"THINK", [](S, F) { return Steps{{.kind = Kind::kThinking, .text = "pondering deeply"}}; }},
      {"SLOW", [](S rest, F) { return Slow(rest); }},
      {"BLOCKS", [](S rest, F) { return Blocks(Number(rest, 2)); }},
      {"WAIT", [](S rest, F) { return Steps{Pause(rest)}; }},
      {"HANG", [](S, F) { return Steps{{.kind = Kind::kHang}}; }},
      {"HANGTERM", [](S, F) { return Steps{{.kind = Kind::kWedge}}; }},
      {"BIG", [](S rest, F) { return Steps{Say(NumberedText(Number(rest, 0)))}; }},
      {"BIGCJK", [](S rest, F) { return Steps{Say(CjkText(Number(rest, 0)))}; }},
      {"RANDOM", [](S rest, F) { return Steps{Say(RandomText(Number(rest, 0)))}; }},
      {"SPLIT",
       [](S, F) {
         return Steps{{.kind = Kind::kSplitText, .text = "Grüße, 世界! Ελλάδα 🚀 naïve café."}};
       }},
      {"CHUNK",
       [](S rest, F) { return Steps{{.kind = Kind::kLimitWrites, .number = Number(rest, 1)}}; }},
      {"GARBAGE",
       [](S, F) {
         return Steps{{.kind = Kind::kRaw, .text = kGarbage}, Say("garbage over")};
       }},
      {"TOOL", [](S rest, F) { return Steps{{.kind = Kind::kTool, .text = ToolCommand(rest)}}; }},
      {"PERMIT", [](S, F) { return Steps{{.kind = Kind::kPermit, .text = "echo permitted"}}; }},
      {"DAEMON", [](S, F) { return Steps{{.kind = Kind::kDaemon}}; }},
      {"STDERR", [](S rest, F) { return Steps{{.kind = Kind::kStderr, .text = rest + "\n"}}; }},
      {"CRASH",
       [](S rest, F) {
         return Steps{Partial(), Exit(rest)};
       }},
      {"CRASHONCE",
       [](S rest, F facts) {
         return facts.again ? Steps{Say("crashed once")} : Steps{Partial(), Exit(rest)};
       }},
      {"CRASHLATE",
       [](S rest, F) {
         return Steps{Say("said before the end"), {.kind = Kind::kEndMessage}, Exit(rest)};
       }},
      {"CRASHSIG",
       [](S rest, F) {
         return Steps{Partial(), {.kind = Kind::kSignal, .number = Number(rest, 9)}};
       }},
      {"ERR",
       [](S rest, F) { return Steps{{.kind = Kind::kApiError, .number = Number(rest, 0)}}; }},
      {"ISERROR",
       [](S rest, F) { return Steps{{.kind = Kind::kApiError, .number = Number(rest, 0)}}; }},
      {"ERRONCE",
       [](S rest, F) { return Steps{{.kind = Kind::kApiRetry, .number = Number(rest, 0)}}; }},
      {"ERRTURN",
       [](S, F) {
         return Steps{Partial(), {.kind = Kind::kTurnError}};
       }},
      {"BACKGROUND",
       [](S rest, F) {
         return Steps{{.kind = Kind::kBackground, .seconds = Seconds(rest)},
                      Say("background task started")};
       }},
      {"PLAIN", [](S rest, F) { return Steps{{.kind = Kind::kPlainText, .text = rest}}; }},
      {"STRUCTURED", [](S rest, F) { return Steps{{.kind = Kind::kStructured, .text = rest}}; }},
      {"LIMIT",
       [](S rest, F) {
         const long until = Number(rest, 0);
         if (until != 0 && until <= time(nullptr)) return Steps();
         return Steps{{.kind = Kind::kLimit, .number = until}};
       }},
      {"DAMAGE", [](S rest, F) { return Steps{{.kind = Kind::kDamage, .text = rest}}; }},
      {"PWD", [](S, F) { return Steps{Say(CurrentDir())}; }},
      {"PID", [](S, F) { return Steps{Say(std::to_string(getpid()))}; }},
      {"ENV", [](S rest, F) { return Steps{Say(Environment(rest))}; }},
      {"ARGS", [](S, F facts) { return Steps{Say(facts.arguments_json)}; }},
      {"COUNT", [](S, F facts) { return Steps{Say(std::to_string(facts.prompts))}; }},
  };
  return *words;
}

bool SaysSomething(const Steps& steps) {
  for (const Step& step : steps) {
    switch (step.kind) {
      case Kind::kThinking:
      case Kind::kPause:
      case Kind::kRaw:
      case Kind::kStderr:
      case Kind::kLimitWrites:
      case Kind::kApiRetry:
      case Kind::kDamage:
        continue;
      default:
        return true;
    }
  }
  return false;
}

}  // namespace

const std::vector<std::string>& Commands() {
  static const auto* commands = new std::vector<std::string>{"clear", "compact", "context", "init",
                                                             "login", "review",  "usage"};
  return *commands;
}

std::vector<Step> ReadPrompt(const std::string& prompt, const Surroundings& surroundings) {
  for (const std::string& name : Commands()) {
    if (prompt.substr(0, prompt.find_first_of(" \n")) != "/" + name) continue;
    return {{.kind = Kind::kCommand, .text = "/" + name + " isn't available in this environment."}};
  }
  Steps steps;
  for (size_t at = 0; at < prompt.size();) {
    const size_t end = std::min(prompt.find('\n', at), prompt.size());
    const size_t space = std::min(prompt.find(' ', at), end);
    const std::string word = prompt.substr(at, std::min<size_t>(space - at, 16));
    if (word == "SUM") {
      // Everything after the word, whatever it holds: so the rest of the prompt steers nothing.
      const std::string_view all =
          std::string_view(prompt).substr(std::min(space + 1, prompt.size()));
      steps.push_back(Say("SUM " + Checksum(all) + " " + std::to_string(all.size())));
      break;
    }
    if (const auto found = Words().find(word); found != Words().end()) {
      const std::string rest = space < end ? prompt.substr(space + 1, end - space - 1) : "";
      for (Step& step : found->second(rest, surroundings)) steps.push_back(std::move(step));
    }
    at = end + 1;
  }
  if (!SaysSomething(steps)) steps.push_back(Say("ECHO: " + prompt));
  return steps;
}

}  // namespace iris::stub
