// Keeps many sessions busy at once, and says how long that took.
//
// stdin:  {"text":"hello", "each":100, "at_once":100, "sessions":[[CALLER, TEAM], …]}
//         or in place of "sessions", for the floor, "claudes":[[PROGRAM, ARGUMENT, …], …]
// stdout: {"seconds":1.7, "micros":[MICROSECONDS OF AN ANSWER, …]}
#include <signal.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "tests/bench/load.h"
#include "tests/bench/question.h"

namespace iris::bench {
namespace {

using nlohmann::json;

absl::StatusOr<LoadResult> Load(const json& given, const LoadPlan& plan) {
  if (given.contains("claudes")) return LoadClaudes(given.at("claudes"), plan);
  std::vector<CallerAndTeam> sessions;
  for (const json& pair : given.at("sessions")) {
    sessions.push_back({.from = pair.at(0), .to = pair.at(1)});
  }
  return LoadSessions(sessions, plan);
}

int Run(const json& given) {
  const LoadPlan plan = {.question = {.text = given.value("text", "hello")},
                         .each = given.at("each"),
                         .at_once = given.at("at_once")};
  const absl::StatusOr<LoadResult> result = Load(given, plan);
  if (!result.ok()) {
    fprintf(stderr, "%s\n", result.status().ToString().c_str());
    return 1;
  }
  std::cout << json({{"seconds", absl::ToDoubleSeconds(result->took)}, {"micros", result->micros}})
            << "\n";
  return 0;
}

}  // namespace
}  // namespace iris::bench

int main() {
  signal(SIGPIPE, SIG_IGN);  // Who has gone is found out by writing.
  const std::string input((std::istreambuf_iterator<char>(std::cin)), {});
  return iris::bench::Run(nlohmann::json::parse(input));
}
