#include "coordinator/link/link_table.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "common/base/ids.h"
#include "common/base/scoped_fd.h"
#include "common/endpoint/endpoint.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "common/rpc/grpc_client_life.h"
#include "common/testing/scratch_dir.h"
#include "common/version/version.h"
#include "coordinator/config/config.h"
#include "coordinator/link/link.h"
#include "coordinator/link/placed_agents.h"
#include "coordinator/link/stop_reach.h"
#include "coordinator/link/testing/fake_host.h"
#include "coordinator/link/testing/link_recorder.h"
#include "coordinator/reach/ssh/ssh_connect.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr absl::Duration kPatience = absl::Seconds(60);

// The socket of an agent on this machine, which greets and is then served by `host`.
class AgentSocket {
 public:
  AgentSocket(const std::string& path, FakeHost& host) : host_(host) {
    struct sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path.data(), path.size());
    listener_.Reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(listener_.get(), 16), 0);
    thread_ = std::thread([this] { Accept(); });
  }
  ~AgentSocket() {
    shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }

 private:
  void Accept() {
    v1::Hello hello;
    hello.mutable_protocol()->set_min(kProtocolMin);
    hello.mutable_protocol()->set_max(kProtocolMax);
    hello.set_build_number(kBuildNumber);
    hello.set_incarnation(NewUuid());
    hello.set_host_id("this one");
    const std::string greeting = FrameHello(hello.SerializeAsString());
    while (true) {
      ScopedFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!fd) return;
      EXPECT_EQ(send(fd.get(), greeting.data(), greeting.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(greeting.size()));
      host_.Serve(std::move(fd));
    }
  }

  FakeHost& host_;
  ScopedFd listener_;
  std::thread thread_;
};

// On the loop, as the table.
class FakePlaces : public PlacedAgents {
 public:
  void Note(const std::string&, const std::string&, const SshTarget&) override {}
  void Forget(const std::string& place) override { forgotten.push_back(place); }
  void NoteAttempt(const std::string&, const std::string& name, const SshTarget&) override {
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

class LinkTableTest : public ::testing::Test {
 protected:
  LinkTableTest() : bundle_(AgentBundle::Find({})) {
    KeepGrpcClientThreads();
    MakeTable();
  }
  void MakeTable() {
    loop_.Run([this] {
      table_ = MakeLinkTable(loop_.loop(), {.bundle = bundle_.get(),
                                            .iris_home = scratch_.path(),
                                            .coordinator_id = "us",
                                            .placed = &places_,
                                            .runtime_dir = [this] { return scratch_.path(); }});
    });
  }
  ~LinkTableTest() override {
    loop_.Run([this] { table_.reset(); });
  }

  const ScratchDir scratch_;
  std::unique_ptr<AgentBundle> bundle_;
  FakeHost host_;
  FakePlaces places_;
  LoopThread loop_;
  std::unique_ptr<LinkTable> table_;
};

// The agent runs, and this life of the coordinator has no link to it yet: it is linked to be
// stopped, and two who ask at once wait for that.
TEST_F(LinkTableTest, TwoStopsAtOnceAreBothAnswered) {
  const AgentSocket agent(FindEndpoint("agent", scratch_.path())->socket, host_);
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

PlacedAgent AgentBy(const std::string& name, RemoteCommand remote) {
  SshTarget target;
  target.remote = std::move(remote);
  return {.place = name, .name = "me@" + name, .target = std::move(target)};
}

TEST_F(LinkTableTest, AStopConnectsToHostsThatAreNotLinkedWithTheKeysOfItsAsker) {
  const std::string program = scratch_.File("like-ssh"), keys = scratch_.File("keys");
  std::ofstream(program) << "#!/bin/sh\necho \"$SSH_AUTH_SOCK\" >>" << keys << "\nexit 255\n";
  chmod(program.c_str(), 0700);
  loop_.Run([&] {
    for (const char* name : {"gpu1", "gpu2"}) {
      places_.all.push_back(AgentBy(
          name,
          {.text = program + " " + name, .program = program, .options = {}, .destination = name}));
    }
  });
  const auto asker =
      std::make_shared<const Environment>(Environment{{"SSH_AUTH_SOCK", "/keys-of-the-asker"}});
  EXPECT_THAT(
      ProblemsOf(loop_, *table_, asker),
      UnorderedElementsAre(HasSubstr("agent on me@gpu1: "), HasSubstr("agent on me@gpu2: ")));
  std::ifstream lines(keys);
  int attempts = 0;
  for (std::string line; std::getline(lines, line); ++attempts) {
    EXPECT_EQ(line, "/keys-of-the-asker");
  }
  EXPECT_GE(attempts, 2);
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
         .target = MakeFailure(v1::FAILURE_BAD_REQUEST, "TOKEN is not set", "Set it.")});
  });
  EXPECT_THAT(ProblemsOf(loop_, *table_, nullptr),
              ElementsAre(HasSubstr("bad_request: agent on me@gpu1: TOKEN is not set")));
  loop_.Run([&] {
    EXPECT_THAT(places_.forgotten, IsEmpty());
    EXPECT_THAT(places_.tried, IsEmpty());
  });
}

