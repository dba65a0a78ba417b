#include "coordinator/link/link_table.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "common/rpc/grpc_client_life.h"
#include "coordinator/config/config.h"
#include "coordinator/link/connection.h"
#include "coordinator/link/link.h"
#include "coordinator/link/placed_agents.h"
#include "coordinator/link/stop_reach.h"
#include "coordinator/link/target.h"
#include "coordinator/link/testing/fake_host.h"
#include "coordinator/link/testing/fake_target.h"
#include "coordinator/link/testing/link_recorder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr absl::Duration kPatience = absl::Seconds(60);

// On the loop, as the table.
class FakePlaces : public PlacedAgents {
 public:
  void Note(const std::string&, const std::string&, const RemoteWay&) override {}
  void Forget(const std::string& place) override { forgotten.push_back(place); }
  void NoteAttempt(const std::string&, const std::string& name, const RemoteWay&) override {
    attempts.push_back("to " + name);
  }
  void NoteAttemptEnd(const std::string&, bool may_have_started) override {
    attempts.push_back(may_have_started ? "may have started one" : "has started none");
  }
  void NoteTried(const std::vector<std::string>& places) override { tried = places; }
  absl::StatusOr<std::vector<PlacedAgent>> All(const SharedEnvironment& env) override {
    asker = env;
    return all;
  }

  std::vector<std::string> forgotten;
  std::vector<std::string> attempts;
  std::vector<std::string> tried;
  SharedEnvironment asker;
  std::vector<PlacedAgent> all;
};

// With which keys something was done. Thread-safe.
class KeyNotes {
 public:
  void Add(const std::string& keys) {
    absl::MutexLock lock(&mutex_);
    all_.insert(keys);
    ++count_;
  }
  void Clear() {
    absl::MutexLock lock(&mutex_);
    all_.clear();
    count_ = 0;
  }
  std::set<std::string> all() const {
    absl::MutexLock lock(&mutex_);
    return all_;
  }
  size_t count() const {
    absl::MutexLock lock(&mutex_);
    return count_;
  }

 private:
  mutable absl::Mutex mutex_;
  std::set<std::string> all_ ABSL_GUARDED_BY(mutex_);
  size_t count_ ABSL_GUARDED_BY(mutex_) = 0;
};

class LinkTableTest : public ::testing::Test {
 protected:
  LinkTableTest() {
    KeepGrpcClientThreads();
    loop_.Run([this] {
      table_ =
          MakeLinkTable(loop_.loop(), {.target_of =
                                           [this](const RemoteWay& way) {
                                             return FakeTarget::Make(
                                                 way, {.resolve = resolve_, .connect = connect_});
                                           },
                                       .connect_here = [this] { return host_.MakeConnector(); },
                                       .hello_here = [this] { return hello_here_; },
                                       .coordinator_id = "us",
                                       .placed = &places_});
    });
  }
  ~LinkTableTest() override {
    loop_.Run([this] { table_.reset(); });
  }

  // It is noted with whose keys targets are asked what they mean, and tried to connect; nobody is
  // reached.
  void NoteKeys() {
    resolve_ = [this](const FakeTarget& target) -> absl::StatusOr<ResolvedTarget> {
      keys_.Add(target.keys());
      return target.Itself();
    };
    connect_ = [this](const FakeTarget& target,
                      const ConnectOptions&) -> absl::StatusOr<Connection> {
      keys_.Add(target.keys());
      return MakeFailure(v1::FAILURE_UNREACHABLE, "nobody is there");
    };
  }

  KeyNotes keys_;
  // Of all targets.
  decltype(FakeTarget::Script::resolve) resolve_;
  decltype(FakeTarget::Script::connect) connect_;
  FakeHost host_;
  absl::optional<v1::Hello> hello_here_;  // Of the agent here; nothing: it does not run.
  FakePlaces places_;
  LoopThread loop_;
  std::unique_ptr<LinkTable> table_;
};

// The agent runs, and this life of the coordinator has no link to it yet: it is linked to be
// stopped, and two who ask at once wait for that.
TEST_F(LinkTableTest, TwoStopsAtOnceAreBothAnswered) {
  host_.CallItself("this one");
  loop_.Run([this] { hello_here_.emplace().set_host_id("this one"); });
  struct Answer {
    std::vector<std::string> stopped;
    std::vector<std::string> problems;
    absl::Notification told;
  };
  Answer answers[2];
  loop_.Run([&] {
    for (Answer& answer : answers) {
      table_->StopAgents(
          /*force=*/true, /*env=*/nullptr,
          [&answer](std::vector<std::string> stopped, std::vector<std::string> problems) {
            answer.stopped = std::move(stopped);
            answer.problems = std::move(problems);
            answer.told.Notify();
          });
    }
  });
  for (Answer& answer : answers) {
    ASSERT_TRUE(answer.told.WaitForNotificationWithTimeout(kPatience));
    EXPECT_THAT(answer.stopped, ElementsAre("local"));
    EXPECT_THAT(answer.problems, IsEmpty());
  }
  EXPECT_EQ(host_.last_shutdown().coordinator_id(), "us");
  EXPECT_TRUE(host_.last_shutdown().force());
}

