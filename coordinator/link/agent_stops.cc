#include "coordinator/link/agent_stops.h"

#include <cstdint>
#include <set>
#include <utility>

#include "coordinator/link/link.h"
#include "coordinator/link/stop_reach.h"

namespace iris {

AgentStops::AgentStops(EventLoop& loop, Resolver& resolver, Options options,
                       std::function<void()> on_over)
    : loop_(loop),
      resolver_(resolver),
      options_(std::move(options)),
      on_over_(std::move(on_over)),
      hello_here_(loop, options_.hello_here) {}

bool AgentStops::any() {
  std::erase_if(stops_, [](const auto& stop) { return stop->over(); });
  return !stops_.empty();
}

void AgentStops::Stop(bool force, const SharedEnvironment& env, const Linked& here,
                      const std::vector<Linked>& others,
                      const std::function<HostLink&(const ResolvedTarget&)>& find,
                      StopAgentsDone done) {
  v1::ShutdownRequest request;
  request.set_coordinator_id(options_.coordinator_id);
  request.set_force(force);
  StopAgentsCall& stop = *stops_.emplace_back(std::make_unique<StopAgentsCall>(
      loop_, std::move(request),
      [this, done = std::move(done)](std::vector<std::string> stopped,
                                     std::vector<std::string> problems) {
        on_over_();
        done(std::move(stopped), std::move(problems));
      }));
  PlacedAgents* const placed = options_.placed;
  if (placed != nullptr) {
    stop.on_gone = [placed](const std::string& place) { placed->Forget(place); };
  }
  std::set<std::string> asked;
  const auto ask = [&](const Linked& linked) {
    const std::shared_ptr<LinkLife> life = linked.link.life();
    if (life == nullptr) return false;
    stop.Ask(linked.link, linked.name, life);
    asked.insert(PlaceOf(life->hello));
    return true;
  };
  const bool asks_here = ask(here);
  for (const Linked& other : others) {
    const HostLink& link = other.link;
    if (ask(other) || link.retired()) continue;
    // Nobody knows the place of an agent that has not greeted yet.
    if (link.is_connecting() || link.may_have_started()) {
      stop.AwaitAndAskIfAny(other.link, other.name);
    }
  }
  if (!asks_here) StopHere(stop, here);
  if (placed != nullptr) {
    ReachOthers(stop, *placed, asked, env, resolver_, options_.target_of, find);
  }
  stop.Begin();
}

// It may run from an earlier life of this coordinator, or be about to; it is not started to be
// stopped. One whose link is retired was asked by an earlier call, and leaves; so does one that is
// asked over another link.
void AgentStops::StopHere(StopAgentsCall& stop, const Linked& here) {
  if (here.link.retired()) return;
  if (here.link.is_connecting()) return stop.AwaitAndAsk(here.link, here.name);
  const uint64_t id = stop.Expect(here.name, /*place=*/"");
  hello_here_.Ask([&stop, alive = stop.alive(), id, here](const HelloHere::Answer& answer) {
    if (!alive || stop.over()) return;
    if (!answer.ok()) return stop.NotFound(id, answer.status());
    const bool runs = answer->has_value() && !stop.asks(**answer);
    if (runs && !here.link.retired()) {
      const std::shared_ptr<LinkLife> life = here.link.life();
      if (life != nullptr) {
        stop.Ask(here.link, here.name, life);
      } else {
        stop.AwaitAndAsk(here.link, here.name);
      }
    }
    stop.NoneThere(id);
  });
}

}  // namespace iris
