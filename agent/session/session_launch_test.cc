// A session whose team is launched otherwise by now than the child that it has.

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "agent/session/session.h"
#include "agent/session/session_files.h"
#include "agent/session/session_fixture.h"
#include "agent/testing/processes.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class SessionLaunchTest : public SessionFixture {
 protected:
  SessionLaunchTest() { std::filesystem::create_directory(other); }
  void Env(const std::string& name, const std::string& value) {
    (*spec.mutable_env())[name] = value;
  }
  pid_t ChildPid() { return static_cast<pid_t>(Info().child().pid()); }

  const std::string other = scratch.File("other");
};

TEST_F(SessionLaunchTest, AnIdleChildOfAnotherLaunchIsEndedAndTheNextOneOpened) {
  ASSERT_TRUE(Open().ok());
  const std::vector<std::function<void()>> changes = {
      [&] { spec.set_cwd(other); },
      [&] {
        spec.add_args("--model");
        spec.add_args("small");
      },
      [&] { spec.set_ask_permissions(true); },
      [&] { Env("COLOUR", "blue"); },
      [&] { Env("COLOUR", "red"); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    const pid_t before = ChildPid();
    changes[i]();
    const absl::StatusOr<v1::OpenResponse> opened = Open();
    ASSERT_TRUE(opened.ok()) << i << opened.status();
    EXPECT_TRUE(opened->started()) << i;
    EXPECT_NE(opened->child().pid(), before) << i;
    EXPECT_EQ(opened->child().pid(), ChildPid()) << i;
    EXPECT_FALSE(Exists(before)) << i;
    EXPECT_EQ(LastExit().reason(), v1::Exited::CLOSED) << i;
  }
  EXPECT_EQ(Ask("PWD"), other);
  EXPECT_EQ(Ask("ENV COLOUR"), "red");
  EXPECT_THAT(Ask("ARGS"), HasSubstr("small"));
}

TEST_F(SessionLaunchTest, AnotherEnvironmentIsTheNextChildsAndIsOnNoDisk) {
  const auto say = [this](const std::string& token) {
    spec.clear_environment();
    for (const char* entry : {"PATH=/usr/bin:/bin", "ASAN_OPTIONS=detect_leaks=0"}) {
      spec.mutable_environment()->add_entries(entry);
    }
    spec.mutable_environment()->add_entries("GH_TOKEN=" + token);
  };
  say("canary-1");
  ASSERT_TRUE(Open().ok());
  const pid_t first = ChildPid();
  say("canary-2");
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(ChildPid(), first);
  EXPECT_EQ(Ask("ENV GH_TOKEN"), "canary-1") << "a child that runs keeps its own";
  EXPECT_TRUE(Close());
  spec.clear_environment();  // Who says nothing does not know it.
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("ENV GH_TOKEN"), "canary-2");

  size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(scratch.path())) {
    if (entry.path().filename() != "launch" && entry.path().filename() != "state") continue;
    ++files;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    EXPECT_THAT(content, Not(HasSubstr("canary"))) << entry.path();
  }
  EXPECT_GE(files, 2u);
}

TEST_F(SessionLaunchTest, AChildSaysWhichEnvironmentItWasStartedWith) {
  const auto say = [this](const std::string& id) {
    spec.clear_environment();
    for (const char* entry : {"PATH=/usr/bin:/bin", "ASAN_OPTIONS=detect_leaks=0"}) {
      spec.mutable_environment()->add_entries(entry);
    }
    spec.set_environment_id(id);
  };
  say("one");
  EXPECT_EQ(Open()->child().environment_id(), "one");
  say("two");
  EXPECT_EQ(Open()->child().environment_id(), "one") << "it keeps its own";
  Close();
  spec.clear_environment();
  spec.clear_environment_id();
  EXPECT_EQ(Open()->child().environment_id(), "two") << "what was said before still counts";
  Close();
  NextAgent([](SessionFiles&) {});
  EXPECT_EQ(Open()->child().environment_id(), "") << "it has none of that";
}

