#include "coordinator/link/link_table.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/endpoint/endpoint.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "common/rpc/grpc_failure.h"
#include "coordinator/bootstrap/bootstrap.h"
#include "coordinator/link/connectors.h"
#include "coordinator/link/host_link.h"
#include "coordinator/link/host_report.h"
#include "coordinator/link/wake_watch.h"

namespace iris {
namespace {

constexpr absl::Duration kAskHosts = absl::Seconds(1);
constexpr absl::Duration kStopAgents = absl::Seconds(15);
constexpr absl::Duration kCallsEnd = absl::Seconds(20);

// What front ends have lent; read by links' threads.
class LentEnv {
 public:
  void Set(const std::map<std::string, std::string>& env) {
    absl::MutexLock lock(&mutex_);
    env_ = env;
  }
  std::map<std::string, std::string> Get() const {
    absl::MutexLock lock(&mutex_);
    return env_;
  }

 private:
  mutable absl::Mutex mutex_;
  std::map<std::string, std::string> env_ ABSL_GUARDED_BY(mutex_);
};

// Hears once how a Want() ended: null = it failed.
class FirstAnswer final : public LinkObserver {
 public:
  using Then = std::function<void(const std::shared_ptr<LinkLife>&)>;
  explicit FirstAnswer(Then then) : then_(std::move(then)) {}
  void OnLinkProgress(const BootstrapProgress&) override {}
  void OnLinkUp(const std::shared_ptr<LinkLife>& life) override { Answer(life); }
  void OnLinkDown(const absl::Status&, bool) override { Answer(nullptr); }

 private:
  void Answer(const std::shared_ptr<LinkLife>& life) {
    if (then_) std::exchange(then_, nullptr)(life);
  }
  Then then_;
};

class HostLinkTable final : public LinkTable {
 public:
  HostLinkTable(EventLoop& loop, LinkTableOptions options)
      : loop_(loop), options_(std::move(options)), wake_watch_(WakeWatch::Start(loop, [this] {
          for (auto& [key, entry] : entries_) {
            if (entry.link != nullptr) entry.link->WokeUp();
          }
        })) {}

  ~HostLinkTable() override {
    entries_.clear();
    // Their callbacks post to the loop. Longer than any call here takes, cancelled or not.
    if (!calls_.WaitForNone(absl::Now() + kCallsEnd)) LogError("calls on links did not end");
  }

  Link& ForTeam(const Team& team) override {
    const std::string key = KeyOf(team);
    HostLink& link = LinkOf(key, team);
    for (auto& [other, entry] : entries_) entry.teams.erase(team.name);
    entries_[key].teams.insert(team.name);
    return link;
  }

  std::vector<v1::LinkStatus> Status() const override {
    std::vector<v1::LinkStatus> all;
    for (const auto& [key, entry] : entries_) {
      v1::LinkStatus& status = all.emplace_back(entry.link->Status());
      status.mutable_teams()->Assign(entry.teams.begin(), entry.teams.end());
    }
    return all;
  }

  void AskHosts(HostReportsDone done) override;
  void StopAgents(std::function<void(int, std::vector<std::string>)> done) override;

  void Lend(const std::map<std::string, std::string>& env) override { lent_->Set(env); }
  OutstandingCalls& calls() override { return calls_; }

 private:
  struct Entry {
    std::unique_ptr<HostLink> link;
    std::set<std::string> teams;
  };
  // Of one AskHosts().
  struct Asking {
    size_t left = 1;  // One for the call itself.
    std::vector<HostReport> reports;
    HostReportsDone done;
    void OneDone() {
      if (--left == 0) done(reports);
    }
  };
  // Of one StopAgents().
  struct Stopping {
    size_t left = 1;  // One for the call itself.
    int stopped = 0;
    std::vector<std::string> problems;
    std::function<void(int, std::vector<std::string>)> done;
    void OneDone() {
      if (--left == 0) done(stopped, std::move(problems));
    }
  };

  HostLink& LinkOf(const std::string& key, const Team& team) {
    Entry& entry = entries_[key];
    if (entry.link == nullptr) {
      entry.link = std::make_unique<HostLink>(loop_, calls_, key.substr(0, key.find(' ')),
                                              MakeConnector(team));
    }
    return *entry.link;
  }

  std::string KeyOf(const Team& team) {
    if (!team.remote.has_value()) return "local";
    const SshTarget target = TargetOf(team);
    for (const auto& [known, key] : resolved_) {
      if (known.remote == target.remote && known.options == target.options) return key;
    }
    const absl::StatusOr<std::string> resolved = ResolveTarget(target);
    // What ssh refuses to resolve it refuses to connect too, and says so then.
    std::string key = resolved.ok() ? *resolved : team.remote->text;
    // Teams that ask for different modes cannot share a link.
    if (target.options.link_mode != RemoteOptions::LinkMode::kAuto) {
      absl::StrAppend(&key, " mode=", static_cast<int>(target.options.link_mode));
    }
    if (resolved.ok()) resolved_.emplace_back(target, key);
    return key;
  }

  SshTarget TargetOf(const Team& team) const {
    return {.remote = *team.remote, .options = team.remote_options, .lent_env = lent_->Get()};
  }

