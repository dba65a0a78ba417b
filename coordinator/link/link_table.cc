#include "coordinator/link/link_table.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "common/base/alive_flag.h"
#include "common/environment/environment.h"
#include "common/log/log.h"
#include "coordinator/link/agent_calls.h"
#include "coordinator/link/agent_stops.h"
#include "coordinator/link/attempt_notes.h"
#include "coordinator/link/calls.h"
#include "coordinator/link/connection_pace.h"
#include "coordinator/link/fresh_answer.h"
#include "coordinator/link/host_link.h"
#include "coordinator/link/host_report.h"
#include "coordinator/link/lent_env.h"
#include "coordinator/link/link_names.h"
#include "coordinator/link/login_bar.h"
#include "coordinator/link/placed_agents.h"
#include "coordinator/link/resolver.h"
#include "coordinator/link/target_connector.h"
#include "coordinator/link/team_link.h"
#include "coordinator/link/wake_watch.h"

namespace iris {
namespace {

constexpr char kLocal[] = "local";
constexpr absl::Duration kCallsEnd = absl::Seconds(20);

// Nothing: the team is on this machine.
absl::optional<RemoteWay> WayOf(const Team& team) {
  if (!team.remote.has_value()) return absl::nullopt;
  return RemoteWay{.remote = *team.remote, .options = team.remote_options};
}

class HostLinkTable final : public LinkTable, private LinkObserver {
 public:
  HostLinkTable(EventLoop& loop, LinkTableOptions options)
      : loop_(loop),
        options_(std::move(options)),
        resolver_(loop),
        stops_(loop, resolver_,
               {.target_of = options_.target_of,
                .hello_here = options_.hello_here,
                .coordinator_id = options_.coordinator_id,
                .placed = options_.placed},
               [this] { SweepSoon(); }),
        wake_watch_(WakeWatch::Start(loop, [this] { WokeUp(); })) {}

  ~HostLinkTable() override {
    alive_.Clear();
    stops_.Clear();
    team_links_.clear();
    links_.clear();
    // Their callbacks post to the loop. Longer than any call here takes, cancelled or not.
    if (!calls_.WaitForNone(absl::Now() + kCallsEnd)) LogError("calls on links did not end");
  }

  Link& MakeFor(const Team& team) override;

  void KeepTeams(const std::set<std::string>& names) override {
    for (auto& [name, entry] : team_links_) entry.link->SetConfigured(names.count(name) > 0);
    SweepSoon();
  }

  std::vector<v1::LinkStatus> Status() const override;

  void AskHosts(HostReportsDone done) override;
  void StopAgents(bool force, const SharedEnvironment& env, StopAgentsDone done) override;

 private:
  struct TeamEntry {
    absl::optional<RemoteWay> way;
    std::unique_ptr<TeamLink> link;
  };
  // Of one AskHosts().
  struct Asking {
    // Hosts that have not answered, and one for AskHosts() itself: an answer that comes while other
    // hosts are still being asked does not end it.
    size_t left = 1;
    std::vector<HostReport> reports;
    HostReportsDone done;
    void OneDone() {
      if (--left == 0) done(reports);
    }
  };

  std::unique_ptr<TeamLink> MakeTeamLink(const Team& team);
  SharedLink& Local();
  SharedLink& Find(const ResolvedTarget& resolved);
  std::shared_ptr<LoginBar> BarOf(const std::string& key);
  void OnMoved(const std::string& id);
  void WokeUp();
  void SweepSoon();
  void Sweep();
  // Of all links but that to the agent here.
  void OnLinkProgress(const ConnectProgress&) override {}
  void OnLinkUp(const std::shared_ptr<LinkLife>& life) override {
    NotePlace(life);
    SweepSoon();
  }
  void OnLinkDown(const absl::Status&, bool) override { SweepSoon(); }
  bool InUse(const SharedLink& shared) const;
  std::set<std::string> TeamsOn(const SharedLink& shared) const;
  template <typename Visit>
  void ForEachTeamLink(Visit visit) const;

  void NotePlace(const std::shared_ptr<LinkLife>& life);

