#include "coordinator/link/team_link.h"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "common/rpc/grpc_client_life.h"
#include "coordinator/link/calls.h"
#include "coordinator/link/lent_env.h"
#include "coordinator/link/resolver.h"
#include "coordinator/link/testing/fake_host.h"
#include "coordinator/link/testing/link_recorder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kPatience = absl::Seconds(60);

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
    EXPECT_TRUE(calls_.WaitForNone(absl::Now() + kPatience));
  }

  void OnLoop(absl::FunctionRef<void()> task) { loop_.Run(task); }
  std::unique_ptr<TeamLink> Make(const std::string& team) {
    return std::make_unique<TeamLink>(
        loop_.loop(), team, "gpu",
        TeamLink::Ways{
            .resolve = [this](Resolver::Then then) { asked_.push_back(std::move(then)); },
            .loan = [this, team] { return loans_[team]; },
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
  // What ssh says to the oldest question.
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
  // The link's next attempt finds that ssh means something else by now, for one of its teams.
  void Move(const std::string& key) {
    hosts_.at(key).AnswerWith(MakeFailure(v1::FAILURE_CANCELLED, "it means another one now"));
    OnLoop([&] { links_.at(key)->moved = true; });
    hosts_.at(key).CutWires();
  }
  void MoveBack(const std::string& key) {
    hosts_.at(key).AnswerWith(absl::OkStatus());
    OnLoop([&] { links_.at(key)->moved = false; });
  }
  // A front end asks something of `team`, and ssh runs with these keys.
  void Lend(TeamLink& team, const std::string& name, const std::string& keys) {
    OnLoop([&] {
      Loan& loan = loans_[name];
      const Environment env = {{"SSH_AUTH_SOCK", keys}};
      const bool is_another = loan.env == nullptr || *loan.env != env;
      loan = {.env = std::make_shared<const Environment>(env), .count = ++lent_};
      team.OnLent(is_another);
    });
  }
  // With which keys the next attempt of that link is made.
  std::string KeysOf(const std::string& key) {
    std::string keys;
    OnLoop([&] {
      const Environment env = links_.at(key)->lent->Get();
      const auto found = env.find("SSH_AUTH_SOCK");
      if (found != env.end()) keys = found->second;
    });
    return keys;
  }
  // Until ssh has been asked so many questions that nobody has answered.
  void WaitForQuestions(size_t count) {
    const absl::Time deadline = absl::Now() + kPatience;
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
  std::map<std::string, Loan> loans_;  // By team.
  uint64_t lent_ = 0;
  int left_ = 0;
  std::map<std::string, std::unique_ptr<SharedLink>> links_;
  LinkRecorder recorder_;
  LinkRecorder other_;
  std::unique_ptr<TeamLink> a_;
  std::unique_ptr<TeamLink> b_;
};

TEST_F(TeamLinkTest, IsAskedForOnceAndThenTheLinkOfThatMeaning) {
  Want(*a_, recorder_);
  Want(*a_, other_);
  EXPECT_EQ(StatusOf(*a_).state(), "connecting");
  EXPECT_EQ(asked_.size(), 1u);
  Answer(std::string("one"));
  EXPECT_THAT(recorder_.WaitFor(1), ElementsAre("up"));
  EXPECT_THAT(other_.WaitFor(1), ElementsAre("up"));
  EXPECT_EQ(hosts_.at("one").attempts(), 1);
  OnLoop([&] {
    EXPECT_NE(a_->life(), nullptr);
    EXPECT_TRUE(a_->was_up());
  });
}

TEST_F(TeamLinkTest, TeamsThatMeanTheSameShareALinkThatIsUpAlready) {
  OnLoop([&] { b_ = Make("b"); });
  Want(*a_, recorder_);
  Answer(std::string("one"));
  recorder_.WaitFor(1);
  Want(*b_, other_);
  OnLoop([&] { EXPECT_EQ(b_->life(), nullptr) << "what it means is not known yet"; });
  Answer(std::string("one"));
  EXPECT_THAT(other_.WaitFor(1), ElementsAre("up"));
  EXPECT_THAT(recorder_.heard(), ElementsAre("up"));
  EXPECT_EQ(hosts_.at("one").attempts(), 1);
}

TEST_F(TeamLinkTest, TeamsThatMeanOtherHostsDoNot) {
  OnLoop([&] { b_ = Make("b"); });
  Want(*a_, recorder_);
  Answer(std::string("one"));
  Want(*b_, other_);
  Answer(std::string("two"));
  recorder_.WaitFor(1);
  other_.WaitFor(1);
  OnLoop([&] { EXPECT_NE(a_->life(), b_->life()); });
}

TEST_F(TeamLinkTest, WhatSshCannotSayNowIsAskedAgainByItself) {
  Want(*a_, recorder_);
  Answer(MakeFailure(v1::FAILURE_TIMEOUT, "DETAIL"));
  EXPECT_THAT(recorder_.WaitFor(1), ElementsAre("down timeout, retries"));
  ASSERT_NO_FATAL_FAILURE(WaitForQuestions(1));
  Answer(std::string("one"));
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("down timeout, retries", "up"));
  EXPECT_FALSE(StatusOf(*a_).has_failure());
}

TEST_F(TeamLinkTest, WhatSshRefusesIsAskedAgainOnlyWhenSomebodyAsks) {
  Want(*a_, recorder_);
  Answer(MakeFailure(v1::FAILURE_BAD_REQUEST, "DETAIL"));
  EXPECT_THAT(recorder_.WaitFor(1), ElementsAre("down bad_request"));
  EXPECT_EQ(StatusOf(*a_).state(), "blocked");
  EXPECT_EQ(StatusOf(*a_).failure().detail(), "DETAIL");
  EXPECT_THAT(asked_, IsEmpty());
  Want(*a_, recorder_);
  Answer(std::string("one"));
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("down bad_request", "up"));
}

TEST_F(TeamLinkTest, NobodyIsLeftWhoWaitsForAnAnswer) {
  Want(*a_, recorder_);
  OnLoop([&] { a_->RemoveObserver(&recorder_); });
  Answer(MakeFailure(v1::FAILURE_TIMEOUT, "DETAIL"));
  EXPECT_EQ(StatusOf(*a_).state(), "down") << "it does not try for nobody";
  Want(*a_, recorder_);
  OnLoop([&] { a_.reset(); });
  Answer(std::string("one"));  // For somebody who is gone.
}

TEST_F(TeamLinkTest, WhatNobodyWantsAnyMoreIsBoundToNothing) {
  Want(*a_, recorder_);
  OnLoop([&] { a_->Unwant(&recorder_); });
  Answer(std::string("one"));
  OnLoop([&] {
    EXPECT_EQ(a_->bound_to(), nullptr);
    EXPECT_THAT(links_, IsEmpty()) << "made for nobody";
  });
  EXPECT_EQ(StatusOf(*a_).state(), "down");
  Want(*a_, recorder_);
  Answer(std::string("two"));
  EXPECT_THAT(recorder_.WaitFor(1), ElementsAre("up"));
  EXPECT_EQ(hosts_.at("one").attempts(), 0);
}

TEST_F(TeamLinkTest, AMeaningThatChangesTakesEveryTeamAlongThatItIsTheMeaningOf) {
  BringBothUp();
  Move("one");
  ASSERT_NO_FATAL_FAILURE(WaitForQuestions(2)) << "each asks with what it was lent";
  Answer(std::string("two"));
  Answer(std::string("two"));
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("up", "up"));
  EXPECT_THAT(other_.WaitFor(2), ElementsAre("up", "up"));
  OnLoop([&] {
    EXPECT_EQ(a_->bound_to(), links_.at("two").get());
    EXPECT_EQ(b_->bound_to(), links_.at("two").get());
    EXPECT_EQ(left_, 2);
  });
  EXPECT_EQ(hosts_.at("two").attempts(), 1);
}

