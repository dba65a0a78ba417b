// Asks several claudes in turn, and says how long each answer took.
//
// stdin:  {"rounds":300, "warmup":30, "text":"hello", "lanes":{NAME: LANE, …}}
// stdout: {NAME: [microseconds of round 1, of round 2, …], …}
//
// LANE is one of
//   {"team":NAME, "from":CALLER, "new_session":false, "times_words":false}   a message to a team
//   {"team":NAME, "mcp":[PROGRAM, ARGUMENT, …]}       the same through `iris mcp`
//   {"claude":[PROGRAM, ARGUMENT, …]}                 a claude, or what brings one here
//   {"run":[PROGRAM, ARGUMENT, …]}                    a program, to its end
// with "opens":true where it is opened anew for each round, as part of it, and "text" and
// "answer_bytes" where what is said, and must come back, is its own (Question, in lane.h).
//
// The rounds of the lanes alternate, so that whatever else the machine does meets all of them.
#include <signal.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "tests/bench/lane.h"
#include "tests/bench/question.h"

namespace iris::bench {
namespace {

using nlohmann::json;

struct PlannedLane {
  std::unique_ptr<Lane> lane;
  Question question;
  std::vector<double> micros;
};

absl::StatusOr<std::unique_ptr<Lane>> OpenOnce(const json& spec) {
  if (spec.contains("run")) return MakeProcessLane(spec.at("run"));
  if (spec.contains("claude")) return OpenClaudeLane(spec.at("claude"));
  if (spec.contains("mcp")) return OpenMcpLane(spec.at("mcp"), spec.at("team"));
  return OpenTellLane({.team = spec.at("team"),
                       .from = spec.value("from", "cli"),
                       .new_session = spec.value("new_session", false),
                       .times_words = spec.value("times_words", false)});
}

absl::StatusOr<std::unique_ptr<Lane>> Open(const json& spec) {
  if (!spec.value("opens", false)) return OpenOnce(spec);
  return MakeFreshLane([spec] { return OpenOnce(spec); });
}

int Fail(const std::string& lane, const absl::Status& status) {
  fprintf(stderr, "%s: %s\n", lane.c_str(), status.ToString().c_str());
  return 1;
}

int Run(const json& plan) {
  std::map<std::string, PlannedLane> lanes;
  for (const auto& [name, spec] : plan.at("lanes").items()) {
    auto lane = Open(spec);
    if (!lane.ok()) return Fail(name, lane.status());
    lanes[name] = {.lane = *std::move(lane),
                   .question = {.text = spec.value("text", plan.value("text", "hello")),
                                .answer_bytes = spec.value("answer_bytes", size_t{0})},
                   .micros = {}};
  }
  const int warmup = plan.at("warmup");
  const int rounds = plan.at("rounds");
  for (int round = -warmup; round < rounds; ++round) {
    for (auto& [name, one] : lanes) {
      const absl::StatusOr<absl::Duration> took = one.lane->RoundTrip(one.question);
      if (!took.ok()) return Fail(name, took.status());
      if (round >= 0) one.micros.push_back(absl::ToDoubleMicroseconds(*took));
    }
  }
  json said = json::object();
  for (const auto& [name, one] : lanes) said[name] = one.micros;
  std::cout << said << "\n";
  return 0;
}

}  // namespace
}  // namespace iris::bench

int main() {
  signal(SIGPIPE, SIG_IGN);  // Who has gone is found out by writing.
  const std::string input((std::istreambuf_iterator<char>(std::cin)), {});
  return iris::bench::Run(nlohmann::json::parse(input));
}
