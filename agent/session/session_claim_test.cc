// Sessions whose home is shared by several hosts.

#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <memory>
#include <string>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "agent/process/descendants.h"
#include "agent/session/claim.h"
#include "agent/session/session.h"
#include "agent/session/session_files.h"
#include "agent/session/session_fixture.h"
#include "agent/testing/other_agent.h"
#include "agent/testing/processes.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "common/process/spawn.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SessionClaimTest : public SessionFixture {
 protected:
  SessionClaimTest() {
    // The next agent has it from the beginning.
    NextAgent([this](SessionFiles&) { context.host_id = "id-of-gpu1"; });
    far.context = context;
    far.context.host_id = "id-of-gpu2";
    far.context.boot_id = "boot of gpu2";
    far.context.hostname = "gpu2";
    Do([this](Session&) {
      far.disk = std::make_unique<JournalSync>(loop());
      far.session = std::make_unique<Session>(
          loop(), far.context, session_id,
          *SessionFiles::Open(*far.disk, scratch.File("session-of-gpu2"), "far"));
    });
  }
  ~SessionClaimTest() override {
    Do([this](Session&) {
      far.session.reset();
      far.disk.reset();
    });
  }
  void TearDown() override {
    Await([this](absl::Notification& done) {
      far.session->Close(absl::Milliseconds(100), [&done](bool) { done.Notify(); });
    });
    SessionFixture::TearDown();
  }

  void Await(const std::function<void(absl::Notification&)>& begin) {
    absl::Notification done;
    Do([&](Session&) { begin(done); });
    if (!done.WaitForNotificationWithTimeout(kDeadline)) std::abort();
  }
  // The same session of the same home, opened on the other host.
  absl::Status OpenFar(bool takeover = false) {
    absl::Status status;
    Await([&](absl::Notification& done) {
      const auto opened = [&](const absl::StatusOr<v1::OpenResponse>& response) {
        status = response.status();
        done.Notify();
      };
      far.session->Open(spec, opened, takeover);
    });
    return status;
  }
  v1::SessionInfo FarInfo() {
    v1::SessionInfo info;
    Do([&](Session&) { info = far.session->Info(); });
    return info;
  }
  // "gpu1 PID" of the keeper, or "nobody".
  std::string Holder() {
    const absl::StatusOr<std::optional<Claim>> claim = ReadClaim(path);
    if (!claim.ok()) return std::string(claim.status().message());
    return claim->has_value() ? absl::StrCat((*claim)->hostname, " ", (*claim)->process.pid)
                              : "nobody";
  }
  std::string KeeperOf(const std::string& host) {
    pid_t parent = 0;
    const pid_t claude = static_cast<pid_t>(Info().child().pid());
    for (const pid_t keeper : ChildrenOf(getpid())) {
      for (const pid_t child : ChildrenOf(keeper)) parent = child == claude ? keeper : parent;
    }
    return absl::StrCat(host, " ", parent);
  }
  void LeaveChild(SessionFiles& files, pid_t pid) {
    saved::State state = files.state();
    state.mutable_child()->set_keeper(pid);
    state.mutable_child()->set_keeper_start_time(ProcessStartTime(pid));
    state.mutable_child()->set_boot_id(context.boot_id);
    state.mutable_child()->set_pid_namespace(context.pid_namespace);
    ASSERT_TRUE(files.SaveState(state).ok());
    ASSERT_TRUE(files.SaveLaunch(spec).ok());
  }

  struct {
    SessionContext context;
    std::unique_ptr<JournalSync> disk;
    std::unique_ptr<Session> session;
  } far;
  const std::string path = ClaimPath(home + "/.claude", session_id);
};

TEST_F(SessionClaimTest, AChildIsClaimedForAsLongAsItRuns) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Holder(), KeeperOf("gpu1"));
  EXPECT_EQ(Ask("COUNT"), "1");
  EXPECT_EQ(Holder(), KeeperOf("gpu1"));
  Close();
  EXPECT_EQ(Holder(), "nobody");
}

