#include "coordinator/link/stop_agents.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/failure/agent_fix.h"
#include "common/failure/failure.h"
#include "coordinator/link/agent_calls.h"
#include "coordinator/link/host_text.h"
#include "coordinator/link/placed_agents.h"

namespace iris {
namespace {

std::string Problem(const std::string& name, const absl::Status& why) {
  return Describe(ToProto(Annotate(why, absl::StrCat("agent on ", name))));
}

// Older ones do not look at ShutdownRequest.coordinator_id.
constexpr uint32_t kBuildThatStaysForOthers = 5;
constexpr size_t kShownMax = 8;  // Of whose messages are open.
constexpr size_t kNameBytesMax = 128;

// "2 of team gpu (me@desktop)"; "": nobody's but those of `coordinator_id`.
std::string OpenForOthers(const v1::ListResponse& list, absl::string_view coordinator_id) {
  std::map<std::string, uint64_t> open;
  for (const v1::SessionInfo& session : list.sessions()) {
    if (session.coordinator_id() == coordinator_id) continue;
    const uint64_t tells =
        uint64_t{session.tells_waiting()} + (session.tell_in_flight().empty() ? 0 : 1);
    if (tells == 0) continue;
    open[absl::StrCat("team ", PrintableHostText(session.team(), kNameBytesMax), " (",
                      PrintableHostText(session.label(), kNameBytesMax), ")")] += tells;
  }
  std::string whose;
  size_t shown = 0;
  for (const auto& [who, tells] : open) {
    if (shown == kShownMax) {
      absl::StrAppend(&whose, ", and ", open.size() - shown, " more");
      break;
    }
    absl::StrAppend(&whose, shown++ == 0 ? "" : ", ", tells, " of ", who);
  }
  return whose;
}

}  // namespace

// Hears how a Want() ended, and leaves the link when it goes.
class StopAgentsCall::Arrival final : public LinkObserver {
 public:
  Arrival(StopAgentsCall& stop, HostLink& link, std::string name, bool if_any)
      : stop_(stop), link_(link), name_(std::move(name)), if_any_(if_any) {
    link_.AddObserver(this);
    link_.Want(this);
  }
  ~Arrival() override { link_.RemoveObserver(this); }

  const std::string& name() const { return name_; }
  // Nothing shows that an agent was there: the attempt that was under way was refused before the
  // host's shell could start one.
  bool found_none(const absl::Status& why) const {
    constexpr FailureKind kRefusals[] = {v1::FAILURE_UNREACHABLE, v1::FAILURE_AUTH,
                                         v1::FAILURE_HOST_KEY, v1::FAILURE_BAD_REQUEST};
    const bool is_refused =
        std::find(std::begin(kRefusals), std::end(kRefusals), KindOf(why)) != std::end(kRefusals);
    return is_refused && if_any_ && expected_.empty() && !link_.may_have_started();
  }
  void Add(Expected expected) { expected_.push_back(std::move(expected)); }
  const std::vector<Expected>& expected() const { return expected_; }

 private:
  void OnLinkProgress(const ConnectProgress&) override {}
  void OnLinkUp(const std::shared_ptr<LinkLife>& life) override {
    stop_.OnArrived(&link_, life, absl::OkStatus());
  }
  void OnLinkDown(const absl::Status& why, bool) override { stop_.OnArrived(&link_, nullptr, why); }