  EventLoop& loop_;
  const LinkTableOptions options_;
  OutstandingCalls calls_;
  Resolver resolver_;
  // In the order of their ids, that of the local agent first.
  std::vector<std::unique_ptr<SharedLink>> links_;
  uint64_t last_id_ = 0;
  std::map<std::string, std::shared_ptr<LoginBar>> bars_;  // By ResolvedTarget::key.
  const std::shared_ptr<ConnectionPace> pace_ = std::make_shared<ConnectionPace>();
  std::multimap<std::string, TeamEntry> team_links_;  // By the team's name, one a session.
  AgentStops stops_;                                  // They use links.
  bool sweeping_ = false;                             // Posted.
  AliveFlag alive_;                                   // For what was posted.
  const std::unique_ptr<WakeWatch> wake_watch_;
};

// ---------------------------------------------------------------------------------- whose is which

// A session whose settings have changed comes back at once, and its connection is to stay.
Link& HostLinkTable::MakeFor(const Team& team) {
  const auto [begin, end] = team_links_.equal_range(team.name);
  for (auto entry = begin; entry != end; ++entry) {
    const bool is_same = entry->second.way == WayOf(team);
    if (is_same && !entry->second.link->used()) return *entry->second.link;
  }
  TeamEntry made = {.way = WayOf(team), .link = MakeTeamLink(team)};
  return *team_links_.emplace(team.name, std::move(made))->second.link;
}

std::unique_ptr<TeamLink> HostLinkTable::MakeTeamLink(const Team& team) {
  const absl::optional<RemoteWay> way = WayOf(team);
  if (!way.has_value()) return std::make_unique<TeamLink>(loop_, team.name, Local());
  const TargetPtr target = options_.target_of(*way);
  return std::make_unique<TeamLink>(
      loop_, team.name, way->remote.destination,
      TeamLink::Ways{.resolve =
                         [this, target](const SharedEnvironment& env, Resolver::Then then) {
                           resolver_.Ask(target->For(env == nullptr ? Environment() : *env),
                                         std::move(then));
                         },
                     .find = [this](const ResolvedTarget& to) -> SharedLink& { return Find(to); },
                     .left = [this] { SweepSoon(); },
                     .resolving = target->resolving()});
}

SharedLink& HostLinkTable::Local() {
  if (!links_.empty() && links_.front()->is_local()) return *links_.front();
  auto shared = std::make_unique<SharedLink>();
  shared->id = shared->name = shared->written = kLocal;
  shared->link = std::make_unique<HostLink>(loop_, calls_, kLocal, options_.connect_here());
  return **links_.insert(links_.begin(), std::move(shared));
}

SharedLink& HostLinkTable::Find(const ResolvedTarget& resolved) {
  for (const std::unique_ptr<SharedLink>& shared : links_) {
    if (shared->key != resolved.key || shared->closing) continue;
    shared->moved = false;  // And back.
    shared->answer->Note(resolved);
    return *shared;
  }
  auto shared = std::make_unique<SharedLink>();
  shared->id = absl::StrCat("link-", ++last_id_);
  shared->key = resolved.key;
  shared->name = resolved.name;
  shared->way = resolved.target->way();
  shared->written = shared->way.remote.destination;
  shared->lent = std::make_shared<LentEnv>();
  shared->answer = std::make_shared<FreshAnswer>();
  shared->answer->Note(resolved);
  TargetConnectorOptions options = {.lent_env = [lent = shared->lent] { return lent->Get(); },
                                    .on_moved =
                                        [this, alive = alive_.Watch(), id = shared->id] {
                                          loop_.Post([this, alive, id] {
                                            if (alive) OnMoved(id);
                                          });
                                        },
                                    .answer = shared->answer,
                                    .bar = BarOf(resolved.key),
                                    .pace = pace_};
  HostLinkOptions link_options;
  link_options.identity = LinkIdentity(options_.coordinator_id, resolved.key);
  NoteAttempts(options_.placed, shared->name, shared->way, link_options);
  shared->link = std::make_unique<HostLink>(loop_, calls_, resolved.name,
                                            MakeTargetConnector(resolved, std::move(options)),
                                            std::move(link_options));
  shared->link->AddObserver(this);
  return *links_.emplace_back(std::move(shared));
}

// It outlives the link: what moves to another one and back has not been mended by that.
std::shared_ptr<LoginBar> HostLinkTable::BarOf(const std::string& key) {
  std::erase_if(bars_, [](const auto& entry) {
    return entry.second.use_count() == 1 && entry.second->open();
  });
  std::shared_ptr<LoginBar>& bar = bars_[key];
  if (bar == nullptr) bar = std::make_shared<LoginBar>();
  return bar;
}

// The attempt that found it fails next, and then each of those who use it asks where it belongs.
void HostLinkTable::OnMoved(const std::string& id) {
  for (const std::unique_ptr<SharedLink>& shared : links_) {
    if (shared->id == id) shared->moved = true;
  }
}

void HostLinkTable::WokeUp() {
  for (const std::unique_ptr<SharedLink>& shared : links_) shared->link->WokeUp();
  ForEachTeamLink([](TeamLink& team) { team.WokeUp(); });
}

template <typename Visit>
void HostLinkTable::ForEachTeamLink(Visit visit) const {
  for (const auto& [name, entry] : team_links_) visit(*entry.link);
}

bool HostLinkTable::InUse(const SharedLink& shared) const {
  bool used = false;
  ForEachTeamLink([&](TeamLink& team) { used = used || team.bound_to() == &shared; });
  return used;
}

// Later: it may be one of those that are to go who says so.
void HostLinkTable::SweepSoon() {
  if (std::exchange(sweeping_, true)) return;
  loop_.Post([this, alive = alive_.Watch()] {
    if (alive) Sweep();
  });
}

void HostLinkTable::Sweep() {
  sweeping_ = false;
  const auto drop_if = [](auto& all, auto may_go) {
    all.erase(std::remove_if(all.begin(), all.end(), may_go), all.end());
  };
  std::erase_if(team_links_, [](const auto& entry) { return !entry.second.link->used(); });
  if (stops_.any()) return;  // They use the links; the end of the last one comes here again.
  for (const std::unique_ptr<SharedLink>& shared : links_) {
    if (shared->is_local() || InUse(*shared)) continue;
    shared->closing = true;
    shared->link->Close();  // Whether it has ended is looked at when it says something.
  }
  drop_if(links_, [](const auto& shared) { return shared->closing && shared->link->closed(); });
}

// ------------------------------------------------------------------------------------ how they are

std::vector<v1::LinkStatus> HostLinkTable::Status() const {
  std::vector<v1::LinkStatus> all;
  std::vector<std::string> written;
  std::map<std::string, std::string> agents;  // AgentOf() to the first link's id.
  std::set<std::string> shown;                // Teams.
  for (const std::unique_ptr<SharedLink>& shared : links_) {
    v1::LinkStatus& status = all.emplace_back(shared->link->Status());
    status.set_id(shared->id);
    for (const std::string& team : TeamsOn(*shared)) {
      status.add_teams(team);
      shown.insert(team);
    }
    written.push_back(shared->written);
    if (const std::shared_ptr<LinkLife> life = shared->link->life(); life != nullptr) {
      const auto [first, is_first] = agents.emplace(AgentOf(life->hello), shared->id);
      if (!is_first) status.set_same_agent_as(first->second);
    }
  }
  std::set<std::string> without;  // Of a team's sessions on no connection one is enough.
  for (const auto& [name, entry] : team_links_) {
    if (entry.link->bound_to() != nullptr || !entry.link->configured()) continue;
    v1::LinkStatus status = entry.link->Status();
    const bool says_more = status.has_failure() || status.state() != v1::LinkStatus::DOWN;
    if (shown.count(name) > 0 && !says_more) continue;
    if (!without.insert(name).second) continue;
    status.set_id(absl::StrCat("team-", name));
    status.add_teams(name);
    written.push_back(status.key());
    all.push_back(std::move(status));
  }
  DistinguishLinks(written, all);
  return all;
}

std::set<std::string> HostLinkTable::TeamsOn(const SharedLink& shared) const {
  std::set<std::string> teams;
  for (const auto& [name, entry] : team_links_) {
    if (entry.link->bound_to() == &shared) teams.insert(name);
  }
  return teams;
}

void HostLinkTable::AskHosts(HostReportsDone done) {
  auto asking = std::make_shared<Asking>();
  asking->done = std::move(done);
  std::set<std::string> agents;
  for (const std::unique_ptr<SharedLink>& shared : links_) {
    const std::shared_ptr<LinkLife> life = shared->link->life();
    if (life == nullptr || !agents.insert(AgentOf(life->hello)).second) continue;
    ++asking->left;
    AskHost(life, [asking, id = shared->id](absl::optional<HostReport> report) {
      if (report.has_value()) {
        report->link_id = id;
        asking->reports.push_back(*std::move(report));
      }
      asking->OneDone();
    });
  }
  asking->OneDone();
}

void HostLinkTable::NotePlace(const std::shared_ptr<LinkLife>& life) {
  if (options_.placed == nullptr) return;
  for (const std::unique_ptr<SharedLink>& shared : links_) {
    if (shared->is_local() || shared->link->life() != life) continue;
    options_.placed->Note(PlaceOf(life->hello), shared->name, shared->way);
    options_.placed->Forget(PlaceOfAttempt(shared->way, life->identity));
  }
}

void HostLinkTable::StopAgents(bool force, const SharedEnvironment& env, StopAgentsDone done) {
  ForEachTeamLink([](TeamLink& team) { team.Retire(); });
  const AgentStops::Linked here = {.link = *Local().link, .name = kLocal};
  std::vector<AgentStops::Linked> others;
  for (const std::unique_ptr<SharedLink>& shared : links_) {
    if (!shared->is_local()) others.push_back({.link = *shared->link, .name = shared->name});
  }
  stops_.Stop(
      force, env, here, others,
      [this, env](const ResolvedTarget& to) -> HostLink& {
        SharedLink& shared = Find(to);
        shared.lent->Lend(nullptr, env);
        return *shared.link;
      },
      std::move(done));
}

}  // namespace

std::unique_ptr<LinkTable> MakeLinkTable(EventLoop& loop, LinkTableOptions options) {
  return std::make_unique<HostLinkTable>(loop, std::move(options));
}

}  // namespace iris