TEST_F(SessionClaimTest, AClaimLivesAsLongAsTheLastDescendant) {
  UseScript("setsid sh -c 'trap \"\" TERM; sleep 600' & next_tell");
  ASSERT_TRUE(Open().ok());
  const std::string keeper = KeeperOf("gpu1");
  Tell("and go");
  ASSERT_TRUE(WaitFor([](const std::vector<v1::Event>& events) {
    return absl::c_any_of(events, [](const v1::Event& event) { return event.has_exited(); });
  }));
  EXPECT_EQ(Holder(), keeper);  // Its shell takes half a second.
  ASSERT_TRUE(Eventually([this] { return Info().state() == v1::SESSION_NO_CHILD; }));
  EXPECT_EQ(Holder(), "nobody");
}

TEST_F(SessionClaimTest, AnotherHostDoesNotOpenItAndDoesNotCallItEnded) {
  ASSERT_TRUE(Open().ok());
  const std::string keeper = KeeperOf("gpu1");
  const absl::Status refused = OpenFar();
  EXPECT_EQ(KindOf(refused), v1::FAILURE_WRONG_HOST);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("runs on gpu1"));
  EXPECT_EQ(FarInfo().state(), v1::SESSION_UNVERIFIABLE);
  EXPECT_EQ(FarInfo().claim().hostname(), "gpu1");
  EXPECT_EQ(FarInfo().claim().host_id(), "id-of-gpu1");
  EXPECT_GT(FarInfo().claim().since_ms(), 0);
  EXPECT_EQ(Holder(), keeper);
  EXPECT_EQ(Ask("COUNT"), "1");

  Close();
  EXPECT_TRUE(OpenFar().ok());
  EXPECT_EQ(FarInfo().state(), v1::SESSION_READY);
  EXPECT_FALSE(FarInfo().has_claim());
}

TEST_F(SessionClaimTest, AfterATakeoverTheOtherHostEndsItsChildBeforeAnotherTell) {
  ASSERT_TRUE(Open().ok());
  ASSERT_EQ(Ask("COUNT"), "1");
  ASSERT_TRUE(OpenFar(/*takeover=*/true).ok());
  EXPECT_THAT(Holder(), HasSubstr("gpu2 "));

  const v1::Failure refused = Outcome(Tell("COUNT"));
  EXPECT_EQ(refused.kind(), v1::FAILURE_WRONG_HOST);
  EXPECT_THAT(refused.detail(), HasSubstr("runs on gpu2"));
  ASSERT_TRUE(Eventually([this] { return Info().state() == v1::SESSION_UNVERIFIABLE; }));
  EXPECT_EQ(LastExit().reason(), v1::Exited::TAKEN_OVER);
  EXPECT_EQ(Info().claim().hostname(), "gpu2");
  EXPECT_THAT(Holder(), HasSubstr("gpu2 "));
  EXPECT_EQ(KindOf(Open().status()), v1::FAILURE_WRONG_HOST);
}

TEST_F(SessionClaimTest, ATakeoverThatMeetsAStartIsNotKeptForLater) {
  spec.set_idle_timeout_ms(50);
  int answers = 0;
  Await([&](absl::Notification& done) {
    const auto opened = [&](const absl::StatusOr<v1::OpenResponse>& response) {
      EXPECT_TRUE(response.ok()) << response.status();
      if (++answers == 2) done.Notify();
    };
    far.session->Open(spec, opened, /*takeover=*/false);
    far.session->Open(spec, opened, /*takeover=*/true);
  });
  ASSERT_TRUE(Eventually([this] { return FarInfo().state() == v1::SESSION_NO_CHILD; }));
  spec.set_idle_timeout_ms(0);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(KindOf(OpenFar()), v1::FAILURE_WRONG_HOST);
  EXPECT_THAT(Holder(), HasSubstr("gpu1 "));
}

TEST_F(SessionClaimTest, WhatAnotherAgentRunsIsNoStrayOfOurs) {
  ASSERT_TRUE(OpenFar().ok());
  const ProcessId claude = {.pid = static_cast<pid_t>(FarInfo().child().pid()),
                            .start_time = FarInfo().child().start_time()};
  const pid_t dead = *Spawn({.argv = {"/bin/true"}, .env = {}, .cwd = "/"});
  waitpid(dead, nullptr, 0);
  NextAgent([&](SessionFiles& files) { LeaveChild(files, dead); });
  ASSERT_TRUE(Eventually([this] { return Info().state() != v1::SESSION_DRAINING; }));
  EXPECT_TRUE(claude.Runs());
  EXPECT_EQ(FarInfo().state(), v1::SESSION_READY);
  EXPECT_THAT(Holder(), HasSubstr("gpu2 "));
}