// One stop; what it says of those that it did not stop.
std::vector<std::string> ProblemsOf(LoopThread& loop, LinkTable& table,
                                    const SharedEnvironment& env) {
  std::vector<std::string> problems;
  absl::Notification told;
  loop.Run([&] {
    table.StopAgents(/*force=*/false, env,
                     [&](std::vector<std::string> stopped, std::vector<std::string> why) {
                       EXPECT_THAT(stopped, IsEmpty());
                       problems = std::move(why);
                       told.Notify();
                     });
  });
  EXPECT_TRUE(told.WaitForNotificationWithTimeout(kPatience));
  return problems;
}

RemoteWay WayTo(const std::string& name) {
  RemoteWay way;
  way.remote = {.text = "fake " + name, .program = "fake", .options = {}, .destination = name};
  return way;
}

PlacedAgent AgentOn(const std::string& name) {
  return {.place = name, .name = "me@" + name, .way = WayTo(name)};
}

TEST_F(LinkTableTest, AStopConnectsToHostsThatAreNotLinkedWithTheKeysOfItsAsker) {
  NoteKeys();
  loop_.Run([&] {
    for (const char* name : {"gpu1", "gpu2"}) places_.all.push_back(AgentOn(name));
  });
  const auto asker =
      std::make_shared<const Environment>(Environment{{"KEYS", "/keys-of-the-asker"}});
  EXPECT_THAT(
      ProblemsOf(loop_, *table_, asker),
      UnorderedElementsAre(HasSubstr("agent on me@gpu1: "), HasSubstr("agent on me@gpu2: ")));
  EXPECT_GE(keys_.count(), 2u);
  EXPECT_THAT(keys_.all(), ElementsAre("/keys-of-the-asker"));
  loop_.Run([&] {
    EXPECT_THAT(places_.forgotten, IsEmpty());
    EXPECT_EQ(places_.asker, asker) << "whose variables are in the ways";
  });
}

TEST_F(LinkTableTest, AnAgentIsNamedWhoseWayIsNotKnown) {
  loop_.Run([&] {
    places_.all.push_back(
        {.place = "gpu1",
         .name = "me@gpu1",
         .way = MakeFailure(v1::FAILURE_BAD_REQUEST, "TOKEN is not set", "Set it.")});
  });
  EXPECT_THAT(ProblemsOf(loop_, *table_, nullptr),
              ElementsAre(HasSubstr("bad_request: agent on me@gpu1: TOKEN is not set")));
  loop_.Run([&] {
    EXPECT_THAT(places_.forgotten, IsEmpty());
    EXPECT_THAT(places_.tried, IsEmpty());
  });
}

TEST_F(LinkTableTest, AStopConnectsToSoManyHostsAtMost) {
  resolve_ = [](const FakeTarget&) -> absl::StatusOr<ResolvedTarget> {
    return MakeFailure(v1::FAILURE_BAD_REQUEST, "no such keyword");
  };
  loop_.Run([&] {
    for (size_t i = 0; i < kReachMax + 2; ++i) {
      places_.all.push_back(AgentOn("gpu" + std::to_string(i)));
    }
  });
  const std::vector<std::string> problems = ProblemsOf(loop_, *table_, nullptr);
  ASSERT_EQ(problems.size(), kReachMax + 2);
  EXPECT_THAT(problems[0], HasSubstr("busy_limit: agent on me@gpu40: "));
  EXPECT_THAT(problems[1], HasSubstr("busy_limit: agent on me@gpu41: "));
  for (size_t i = 2; i < problems.size(); ++i) EXPECT_THAT(problems[i], HasSubstr("bad_request: "));
  loop_.Run([&] {
    ASSERT_EQ(places_.tried.size(), kReachMax);
    EXPECT_EQ(places_.tried.back(), "gpu39");
  });
}