TEST_F(LinkTableTest, AStopConnectsToSoManyHostsAtMost) {
  loop_.Run([&] {
    for (size_t i = 0; i < kReachMax + 2; ++i) {
      const std::string name = "gpu" + std::to_string(i);
      places_.all.push_back(AgentBy(name, {.text = "ssh -o NoSuchKeyword=1 " + name,
                                           .program = "ssh",
                                           .options = {"-o", "NoSuchKeyword=1"},
                                           .destination = name}));
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

// Over a program in ssh's place, whose attempt goes on until there is a file `go`.
TEST_F(LinkTableTest, AStopWaitsForWhatAnAttemptIsJustPuttingOnAHost) {
  // A program that could be put there: without any, ssh is not run.
  ASSERT_EQ(symlink("/proc/self/exe", scratch_.File("iris-agent").c_str()), 0);
  loop_.Run([this] { table_.reset(); });
  bundle_ = AgentBundle::Find({scratch_.path()});
  MakeTable();
  const std::string program = scratch_.File("like-ssh");
  std::ofstream(program) << "#!/bin/sh\n[ \"$1\" = -G ] && exit 255\ncd " << scratch_.path()
                         << "\n: >begun\nwhile [ ! -e go ]; do sleep 0.01; done\n: >ended\n"
                         << "exit 255\n";
  chmod(program.c_str(), 0700);
  Team gpu;
  gpu.name = "gpu";
  gpu.path = "/g";
  gpu.remote = RemoteCommand{
      .text = program + " gpu", .program = program, .options = {}, .destination = "gpu"};
  LinkRecorder recorder;
  Link* link = nullptr;
  loop_.Run([&] {
    link = &table_->MakeFor(gpu);
    link->AddObserver(&recorder);
    link->Want(&recorder);
  });
  const auto is_there = [this](const char* name) {
    return access(scratch_.File(name).c_str(), F_OK) == 0;
  };
  const absl::Time deadline = absl::Now() + kPatience;
  while (!is_there("begun") && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(5));
  ASSERT_TRUE(is_there("begun"));

  absl::Notification told;
  loop_.Run([&] {
    table_->StopAgents(/*force=*/false, /*env=*/nullptr,
                       [&](std::vector<std::string>, std::vector<std::string>) { told.Notify(); });
  });
  for (int i = 0; i < 3; ++i) loop_.Run([] {});  // What a stop that has nobody to ask posts.
  EXPECT_FALSE(told.HasBeenNotified());
  std::ofstream(scratch_.File("go")) << "now";
  EXPECT_TRUE(told.WaitForNotificationWithTimeout(kPatience));
  EXPECT_TRUE(is_there("ended"));
  loop_.Run([&] {
    EXPECT_THAT(places_.attempts, ElementsAre(HasSubstr("to "), "has started none"));
    link->RemoveObserver(&recorder);
  });
}

// A program in ssh's place writes down whose keys it is lent, and reaches nobody.
class LoanTest : public LinkTableTest {
 protected:
  // One session's way to its team.
  struct Way {
    Link* link = nullptr;
    LinkRecorder recorder;
  };

  LoanTest() {
    std::ofstream(program_) << "#!/bin/sh\necho \"$SSH_AUTH_SOCK\" >>" << scratch_.File("keys")
                            << "\nexit 255\n";
    chmod(program_.c_str(), 0700);
    Make("gpu", first_);
    Lend(first_, "/keys-of-the-first");
  }
  ~LoanTest() override { Leave(first_); }
  void Make(const std::string& name, Way& way) {
    Team team;
    team.name = name;
    team.path = "/g";
    team.remote = RemoteCommand{
        .text = program_ + " gpu", .program = program_, .options = {}, .destination = "gpu"};
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
    const Environment env = {{"SSH_AUTH_SOCK", keys}};
    loop_.Run([&] { way.link->Lend(std::make_shared<const Environment>(env)); });
  }
  // The keys that were lent in the next attempts, but for `skipped`: one may be under way already.
  std::set<std::string> KeysOfAttempts(int skipped = 0) {
    for (int i = 0; i < skipped + 2; ++i) {
      if (i == skipped) std::ofstream(scratch_.File("keys"), std::ios::trunc);
      Try(first_);
    }
    std::ifstream lines(scratch_.File("keys"));
    std::set<std::string> keys;
    for (std::string line; std::getline(lines, line);) keys.insert(line);
    return keys;
  }

  const std::string program_ = scratch_.File("like-ssh");
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