  StopAgentsCall& stop_;
  HostLink& link_;
  const std::string name_;
  const bool if_any_;  // Whether there is an agent is not known.
  std::vector<Expected> expected_;
};

StopAgentsCall::StopAgentsCall(EventLoop& loop, v1::ShutdownRequest request, StopAgentsDone done,
                               absl::Duration deadline)
    : loop_(loop), request_(std::move(request)), deadline_(deadline), done_(std::move(done)) {}

StopAgentsCall::~StopAgentsCall() {
  alive_.Clear();
  if (timer_ != 0) loop_.Cancel(timer_);
}

bool StopAgentsCall::asks(const v1::Hello& hello) const { return asked_.count(AgentOf(hello)) > 0; }

// An agent that another link has asked already leaves, and takes this link with it.
void StopAgentsCall::Ask(HostLink& link, const std::string& name,
                         const std::shared_ptr<LinkLife>& life) {
  link.Retire();
  places_[&link] = PlaceOf(life->hello);
  const std::string agent = AgentOf(life->hello);
  if (!asked_.insert(agent).second) {
    const auto asked = unanswered_.find(agent);
    if (asked != unanswered_.end()) asked->second.links.push_back(&link);
    return;
  }
  unanswered_[agent] = {.name = name, .place = places_[&link], .links = {&link}};
  const bool spares_others = !request_.force() && !request_.coordinator_id().empty();
  if (spares_others && life->hello.build_number() < kBuildThatStaysForOthers) {
    return AskWhoseTellsAreOpen(agent, life);
  }
  End(agent, life);
}

void StopAgentsCall::AskWhoseTellsAreOpen(const std::string& agent,
                                          const std::shared_ptr<LinkLife>& life) {
  ListSessions(life, [this, alive = alive_.Watch(), agent,
                      life](const absl::StatusOr<v1::ListResponse>& list) {
    if (!alive || unanswered_.count(agent) == 0) return;
    if (!list.ok()) return OnStays(agent, list.status());
    const std::string whose = OpenForOthers(*list, request_.coordinator_id());
    if (whose.empty()) return End(agent, life);
    OnStays(agent, MakeFailure(v1::FAILURE_PERMISSION_DENIED,
                               absl::StrCat("it is of an older build, which would end the "
                                            "messages of other coordinators too: ",
                                            whose),
                               kFixStopForce));
  });
}

void StopAgentsCall::End(const std::string& agent, const std::shared_ptr<LinkLife>& life) {
  EndAgent(
      life, request_,
      [this, alive = alive_.Watch(), agent](const absl::StatusOr<v1::ShutdownResponse>& ended) {
        if (alive) OnEnded(agent, ended);
      });
}

void StopAgentsCall::AwaitAndAsk(HostLink& link, const std::string& name) {
  awaited_[&link] = std::make_unique<Arrival>(*this, link, name, /*if_any=*/false);
}

void StopAgentsCall::AwaitAndAskIfAny(HostLink& link, const std::string& name) {
  awaited_[&link] = std::make_unique<Arrival>(*this, link, name, /*if_any=*/true);
}

uint64_t StopAgentsCall::Expect(const std::string& name, const std::string& place,
                                const std::string& way) {
  expected_[++last_expected_] = {.name = name, .place = place, .way = way};
  return last_expected_;
}

void StopAgentsCall::Found(uint64_t expected, HostLink& link) {
  auto node = expected_.extract(expected);
  if (node.empty()) return;  // It was too late.
  Expected& agent = node.mapped();
  if (places_.count(&link) == 0 && link.life() != nullptr) Ask(link, agent.name, link.life());
  if (const auto place = places_.find(&link); place != places_.end()) {
    CheckPlace(agent, place->second);
  } else if (link.retired()) {
    OnRetired(agent, link);
  } else {
    std::unique_ptr<Arrival>& arrival = awaited_[&link];
    if (arrival == nullptr) {
      arrival = std::make_unique<Arrival>(*this, link, agent.name, /*if_any=*/false);
    }
    arrival->Add(std::move(agent));
  }
  FinishIfAll();
}

void StopAgentsCall::NotFound(uint64_t expected, const absl::Status& why) {
  const auto node = expected_.extract(expected);
  if (node.empty()) return;
  problems_.push_back(Problem(node.mapped().name, why));
  FinishIfAll();
}

void StopAgentsCall::NoneThere(uint64_t expected) {
  if (expected_.erase(expected) > 0) FinishIfAll();
}

// By this stop, which has tried it meanwhile, or by an earlier one.
void StopAgentsCall::OnRetired(const Expected& expected, const HostLink& link) {
  const bool has_failed = !link.failure().ok() && !link.is_connecting();
  std::string problem = Problem(
      expected.name,
      has_failed ? link.failure()
                 : MakeFailure(v1::FAILURE_UNREACHABLE, "an earlier stop has not reached it yet"));
  const bool is_said = std::find(problems_.begin(), problems_.end(), problem) != problems_.end();
  if (!is_said) problems_.push_back(std::move(problem));
}

void StopAgentsCall::CheckPlace(const Expected& expected, const std::string& place) {
  if (expected.place == place) return;
  if (IsAttempt(expected.place)) {  // Whatever is there is asked now, and noted as what it is.
    if (on_gone) on_gone(expected.place);
    return;
  }
  problems_.push_back(Problem(
      expected.name,
      MakeFailure(
          v1::FAILURE_WRONG_HOST,
          absl::StrCat(expected.way, " led to another host, account or folder there this time"),
          "Run `iris stop --agents` once more where several hosts have that name. "
          "Else, where the host of before still runs, end `iris-agent serve` "
          "there.")));
}

void StopAgentsCall::Begin() {
  begun_ = true;
  timer_ = loop_.After(deadline_, [this] {
    timer_ = 0;
    OnDeadline();
  });
  FinishIfAll();
}

void StopAgentsCall::OnArrived(HostLink* link, const std::shared_ptr<LinkLife>& life,
                               const absl::Status& why) {
  const Arrival& arrival = *awaited_.at(link);
  if (life != nullptr) {
    Ask(*link, arrival.name(), life);
    for (const Expected& expected : arrival.expected()) CheckPlace(expected, places_[link]);
  } else {
    link->Retire();
    if (!arrival.found_none(why)) problems_.push_back(Problem(arrival.name(), why));
  }
  awaited_.erase(link);  // The observer that is being called: it is not used any more.
  FinishIfAll();
}

void StopAgentsCall::OnEnded(const std::string& agent,
                             const absl::StatusOr<v1::ShutdownResponse>& ended) {
  const auto found = unanswered_.find(agent);
  if (found == unanswered_.end()) return;
  if (!ended.ok()) return OnStays(agent, ended.status());
  const std::string name = found->second.name;
  if (on_gone) on_gone(found->second.place);
  unanswered_.erase(found);
  const uint32_t tells_of_others = ended->tells_of_others();
  if (tells_of_others > 0) {
    stopped_.push_back(absl::StrCat(name, ", and with it ", tells_of_others,
                                    tells_of_others == 1 ? " open message" : " open messages",
                                    " of other coordinators"));
  } else {
    stopped_.push_back(name);
  }
  FinishIfAll();
}

void StopAgentsCall::OnStays(const std::string& agent, const absl::Status& why) {
  const Asked asked = unanswered_.at(agent);
  unanswered_.erase(agent);
  problems_.push_back(Problem(asked.name, why));
  for (HostLink* link : asked.links) link->Close();  // It stays: their end is not waited for.
  FinishIfAll();
}

void StopAgentsCall::OnDeadline() {
  const absl::Status late = MakeFailure(
      v1::FAILURE_TIMEOUT, absl::StrCat("no answer within ", absl::FormatDuration(deadline_)));
  for (const auto& [agent, asked] : std::exchange(unanswered_, {})) {
    problems_.push_back(Problem(asked.name, late));
  }
  for (const auto& [link, arrival] : std::exchange(awaited_, {})) {
    link->Retire();
    problems_.push_back(Problem(arrival->name(), late));
  }
  for (const auto& [id, agent] : std::exchange(expected_, {})) {
    problems_.push_back(Problem(agent.name, late));
  }
  FinishIfAll();
}

void StopAgentsCall::FinishIfAll() {
  const bool all = begun_ && unanswered_.empty() && awaited_.empty() && expected_.empty();
  if (!all || done_ == nullptr) return;
  loop_.Post([this, alive = alive_.Watch(), done = std::exchange(done_, nullptr)] {
    if (!alive) return;
    over_ = true;
    done(std::move(stopped_), std::move(problems_));  // May be the last of this.
  });
}

}  // namespace iris