TEST_F(LinkTableTest, AStopWaitsForWhatAnAttemptIsJustPuttingOnAHost) {
  struct Attempts {
    absl::Notification begun, go;
    std::atomic<int> ended = 0;
  };
  const auto attempts = std::make_shared<Attempts>();
  connect_ = [attempts](const FakeTarget&, const ConnectOptions&) -> absl::StatusOr<Connection> {
    if (!attempts->begun.HasBeenNotified()) attempts->begun.Notify();
    attempts->go.WaitForNotification();
    ++attempts->ended;
    return MakeFailure(v1::FAILURE_UNREACHABLE, "nobody is there");
  };
  Team gpu;
  gpu.name = "gpu";
  gpu.path = "/g";
  gpu.remote = WayTo("gpu").remote;
  LinkRecorder recorder;
  Link* link = nullptr;
  loop_.Run([&] {
    link = &table_->MakeFor(gpu);
    link->AddObserver(&recorder);
    link->Want(&recorder);
  });
  ASSERT_TRUE(attempts->begun.WaitForNotificationWithTimeout(kPatience));

  absl::Notification told;
  loop_.Run([&] {
    table_->StopAgents(/*force=*/false, /*env=*/nullptr,
                       [&](std::vector<std::string>, std::vector<std::string>) { told.Notify(); });
  });
  for (int i = 0; i < 3; ++i) loop_.Run([] {});  // What a stop that has nobody to ask posts.
  EXPECT_FALSE(told.HasBeenNotified());
  attempts->go.Notify();
  EXPECT_TRUE(told.WaitForNotificationWithTimeout(kPatience));
  EXPECT_GE(attempts->ended, 1);
  loop_.Run([&] {
    EXPECT_THAT(places_.attempts, ElementsAre(HasSubstr("to "), "has started none"));
    link->RemoveObserver(&recorder);
  });
}

class LoanTest : public LinkTableTest {
 protected:
  // One session's way to its team.
  struct Way {
    Link* link = nullptr;
    LinkRecorder recorder;
  };

  LoanTest() {
    NoteKeys();
    Make("gpu", first_);
    Lend(first_, "/keys-of-the-first");
  }
  ~LoanTest() override { Leave(first_); }
  void Make(const std::string& name, Way& way) {
    Team team;
    team.name = name;
    team.path = "/g";
    team.remote = WayTo("gpu").remote;
    loop_.Run([&] {
      way.link = &table_->MakeFor(team);
      way.link->AddObserver(&way.recorder);
    });
  }
  void Leave(Way& way) {
    loop_.Run([&] { way.link->RemoveObserver(&way.recorder); });
  }
  // Tries the way, and waits until that has failed.
  void Try(Way& way) {
    const size_t before = way.recorder.heard().size();
    loop_.Run([&] { way.link->Want(&way.recorder); });
    way.recorder.WaitFor(before + 1);
  }
  // The ids of the links that the team has.
  std::set<std::string> LinksOf(const std::string& team) {
    std::vector<v1::LinkStatus> links;
    loop_.Run([&] { links = table_->Status(); });
    std::set<std::string> ids;
    for (const v1::LinkStatus& link : links) {
      if (std::count(link.teams().begin(), link.teams().end(), team) > 0) ids.insert(link.id());
    }
    return ids;
  }
  void Lend(Way& way, const std::string& keys) {
    const Environment env = {{"KEYS", keys}};
    loop_.Run([&] { way.link->Lend(std::make_shared<const Environment>(env)); });
  }
  // The keys that were lent in the next attempts, but for `skipped`: one may be under way already.
  std::set<std::string> KeysOfAttempts(int skipped = 0) {
    for (int i = 0; i < skipped + 2; ++i) {
      if (i == skipped) keys_.Clear();
      Try(first_);
    }
    return keys_.all();
  }

  Way first_;
};

TEST_F(LoanTest, AWayIsTriedWithTheEnvironmentOfItsOwnSession) {
  EXPECT_THAT(KeysOfAttempts(), ElementsAre("/keys-of-the-first"));
  Way second;
  Make("gpu", second);
  Lend(second, "/keys-of-another-terminal");
  EXPECT_THAT(KeysOfAttempts(), ElementsAre("/keys-of-the-first")) << "of the same team";
  Lend(first_, "/newer-keys-of-the-first");
  EXPECT_THAT(KeysOfAttempts(/*skipped=*/1), ElementsAre("/newer-keys-of-the-first"));
  Leave(second);
}

TEST_F(LoanTest, WhoIsLentTheSameSharesALinkAlsoWhereTheTeamIsAnother) {
  Way same, other;
  Make("two", same);
  Make("gpu", other);
  Lend(same, "/keys-of-the-first");
  Lend(other, "/keys-of-another-terminal");
  for (Way* way : {&first_, &same, &other}) Try(*way);
  const std::set<std::string> shared = LinksOf("two");
  EXPECT_THAT(shared, SizeIs(1));
  EXPECT_THAT(LinksOf("gpu"), SizeIs(2));
  EXPECT_THAT(LinksOf("gpu"), Contains(*shared.begin()));

  Lend(first_, "/keys-of-another-terminal");
  for (Way* way : {&first_, &same}) Try(*way);
  EXPECT_EQ(LinksOf("two"), shared) << "nobody has lent it anything else";
  EXPECT_THAT(LinksOf("gpu"), SizeIs(1));
  Leave(same);
  Leave(other);
  EXPECT_THAT(LinksOf("two"), IsEmpty());
}

}  // namespace
}  // namespace iris