TEST_F(SessionLaunchTest, AnEnvironmentThatIsTooLargeIsRefusedAndNotCut) {
  for (int i = 0; i < 10'000; ++i) spec.mutable_environment()->add_entries("A=");
  EXPECT_EQ(KindOf(Open().status()), v1::FAILURE_BAD_REQUEST);
  Do([this](Session& session) {
    EXPECT_EQ(KindOf(session.Renew(spec)), v1::FAILURE_BAD_REQUEST);
    EXPECT_FALSE(session.opened());
  });
}

// Where it looks for claude may hang: it does so once.
TEST_F(SessionLaunchTest, AChildIsPlannedOnce) {
  std::atomic<int> looks = 0;
  NextAgent([&](SessionFiles&) {
    context.is_on_network = [&looks](const std::string& path) {
      looks += path == "/usr/bin" ? 1 : 0;  // The first directory of PATH.
      return false;
    };
  });
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(looks, 1);
}

TEST_F(SessionLaunchTest, TheNextAgentFindsWhatClaudeWroteElsewhere) {
  for (const std::string& entry :
       {std::string("PATH=/usr/bin:/bin"), std::string("ASAN_OPTIONS=detect_leaks=0"),
        "CLAUDE_CONFIG_DIR=" + scratch.File("config"), std::string("GH_TOKEN=secret")}) {
    spec.mutable_environment()->add_entries(entry);
  }
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("COUNT"), "1");
  EXPECT_TRUE(Close());
  NextAgent([](SessionFiles& files) {
    EXPECT_FALSE(files.launch()->has_environment());
    EXPECT_EQ(files.launch()->kept_size(), 1);
  });
  spec.clear_environment();
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("COUNT"), "2");
}

TEST_F(SessionLaunchTest, WhatItMayDoNoLongerNoChildMayDo) {
  spec.set_skip_permissions(true);
  Env("IS_SANDBOX", "1");
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(Ask("ARGS"), HasSubstr("--dangerously-skip-permissions"));
  spec.set_skip_permissions(false);
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(Ask("ARGS"), Not(HasSubstr("--dangerously-skip-permissions")));
}

// A team's path is a symbolic link that is switched from one release to the next.
class SwitchedLinkTest : public SessionLaunchTest {
 protected:
  SwitchedLinkTest() {
    Lead(project);
    spec.set_cwd(current);
  }
  void Lead(const std::string& to) {
    std::filesystem::create_directory_symlink(to, scratch.File("new"));
    std::filesystem::rename(scratch.File("new"), current);
  }

  const std::string current = scratch.File("current");
};

TEST_F(SwitchedLinkTest, TheNextTellIsWorkedOnWhereItLeadsThen) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("PWD"), project);
  const pid_t first = ChildPid();
  EXPECT_EQ(Ask("PWD"), project);
  EXPECT_EQ(ChildPid(), first) << "nothing has changed";
  Lead(other);
  EXPECT_EQ(Ask("PWD"), other);
  EXPECT_FALSE(Exists(first));
  EXPECT_EQ(Ask("COUNT"), "4") << "the conversation goes on";
  Lead(project);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("PWD"), project);
}

TEST_F(SwitchedLinkTest, ATurnEndsWhereItBegan) {
  ASSERT_TRUE(Open().ok());
  const std::string running = NewUuid(), next = NewUuid();
  Do([&](Session& session) {
    EXPECT_TRUE(session.Tell(running, "PWD").ok());
    Lead(other);
    EXPECT_TRUE(session.Tell(next, "PWD").ok());
  });
  EXPECT_EQ(Answer(running), project);
  EXPECT_EQ(Answer(next), other);
}

TEST_F(SwitchedLinkTest, WhileItLeadsNowhereTheChildStaysWhereItIs) {
  ASSERT_TRUE(Open().ok());
  const pid_t first = ChildPid();
  std::filesystem::remove(current);
  EXPECT_EQ(Ask("PWD"), project);
  EXPECT_EQ(ChildPid(), first);
  Lead(other);
  EXPECT_EQ(Ask("PWD"), other);
}

// Its server may hang, and every session with it.
TEST_F(SwitchedLinkTest, OnANetworkFileSystemItIsLookedAtOnlyWhenAChildStarts) {
  std::atomic<int> looks = 0;
  NextAgent([&](SessionFiles&) {
    context.is_on_network = [&looks](const std::string&) { return ++looks > 0; };
  });
  ASSERT_TRUE(Open().ok());
  const pid_t first = ChildPid();
  const int at_start = looks;
  EXPECT_GT(at_start, 0);
  Lead(other);
  EXPECT_EQ(Ask("PWD"), project);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("PWD"), project);
  EXPECT_EQ(ChildPid(), first);
  EXPECT_EQ(looks, at_start);
  Close();
  EXPECT_EQ(Ask("PWD"), other);
}

TEST_F(SessionLaunchTest, ADirectoryThatWasMadeAnewIsAnotherOne) {
  ASSERT_TRUE(Open().ok());
  const pid_t first = ChildPid();
  std::filesystem::rename(project, scratch.File("old"));
  std::filesystem::create_directory(project);
  EXPECT_EQ(Ask("PWD"), project);
  EXPECT_FALSE(Exists(first));
}