// As where its data directory was copied, with what it notes of its child.
TEST_F(SessionClaimTest, WhatAnotherAgentOfThisHostRunsIsNotEnded) {
  const OtherAgent other(session_id);
  NextAgent([&](SessionFiles& files) { LeaveChild(files, other.keeper()); });
  EXPECT_EQ(Info().state(), v1::SESSION_DRAINING);
  EXPECT_TRUE(Close());  // Where it ends what was left, it waits for that end.
  EXPECT_NE(StateOf(other.keeper()), 'Z');
  EXPECT_TRUE(Exists(other.keeper()));
  const absl::Status refused = Open().status();
  EXPECT_EQ(KindOf(refused), v1::FAILURE_WRONG_HOST);
  EXPECT_THAT(ToProto(refused).detail(),
              HasSubstr(absl::StrCat("under another agent on gpu1, pid ", other.keeper())));
}

TEST_F(SessionClaimTest, ASurvivorIsClaimedUntilItIsGone) {
  const pid_t survivor = *Spawn({.argv = {"/bin/sleep", "600"}, .env = {}, .cwd = "/"});
  NextAgent([&](SessionFiles& files) { LeaveChild(files, survivor); });
  EXPECT_EQ(Info().state(), v1::SESSION_DRAINING);
  EXPECT_EQ(Holder(), absl::StrCat("gpu1 ", survivor));
  EXPECT_EQ(KindOf(OpenFar()), v1::FAILURE_WRONG_HOST);
  kill(survivor, SIGKILL);
  ASSERT_EQ(waitpid(survivor, nullptr, 0), survivor);
  ASSERT_TRUE(Eventually([this] { return Info().state() == v1::SESSION_NO_CHILD; }));
  EXPECT_EQ(Holder(), "nobody");
}

TEST_F(SessionClaimTest, WhatAKilledAgentClaimedAndNeverStartedIsFree) {
  Claim left = OurClaim(context, {.pid = getpid(), .start_time = 1});
  ASSERT_TRUE(TakeClaim(path, left, /*takeover=*/false).ok());
  NextAgent([&](SessionFiles& files) { ASSERT_TRUE(files.SaveLaunch(spec).ok()); });
  EXPECT_EQ(Holder(), "nobody");
}

TEST_F(SessionClaimTest, AStartThatFailsClaimsNothing) {
  UseBareScript("exit 3");
  EXPECT_EQ(KindOf(Open().status()), v1::FAILURE_CHILD_EXITED);
  ASSERT_TRUE(Eventually([this] { return Info().state() == v1::SESSION_NO_CHILD; }));
  EXPECT_EQ(Holder(), "nobody");
  spec.set_claude_path("/nowhere/claude");
  EXPECT_EQ(KindOf(Open().status()), v1::FAILURE_CLAUDE_MISSING);
  EXPECT_EQ(Holder(), "nobody");
}

TEST_F(SessionClaimTest, AClaimThatSomebodyRemovedIsMadeAgain) {
  ASSERT_TRUE(Open().ok());
  fs::remove(path);
  EXPECT_EQ(Ask("COUNT"), "1");
  EXPECT_EQ(Holder(), KeeperOf("gpu1"));
}

TEST_F(SessionClaimTest, TheClaimFollowsTheConfigOfTheChildThatRuns) {
  (*spec.mutable_env())["CLAUDE_CONFIG_DIR"] = scratch.File("other");
  ASSERT_TRUE(Open().ok());
  const std::string claimed = ClaimPath(scratch.File("other"), session_id);
  EXPECT_TRUE(fs::exists(claimed));
  spec.clear_env();
  Do([&](Session& session) {
    EXPECT_TRUE(session.Tell(NewUuid(), "HANG").ok());
    session.Open(spec, [](const absl::StatusOr<v1::OpenResponse>&) {});  // For the next child.
  });
  EXPECT_TRUE(fs::exists(claimed));
  Close();
  EXPECT_FALSE(fs::exists(claimed));
}

}  // namespace
}  // namespace iris
