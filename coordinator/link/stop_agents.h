#ifndef IRIS_COORDINATOR_LINK_STOP_AGENTS_H_
#define IRIS_COORDINATOR_LINK_STOP_AGENTS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/alive_flag.h"
#include "common/loop/event_loop.h"
#include "coordinator/link/host_link.h"
#include "coordinator/link/host_report.h"
#include "coordinator/link/link.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// One `iris stop --agents`: has agents end, each once however many links lead to it, and retires
// their links first, so that their loss does not bring them back. Several may run at a time. Used
// once: Ask() and AwaitAndAsk() for every link, Expect() for every agent whose link is to be found
// first, then Begin(). Lives on the coordinator's loop.
//
// An agent before build 5 ends the messages of other coordinators too, whoever asks: it is asked
// first whose it has, and stays (with our sessions as well) where others have some and nobody says
// `force`.
//
//   Ask ──────────────────────────▶ Shutdown ──▶ stopped, or a problem ─┐
//   AwaitAndAsk ── up ──▶ Shutdown ── as above ────────────────────────▶ all ──▶ done
//   Expect ── Found ──┘ │                                               │
//      └── NotFound ────┴── down, or kDeadline ──▶ a problem ───────────┘
class StopAgentsCall {
 public:
  // For all of it: who has not answered by then is a problem.
  static constexpr absl::Duration kDeadline = absl::Seconds(20);

  // `request` is what agents are asked. `loop` and the links that are passed outlive this.
  // `done` is called once, on the loop and never from inside a method; not at all once this is
  // destroyed.
  StopAgentsCall(EventLoop& loop, v1::ShutdownRequest request, StopAgentsDone done,
                 absl::Duration deadline = kDeadline);
  ~StopAgentsCall();
  StopAgentsCall(const StopAgentsCall&) = delete;
  StopAgentsCall& operator=(const StopAgentsCall&) = delete;

  // The agent at the other end of `link`, which is up with `life`. `name` is for people.
  void Ask(HostLink& link, const std::string& name, const std::shared_ptr<LinkLife>& life);
  // The same of a link that is down or on its way up: brings it up first.
  void AwaitAndAsk(HostLink& link, const std::string& name);
  // The same of one whose attempt may be starting an agent just now, or has: where the host refuses
  // before that, there is none, and no problem.
  void AwaitAndAskIfAny(HostLink& link, const std::string& name);
  // An agent at `place` (PlaceOf()) is to be ended too, or whatever is at the end of the way of an
  // attempt (PlaceOfAttempt()); its link is being looked for. `way`: what leads there, for people
  // (Target::kind()). Returns what names it in Found(), NotFound() or NoneThere(), one of which
  // follows.
  uint64_t Expect(const std::string& name, const std::string& place,
                  const std::string& way = "the way");
  // As Ask() or AwaitAndAsk(), whichever it needs. Where another agent is at its other end, that is
  // asked, and a problem. So is how the link failed where this stop has tried it by now.
  void Found(uint64_t expected, HostLink& link);
  void NotFound(uint64_t expected, const absl::Status& why);
  // There is none, which is no problem; or it was passed in another way.
  void NoneThere(uint64_t expected);
  void Begin();

  // Called with the place of each agent that was ended: there is none next time. And with that of
  // an attempt, once the agent at the end of its way is asked. May be empty.
  std::function<void(const std::string& place)> on_gone;

  // The agent that greets so is being asked already.
  bool asks(const v1::Hello& hello) const;
  // `done` was called: this may go.
  bool over() const { return over_; }
  // False once this is destroyed.
  AliveWatch alive() const { return alive_.Watch(); }

 private:
  class Arrival;
  struct Expected {
    std::string name;
    std::string place;
    std::string way;
  };

  void OnRetired(const Expected& expected, const HostLink& link);
  // What the agent at the end of a link is, and what was to be there.
  void CheckPlace(const Expected& expected, const std::string& place);
  void OnArrived(HostLink* link, const std::shared_ptr<LinkLife>& life, const absl::Status& why);
  void AskWhoseTellsAreOpen(const std::string& agent, const std::shared_ptr<LinkLife>& life);
  void End(const std::string& agent, const std::shared_ptr<LinkLife>& life);
  void OnEnded(const std::string& agent, const absl::StatusOr<v1::ShutdownResponse>& ended);
  // Asked, and not ended: `why`.
  void OnStays(const std::string& agent, const absl::Status& why);
  void OnDeadline();
  void FinishIfAll();

  EventLoop& loop_;
  const v1::ShutdownRequest request_;
  const absl::Duration deadline_;
  StopAgentsDone done_;
  bool begun_ = false;
  bool over_ = false;
  std::vector<std::string> stopped_;
  std::vector<std::string> problems_;
  std::set<std::string> asked_;  // AgentOf().
  struct Asked {
    std::string name;
    std::string place;
    std::vector<HostLink*> links;  // All that lead to it.
  };
  std::map<std::string, Asked> unanswered_;  // Of those.
  std::map<HostLink*, std::unique_ptr<Arrival>> awaited_;
  std::map<HostLink*, std::string> places_;  // Of the agents that links led to.
  std::map<uint64_t, Expected> expected_;    // By what names them.
  uint64_t last_expected_ = 0;
  EventLoop::TimerId timer_ = 0;
  // For calls, and for what was posted.
  AliveFlag alive_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_STOP_AGENTS_H_