TEST_F(SessionLaunchTest, ATurnEndsWithItsChildAndTheNextTellGoesToTheNextOne) {
  ASSERT_TRUE(Open().ok());
  const pid_t first = ChildPid();
  spec.set_cwd(other);
  // All at once on the loop: the turn is not over before the Open.
  const std::string running = NewUuid(), next = NewUuid();
  Do([&](Session& session) {
    EXPECT_TRUE(session.Tell(running, "PWD").ok());
    v1::OpenResponse response;
    session.Open(spec, [&](const absl::StatusOr<v1::OpenResponse>& opened) {
      if (opened.ok()) response = *opened;
    });
    EXPECT_FALSE(response.started());
    EXPECT_EQ(response.child().pid(), first);
    EXPECT_TRUE(session.Tell(next, "PWD").ok());
  });
  EXPECT_EQ(Answer(running), project);
  EXPECT_EQ(Answer(next), other);
  EXPECT_THAT(story(), ElementsAre("started", "accepted", "written", "accepted", "settled",
                                   "exited", "resumed", "written", "settled"));
}

TEST_F(SessionLaunchTest, BehindItsTurnItIsEndedAlsoWhereNobodyWaits) {
  ASSERT_TRUE(Open().ok());
  spec.set_cwd(other);
  Do([&](Session& session) {
    EXPECT_TRUE(session.Tell(NewUuid(), "COUNT").ok());
    session.Open(spec, [](const absl::StatusOr<v1::OpenResponse>&) {});
  });
  EXPECT_TRUE(Eventually([this] { return Info().state() == v1::SESSION_NO_CHILD; }));
  EXPECT_THAT(story(), ElementsAre("started", "accepted", "written", "settled", "exited"));
}

TEST_F(SessionLaunchTest, ARenewedLaunchStartsAndEndsNothingAndIsThatOfTheNextChild) {
  ASSERT_TRUE(Open().ok());
  const pid_t first = ChildPid();
  const auto renew = [this](const std::string& keys) {
    Env("SSH_AUTH_SOCK", keys);
    Do([this](Session& session) { EXPECT_TRUE(session.Renew(spec).ok()); });
  };
  renew("/tmp/second");
  EXPECT_EQ(Ask("PID"), std::to_string(first));
  Close();
  renew("/tmp/third");
  EXPECT_EQ(Info().state(), v1::SESSION_NO_CHILD);
  EXPECT_EQ(Ask("ENV SSH_AUTH_SOCK"), "/tmp/third");
  EXPECT_THAT(story(), ElementsAre("started", "accepted", "written", "settled", "exited",
                                   "accepted", "resumed", "written", "settled"));
}

TEST_F(SessionLaunchTest, AChildThatARenewedLaunchHasOutdatedGetsNoFurtherTell) {
  ASSERT_TRUE(Open().ok());
  spec.set_cwd(other);
  Do([this](Session& session) { EXPECT_TRUE(session.Renew(spec).ok()); });
  EXPECT_EQ(Ask("PWD"), other);
}

TEST_F(SessionLaunchTest, AChildThatStartsIsReplacedForAllWhoWaitForIt) {
  v1::LaunchSpec hanging = spec;
  (*hanging.mutable_env())["STUB_HANG_AT_START"] = "1";
  absl::StatusOr<v1::OpenResponse> first = absl::UnknownError("not answered");
  Do([&](Session& session) {
    session.Open(hanging, [&](const absl::StatusOr<v1::OpenResponse>& opened) { first = opened; });
  });
  const absl::StatusOr<v1::OpenResponse> second = Open();
  ASSERT_TRUE(second.ok()) << second.status();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->child().pid(), second->child().pid());
}

TEST_F(SessionLaunchTest, WhatDecidesNothingEndsNoChildAndIsForTheNextOne) {
  Env("SSH_AUTH_SOCK", "/tmp/first");
  ASSERT_TRUE(Open().ok());
  const pid_t first = ChildPid();
  Env("SSH_AUTH_SOCK", "/tmp/second");
  spec.set_idle_timeout_ms(1'000'000);
  spec.set_init_timeout_ms(50'000);
  spec.set_from("somebody");
  EXPECT_FALSE(Open()->started());
  EXPECT_EQ(Ask("ENV SSH_AUTH_SOCK"), "/tmp/first");
  EXPECT_EQ(ChildPid(), first);
  Close();
  EXPECT_EQ(Ask("ENV SSH_AUTH_SOCK"), "/tmp/second");
}

// Also where the next agent starts it.
TEST_F(SessionLaunchTest, WhatIsForTheNextChildOutlivesTheAgent) {
  Env("SSH_AUTH_SOCK", "/tmp/first");
  ASSERT_TRUE(Open().ok());
  Env("SSH_AUTH_SOCK", "/tmp/second");
  EXPECT_FALSE(Open()->started());
  Close();
  NextAgent([](SessionFiles&) {});
  EXPECT_EQ(Ask("ENV SSH_AUTH_SOCK"), "/tmp/second");
}

}  // namespace
}  // namespace iris