  std::unique_ptr<Connector> MakeConnector(const Team& team) {
    if (!team.remote.has_value()) return MakeLocalConnector(*options_.bundle, options_.iris_home);
    return MakeSshConnector(*options_.bundle, TargetOf(team), options_.runtime_dir,
                            [lent = lent_] { return lent->Get(); });
  }

  void AskOne(const std::string& key, const std::shared_ptr<LinkLife>& life,
              const std::shared_ptr<Asking>& asking);
  void StopOne(HostLink& link, const std::shared_ptr<LinkLife>& life,
               const std::shared_ptr<Stopping>& stopping);

  EventLoop& loop_;
  const LinkTableOptions options_;
  OutstandingCalls calls_;
  const std::shared_ptr<LentEnv> lent_ = std::make_shared<LentEnv>();
  std::vector<std::pair<SshTarget, std::string>> resolved_;
  std::map<std::string, Entry> entries_;
  std::unique_ptr<FirstAnswer> local_stop_;  // Of StopAgents().
  const std::unique_ptr<WakeWatch> wake_watch_;
};

// The two questions go at once; a host that fails one of them has no report.
void HostLinkTable::AskOne(const std::string& key, const std::shared_ptr<LinkLife>& life,
                           const std::shared_ptr<Asking>& asking) {
  using HostCall = UnaryCall<v1::GetHostRequest, v1::GetHostResponse>;
  using ListCall = UnaryCall<v1::ListRequest, v1::ListResponse>;
  struct Answers {
    HostReport report;
    int good = 0;
  };
  auto answers = std::make_shared<Answers>();
  answers->report.key = key;
  asking->left += 2;
  const auto one_done = [asking, answers](const grpc::Status& status) {
    if (status.ok() && ++answers->good == 2) asking->reports.push_back(std::move(answers->report));
    asking->OneDone();
  };
  const absl::Time deadline = absl::Now() + kAskHosts;
  const auto host = HostCall::Make(
      loop_, calls_, deadline, [answers, one_done, life](HostCall& call, const grpc::Status& s) {
        answers->report.host = std::move(call.response);
        one_done(s);
      });
  life->stub->async()->GetHost(&host->context, &host->request, &host->response, host->Done());
  const auto list = ListCall::Make(
      loop_, calls_, deadline, [answers, one_done, life](ListCall& call, const grpc::Status& s) {
        answers->report.sessions = std::move(call.response);
        one_done(s);
      });
  life->stub->async()->List(&list->context, &list->request, &list->response, list->Done());
}

void HostLinkTable::AskHosts(HostReportsDone done) {
  auto asking = std::make_shared<Asking>();
  asking->done = std::move(done);
  for (const auto& [key, entry] : entries_) {
    const std::shared_ptr<LinkLife> life = entry.link->life();
    if (life != nullptr) AskOne(entry.link->Status().key(), life, asking);
  }
  asking->OneDone();
}

void HostLinkTable::StopOne(HostLink& link, const std::shared_ptr<LinkLife>& life,
                            const std::shared_ptr<Stopping>& stopping) {
  link.Retire();
  ++stopping->left;
  using Call = UnaryCall<v1::ShutdownRequest, v1::ShutdownResponse>;
  const std::shared_ptr<Call> call = Call::Make(
      loop_, calls_, absl::Now() + kStopAgents,
      [stopping, name = link.Status().key(), life](Call&, const grpc::Status& status) {
        if (status.ok()) {
          ++stopping->stopped;
        } else {
          stopping->problems.push_back(
              Describe(ToProto(FromGrpcStatus(status, absl::StrCat("agent on ", name)))));
        }
        stopping->OneDone();
      });
  life->stub->async()->Shutdown(&call->context, &call->request, &call->response, call->Done());
}

void HostLinkTable::StopAgents(std::function<void(int, std::vector<std::string>)> done) {
  auto stopping = std::make_shared<Stopping>();
  stopping->done = std::move(done);
  for (const auto& [key, entry] : entries_) {
    if (const std::shared_ptr<LinkLife> life = entry.link->life(); life != nullptr) {
      StopOne(*entry.link, life, stopping);
    }
  }
  // The local agent may run from an earlier life of this coordinator; it is not started to be
  // stopped.
  HostLink& local = LinkOf("local", Team());
  const absl::StatusOr<Endpoint> endpoint = FindEndpoint("agent", options_.iris_home);
  if (local.life() == nullptr && endpoint.ok() &&
      Dial(endpoint->socket, absl::InfinitePast()).ok()) {
    ++stopping->left;
    local_stop_ = std::make_unique<FirstAnswer>([this, &local, stopping](auto& life) {
      local.Retire();
      if (life != nullptr) StopOne(local, life, stopping);
      stopping->OneDone();
    });
    local.AddObserver(local_stop_.get());
    local.Want(local_stop_.get());
  }
  stopping->OneDone();
}

}  // namespace

std::unique_ptr<LinkTable> MakeLinkTable(EventLoop& loop, LinkTableOptions options) {
  return std::make_unique<HostLinkTable>(loop, std::move(options));
}

}  // namespace iris
