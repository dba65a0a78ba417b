#ifndef IRIS_COORDINATOR_LINK_TEAM_LINK_FIXTURE_H_
#define IRIS_COORDINATOR_LINK_TEAM_LINK_FIXTURE_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "common/rpc/grpc_client_life.h"
#include "coordinator/link/calls.h"
#include "coordinator/link/host_link.h"
#include "coordinator/link/lent_env.h"
#include "coordinator/link/link.h"
#include "coordinator/link/resolver.h"
#include "coordinator/link/retry.h"
#include "coordinator/link/target.h"
#include "coordinator/link/team_link.h"
#include "coordinator/link/testing/fake_host.h"
#include "coordinator/link/testing/link_recorder.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/coordinator.pb.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {

inline constexpr absl::Duration kTeamLinkPatience = absl::Seconds(60);

// Teams `a` and `b` before hosts `one` and `two`; the test says what they mean.
class TeamLinkTest : public ::testing::Test {
 protected:
  TeamLinkTest() {
    KeepGrpcClientThreads();
    OnLoop([this] { a_ = Make("a"); });
  }
  ~TeamLinkTest() override {
    OnLoop([this] {
      a_.reset();
      b_.reset();
      links_.clear();
    });
    EXPECT_TRUE(calls_.WaitForNone(absl::Now() + kTeamLinkPatience));
  }

  void OnLoop(absl::FunctionRef<void()> task) { loop_.Run(task); }
  std::unique_ptr<TeamLink> Make(const std::string& team) {
    return std::make_unique<TeamLink>(
        loop_.loop(), team, "gpu",
        TeamLink::Ways{
            .resolve =
                [this](const SharedEnvironment& env, Resolver::Then then) {
                  asked_with_.push_back(KeysIn(env));
                  asked_.push_back(std::move(then));
                },
            .find = [this](const ResolvedTarget& to) -> SharedLink& { return Find(to.key); },
            .left = [this] { ++left_; }},
        waits_);
  }
  SharedLink& Find(const std::string& key) {
    std::unique_ptr<SharedLink>& shared = links_[key];
    if (shared == nullptr) {
      shared = std::make_unique<SharedLink>();
      shared->key = shared->name = key;
      shared->lent = std::make_shared<LentEnv>();
      shared->link =
          std::make_unique<HostLink>(loop_.loop(), calls_, key, hosts_.at(key).MakeConnector());
    }
    return *shared;
  }
  void Want(TeamLink& team, LinkRecorder& recorder) {
    OnLoop([&] {
      team.AddObserver(&recorder);
      team.Want(&recorder);
    });
  }
  // The answer to the oldest question.
  void Answer(const absl::StatusOr<std::string>& key) {
    OnLoop([&] {
      ASSERT_FALSE(asked_.empty());
      const Resolver::Then then = asked_.front();
      asked_.erase(asked_.begin());
      if (!key.ok()) return then(key.status());
      ResolvedTarget resolved;
      resolved.key = resolved.name = *key;
      then(resolved);
    });
  }
  // The link's next attempt finds that something else is meant by now, for one of those on it.
  void Move(const std::string& key) {
    hosts_.at(key).AnswerWith(MakeFailure(v1::FAILURE_CANCELLED, "it means another one now"));
    OnLoop([&] { links_.at(key)->moved = true; });
    hosts_.at(key).CutWires();
  }
  void MoveBack(const std::string& key) {
    hosts_.at(key).AnswerWith(absl::OkStatus());
    OnLoop([&] { links_.at(key)->moved = false; });
  }
  // Somebody with these keys is to be served.
  void Lend(TeamLink& team, const std::string& keys) {
    OnLoop([&] { team.Lend(std::make_shared<const Environment>(Environment{{"KEYS", keys}})); });
  }
  static std::string KeysIn(const SharedEnvironment& env) {
    return env == nullptr ? "" : env->at("KEYS");
  }
  std::shared_ptr<LinkLife> LifeOf(TeamLink& team) {
    std::shared_ptr<LinkLife> life;
    OnLoop([&] { life = team.life(); });
    return life;
  }
  // With which keys the next attempt of that link is made.
  std::string KeysOf(const std::string& key) {
    std::string keys;
    OnLoop([&] {
      const Environment env = links_.at(key)->lent->Get();
      const auto found = env.find("KEYS");
      if (found != env.end()) keys = found->second;
    });
    return keys;
  }
  // Until so many questions have been asked that nobody has answered.
  void WaitForQuestions(size_t count) {
    const absl::Time deadline = absl::Now() + kTeamLinkPatience;
    size_t asked = 0;
    while (asked < count && absl::Now() < deadline) {
      OnLoop([&] { asked = asked_.size(); });
      absl::SleepFor(absl::Milliseconds(5));
    }
    ASSERT_EQ(asked, count);
  }
  // Two teams over one link, each with somebody who waits.
  void BringBothUp() {
    OnLoop([&] { b_ = Make("b"); });
    for (TeamLink* team : {a_.get(), b_.get()}) {
      Want(*team, team == a_.get() ? recorder_ : other_);
      Answer(std::string("one"));
    }
    recorder_.WaitFor(1);
    other_.WaitFor(1);
  }
  v1::LinkStatus StatusOf(TeamLink& team) {
    v1::LinkStatus status;
    OnLoop([&] { status = team.Status(); });
    return status;
  }

  std::map<std::string, FakeHost> hosts_ = [] {
    std::map<std::string, FakeHost> hosts;
    hosts["one"];
    hosts["two"];
    return hosts;
  }();
  Backoff::Limits waits_;
  LoopThread loop_;
  OutstandingCalls calls_;
  std::vector<Resolver::Then> asked_;
  std::vector<std::string> asked_with_;  // The keys in all questions.
  int left_ = 0;
  std::map<std::string, std::unique_ptr<SharedLink>> links_;
  LinkRecorder recorder_;
  LinkRecorder other_;
  std::unique_ptr<TeamLink> a_;
  std::unique_ptr<TeamLink> b_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_TEAM_LINK_FIXTURE_H_