TEST_F(TeamLinkTest, WhatOneTeamsEnvironmentChangesIsNotTheOthersMeaning) {
  BringBothUp();
  Move("one");
  ASSERT_NO_FATAL_FAILURE(WaitForQuestions(2));
  MoveBack("one");
  Answer(std::string("two"));
  Answer(std::string("one"));
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("up", "up"));
  EXPECT_THAT(other_.WaitFor(2), ElementsAre("up", "up"));
  std::set<const SharedLink*> links;
  OnLoop([&] { links = {a_->bound_to(), b_->bound_to()}; });
  EXPECT_EQ(links.size(), 2u) << "both went where one of them leads";
}

TEST_F(TeamLinkTest, AMeaningThatIsAnotherOneEveryTimeIsNotAskedWithoutEnd) {
  waits_ = {.first = absl::Hours(1), .longest = absl::Hours(1)};
  OnLoop([&] { a_ = Make("a"); });
  Want(*a_, recorder_);
  Answer(std::string("one"));
  recorder_.WaitFor(1);
  Move("one");
  ASSERT_NO_FATAL_FAILURE(WaitForQuestions(1));
  Answer(std::string("one"));  // Whose attempt finds another meaning again.
  const absl::Time deadline = absl::Now() + kPatience;
  while (StatusOf(*a_).retry_in_ms() == 0 && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_NE(StatusOf(*a_).retry_in_ms(), 0);
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(TeamLinkTest, WhoeverIsLentAnotherEnvironmentAsksAloneWhatThatMeans) {
  Lend(*a_, "a", "/dev");
  hosts_.at("one").AnswerWith(MakeFailure(v1::FAILURE_BAD_REQUEST, "DETAIL"));
  OnLoop([&] { b_ = Make("b"); });
  Lend(*b_, "b", "/dev-too");
  Want(*a_, recorder_);
  Answer(std::string("one"));
  Want(*b_, other_);
  Answer(std::string("one"));
  recorder_.WaitFor(1);
  other_.WaitFor(1);
  EXPECT_EQ(KeysOf("one"), "/dev-too");

  Lend(*a_, "a", "/dev");
  EXPECT_THAT(asked_, IsEmpty()) << "it is what was lent before";
  EXPECT_EQ(KeysOf("one"), "/dev") << "and the newest";
  Lend(*a_, "a", "/prod");
  ASSERT_NO_FATAL_FAILURE(WaitForQuestions(1));
  EXPECT_EQ(KeysOf("one"), "/dev-too") << "what it means is not known yet";
  OnLoop([&] { EXPECT_EQ(a_->bound_to(), links_.at("one").get()) << "it may be the same"; });
  Answer(std::string("two"));
  OnLoop([&] {
    EXPECT_EQ(a_->bound_to(), links_.at("two").get());
    EXPECT_EQ(b_->bound_to(), links_.at("one").get());
  });
  EXPECT_EQ(KeysOf("one"), "/dev-too");
  EXPECT_EQ(KeysOf("two"), "/prod");
}

TEST_F(TeamLinkTest, ALinkThatIsUpServesWhoeverAsksAndItsLossAsksAnew) {
  BringBothUp();
  Lend(*a_, "a", "/prod");
  EXPECT_THAT(asked_, IsEmpty());
  EXPECT_EQ(KeysOf("one"), "");
  hosts_.at("one").CutWires();
  ASSERT_NO_FATAL_FAILURE(WaitForQuestions(1));
  Answer(std::string("one"));
  EXPECT_THAT(recorder_.WaitFor(3), ElementsAre("up", "down dropped, retries", "up"));
  EXPECT_EQ(KeysOf("one"), "/prod");
}

TEST_F(TeamLinkTest, WhatIsLentWhileItIsAskedIsAskedOnceMore) {
  Lend(*a_, "a", "/dev");
  Want(*a_, recorder_);
  Lend(*a_, "a", "/prod");
  Answer(std::string("one"));
  ASSERT_NO_FATAL_FAILURE(WaitForQuestions(1));
  Lend(*a_, "a", "/another");
  Answer(std::string("two"));
  EXPECT_THAT(recorder_.WaitFor(1), ElementsAre("up")) << "who lends all the time holds it up";
  EXPECT_THAT(asked_, IsEmpty());
  EXPECT_EQ(hosts_.at("one").attempts(), 0);
}

TEST_F(TeamLinkTest, WhoWantsNothingIsAskedForAgainOnlyWhenItDoes) {
  Want(*a_, recorder_);
  Answer(std::string("one"));
  recorder_.WaitFor(1);
  OnLoop([&] { a_->Unwant(&recorder_); });
  Move("one");
  const absl::Time deadline = absl::Now() + kPatience;
  bool bound = true;
  while (bound && absl::Now() < deadline) {
    OnLoop([&] { bound = a_->bound_to() != nullptr; });
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_FALSE(bound);
  EXPECT_EQ(hosts_.at("two").attempts(), 0);
  Want(*a_, recorder_);
  Answer(std::string("two"));
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("up", "up"));
}

TEST_F(TeamLinkTest, ATeamThatIsNotConfiguredAnyMoreLeavesWhenNobodyWaits) {
  BringBothUp();
  OnLoop([&] { a_->SetConfigured(false); });
  OnLoop([&] {
    EXPECT_NE(a_->bound_to(), nullptr) << "somebody waits for an answer";
    a_->SetUrgent(&recorder_, false);
    a_->SetUrgent(&recorder_, true);  // For the next one, at once.
  });
  OnLoop([&] {
    EXPECT_NE(a_->bound_to(), nullptr);
    a_->SetUrgent(&recorder_, false);
  });
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("up", "down dropped"));
  OnLoop([&] {
    EXPECT_EQ(a_->bound_to(), nullptr);
    EXPECT_EQ(left_, 1);
    EXPECT_NE(b_->life(), nullptr) << "it is the other team's too";
  });
  EXPECT_THAT(other_.heard(), ElementsAre("up"));
  // And is configured again.
  OnLoop([&] { a_->SetConfigured(true); });
  Want(*a_, recorder_);
  Answer(std::string("two"));
  EXPECT_THAT(recorder_.WaitFor(3), ElementsAre("up", "down dropped", "up"));
}

TEST_F(TeamLinkTest, WhatIsClosedEndsAlsoInTheMiddleOfAnAttempt) {
  for (const bool held : {false, true}) {
    if (held) hosts_.at("one").Hold();
    LinkRecorder recorder;
    OnLoop([&] {
      HostLink& link = *Find("one").link;
      link.AddObserver(&recorder);
      link.Want(&recorder);
    });
    if (!held) recorder.WaitFor(1);
    const absl::Time deadline = absl::Now() + kPatience;
    bool closed = false;
    while (!closed && absl::Now() < deadline) {
      OnLoop([&] {
        links_.at("one")->link->Close();
        closed = links_.at("one")->link->closed();
      });
      absl::SleepFor(absl::Milliseconds(5));
    }
    EXPECT_TRUE(closed);
    OnLoop([&] { links_.clear(); });
  }
}

class ResolverTest : public ::testing::Test {
 protected:
  static SshTarget Target(const std::string& destination) {
    SshTarget target;
    target.remote.program = "ssh";
    target.remote.destination = destination;
    return target;
  }
  LoopThread loop_;
};

TEST_F(ResolverTest, OneThatTakesItsTimeHoldsUpNobodyElse) {
  absl::Notification slow_may_end;
  absl::Notification fast_answered;
  absl::Notification slow_answered;
  std::unique_ptr<Resolver> resolver;
  loop_.loop().Post([&] {
    resolver = std::make_unique<Resolver>(
        loop_.loop(), [&](const SshTarget& target, const std::atomic<bool>*) {
          if (target.remote.destination == "slow") slow_may_end.WaitForNotification();
          return absl::StatusOr<ResolvedTarget>(ResolvedTarget{.target = target});
        });
    resolver->Ask(Target("slow"), [&](const auto&) { slow_answered.Notify(); });
    resolver->Ask(Target("fast"), [&](const auto&) { fast_answered.Notify(); });
  });
  EXPECT_TRUE(fast_answered.WaitForNotificationWithTimeout(kPatience));
  EXPECT_FALSE(slow_answered.HasBeenNotified());
  slow_may_end.Notify();
  EXPECT_TRUE(slow_answered.WaitForNotificationWithTimeout(kPatience));
  loop_.Run([&] { resolver.reset(); });
}

TEST_F(ResolverTest, WhatIsBeingAskedIsAskedOnce) {
  std::atomic<int> runs = 0;
  absl::Notification may_end;
  absl::Notification all;
  std::unique_ptr<Resolver> resolver;
  int answers = 0;
  loop_.loop().Post([&] {
    resolver = std::make_unique<Resolver>(
        loop_.loop(), [&](const SshTarget& target, const std::atomic<bool>*) {
          ++runs;
          may_end.WaitForNotification();
          return absl::StatusOr<ResolvedTarget>(ResolvedTarget{.target = target});
        });
    for (int i = 0; i < 20; ++i) {
      resolver->Ask(Target("gpu"), [&](const auto&) {
        if (++answers == 20) all.Notify();
      });
    }
    may_end.Notify();
  });
  EXPECT_TRUE(all.WaitForNotificationWithTimeout(kPatience));
  EXPECT_EQ(runs, 1);
  loop_.Run([&] { resolver.reset(); });
}

}  // namespace
}  // namespace iris
