// Asks the same thing of several claudes in turn, and says how long each answer took.
//
// stdin:  {"rounds":300, "warmup":30, "text":"hello", "lanes":{NAME: {"team":NAME}, …
//          NAME: {"command":[PROGRAM, ARGUMENT, …]}}}
// stdout: {NAME: [microseconds of round 1, of round 2, …], …}
//
// The rounds of the lanes alternate, so that whatever else the machine does meets all of them.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "tests/bench/lane.h"

namespace iris::bench {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

int Fail(const std::string& lane, const absl::Status& status) {
  fprintf(stderr, "%s: %s\n", lane.c_str(), status.ToString().c_str());
  return 1;
}

int Run(const json& plan) {
  std::map<std::string, std::unique_ptr<Lane>> lanes;
  for (const auto& [name, spec] : plan.at("lanes").items()) {
    auto lane =
        spec.contains("team") ? OpenTellLane(spec.at("team")) : OpenClaudeLane(spec.at("command"));
    if (!lane.ok()) return Fail(name, lane.status());
    lanes[name] = *std::move(lane);
  }
  const std::string text = plan.at("text");
  const int warmup = plan.at("warmup");
  const int rounds = plan.at("rounds");
  std::map<std::string, std::vector<double>> micros;
  for (int round = -warmup; round < rounds; ++round) {
    for (const auto& [name, lane] : lanes) {
      const Clock::time_point begun = Clock::now();
      const absl::Status answered = lane->RoundTrip(text);
      const std::chrono::duration<double, std::micro> took = Clock::now() - begun;
      if (!answered.ok()) return Fail(name, answered);
      if (round >= 0) micros[name].push_back(took.count());
    }
  }
  std::cout << json(micros) << "\n";
  return 0;
}

}  // namespace
}  // namespace iris::bench

int main() {
  const std::string input((std::istreambuf_iterator<char>(std::cin)), {});
  return iris::bench::Run(nlohmann::json::parse(input));
}
