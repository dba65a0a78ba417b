// The agent becomes a newer build of itself, in place: the real programs, with the stub claude.
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/app/program_fixture.h"
#include "agent/app/upgrade_fixture.h"
#include "common/base/scoped_fd.h"
#include "common/endpoint/endpoint.h"
#include "common/failure/failure.h"
#include "common/process/spawn.h"
#include "common/version/version.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

TEST_F(AgentUpgradeTest, ATurnInTheMiddleDoesNotNotice) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  EXPECT_EQ(bridge_->hello.build_number(), 1u);
  Open();
  const std::string text = Held("SLOW"), id = Tell(text);
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput("word0"));
  const pid_t claude = ClaudesPid(), agent = agent_;
  const v1::Hello before = bridge_->hello;

  ASSERT_NO_FATAL_FAILURE(UpgradeTo(Program()));
  ExpectUpgraded();
  EXPECT_EQ(agent_, agent);
  EXPECT_NE(bridge_->hello.incarnation(), before.incarnation());
  EXPECT_EQ(bridge_->hello.pid_start_time(), before.pid_start_time());
  EXPECT_EQ(bridge_->hello.socket_path(), before.socket_path());
  EXPECT_EQ(bridge_->hello.sessions_active(), 1u);
  EXPECT_EQ(bridge_->hello.active_teams(0), "gpu");
  ASSERT_TRUE(attached_.has_attached());
  EXPECT_EQ(attached_.attached().state(), v1::SESSION_BUSY);
  Repeat(id, text);
  LetGo();
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(id));
  EXPECT_EQ(OutcomeOf(id).kind(), v1::FAILURE_UNSPECIFIED) << OutcomeOf(id).detail();
  EXPECT_FALSE(HasGap(id));
  EXPECT_EQ(AnswerTo(id), TwentyWords());
  EXPECT_EQ(ClaudesPid(), claude);
  EXPECT_EQ(Ask("COUNT"), "2");
  EXPECT_EQ(CountSettled(id), 1u);
  ExpectNothingStays();
}

// claude stands still in the middle of a line: half of it was read by the old program.
TEST_F(AgentUpgradeTest, ALineThatIsCutInTwoArrivesWhole) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string id = Tell("CHUNK 64\nBIG 400000");
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput("0000100 0000101"));
  const pid_t claude = ClaudesPid();
  kill(claude, SIGSTOP);
  ASSERT_NO_FATAL_FAILURE(UpgradeTo(Program()));
  ExpectUpgraded();
  kill(claude, SIGCONT);
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(id));
  std::string whole;
  for (int i = 0; whole.size() < 400'000; ++i) {
    const std::string digits = absl::StrCat(i);
    absl::StrAppend(&whole, std::string(7 - digits.size(), '0'), digits, " ");
  }
  EXPECT_EQ(AnswerTo(id), whole.substr(0, 400'000));
  ExpectNothingStays();
}

TEST_F(AgentUpgradeTest, ATellThatIsHalfWrittenAndTheOnesBehindItAreAnsweredInOrder) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  EXPECT_EQ(Ask("COUNT"), "1");
  const pid_t claude = ClaudesPid();
  kill(claude, SIGSTOP);
  const std::string text = absl::StrCat("SUM ", std::string(1'000'000, 'x'));
  const std::string id = NewUuid();
  for (size_t at = 0; at < text.size(); at += 200'000) {
    reader_->SendFrame(id, text.substr(at, 200'000), at + 200'000 >= text.size());
  }
  const std::string next = Tell("COUNT"), last = Tell("SUM the end");
  ASSERT_NO_FATAL_FAILURE(
      ReadUntil([&](const v1::Event& event) { return event.accepted().tell_id() == last; }));
  ASSERT_NO_FATAL_FAILURE(UpgradeTo(Program()));
  ExpectUpgraded();
  EXPECT_EQ(List().sessions(0).tells_waiting(), 2u);
  kill(claude, SIGCONT);
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(last));
  EXPECT_THAT(AnswerTo(id), HasSubstr(" 1000000"));
  EXPECT_EQ(AnswerTo(next), "3");
  EXPECT_THAT(AnswerTo(last), HasSubstr(" 7"));
  EXPECT_EQ(ClaudesPid(), claude);
  ExpectNothingStays();
}

// A session that ends sweeps what is below the agent: the other keepers are no strays.
TEST_F(AgentUpgradeTest, ManySessionsGoOnAndMayEnd) {
  struct One {
    std::string id = NewUuid(), first, second;
    uint64_t epoch = 0;
    std::unique_ptr<Reader> reader;
    v1::Position position;
  };
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  std::vector<One> sessions(8);
  const auto acquire = [this](One& one) {
    v1::AcquireRequest request;
    request.set_session_id(one.id);
    request.set_coordinator_id(coordinator_id_);
    v1::AcquireResponse response;
    ASSERT_TRUE(stub_->Acquire(&*NewContext(), request, &response).ok());
    one.epoch = response.epoch();
    one.reader = std::make_unique<Reader>(*stub_);
  };
  for (size_t i = 0; i < sessions.size(); ++i) {
    One& one = sessions[i];
    ASSERT_NO_FATAL_FAILURE(acquire(one));
    one.reader->Start(one.id, one.epoch);
    v1::OpenRequest request;
    request.set_session_id(one.id);
    request.set_epoch(one.epoch);
    request.mutable_spec()->set_cwd(Project());
    request.mutable_spec()->set_claude_path(StubClaude());
    v1::OpenResponse response;
    ASSERT_TRUE(stub_->Open(&*NewContext(), request, &response).ok());
    one.first = NewUuid();
    one.second = NewUuid();
    one.reader->SendTell(one.first, i == 0       ? Held("WAIT") + "\nCRASH"
                                    : i % 2 == 0 ? Held("SLOW")
                                                 : Held("TOOL"));
    one.reader->SendTell(one.second, "COUNT");
  }
  for (One& one : sessions) {
    for (bool accepted = false; !accepted;) {
      const auto events = one.reader->Next();
      ASSERT_TRUE(events.has_value());
      for (const v1::Event& event : *events) accepted |= event.accepted().tell_id() == one.second;
    }
    one.position = one.reader->position();
    one.reader.reset();
  }
  const pid_t agent = agent_;
  ASSERT_NO_FATAL_FAILURE(UpgradeTo(Program()));
  ExpectUpgraded();
  EXPECT_EQ(agent_, agent);
  LetGo();
  for (size_t i = 0; i < sessions.size(); ++i) {
    One& one = sessions[i];
    ASSERT_NO_FATAL_FAILURE(acquire(one));
    ASSERT_TRUE(one.reader->Start(one.id, one.epoch, Reader::kAmple, one.position).has_attached());
    const std::vector<v1::Event> all = one.reader->ReadUntilSettled(one.second);
    for (const v1::Event& event : all) {
      EXPECT_FALSE(event.has_gap()) << i;
      EXPECT_FALSE(i > 0 && event.has_exited()) << i;
    }
    EXPECT_EQ(OutcomeIn(all).kind(), v1::FAILURE_UNSPECIFIED) << i << OutcomeIn(all).detail();
    EXPECT_THAT(AnswerIn(all), HasSubstr(i == 0 ? "2" : i % 2 == 0 ? "word19" : "TOOL-DONE")) << i;
    EXPECT_EQ(AnswerIn(all).back(), '2') << i;
    one.reader.reset();
  }
  ExpectNothingStays();
}

TEST_F(AgentUpgradeTest, AChildThatStartsIsWaitedFor) {
  std::ofstream(scratch_.File(".stub-hang-at-start")) << "1";
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  grpc::Status opened;
  std::thread opening([&] {
    v1::OpenRequest request;
    request.set_session_id(session_id_);
    request.set_epoch(epoch_);
    request.mutable_spec()->set_cwd(Project());
    request.mutable_spec()->set_claude_path(StubClaude());
    request.mutable_spec()->set_init_timeout_ms(1'000);
    v1::OpenResponse response;
    opened = stub_->Open(&*NewContext(), request, &response);
  });
  EXPECT_TRUE(Eventually([&] { return List().sessions(0).state() == v1::SESSION_STARTING; }));
  EXPECT_EQ(Offer(Program()).error_code(), grpc::StatusCode::UNAVAILABLE);
  opening.join();
  EXPECT_THAT(opened.error_message(), HasSubstr("did not answer within 1s"));
  ASSERT_NO_FATAL_FAILURE(UpgradeTo(Program()));
  ExpectUpgraded();
  EXPECT_EQ(attached_.attached().state(), v1::SESSION_NO_CHILD);
  ExpectNothingStays();
}

TEST_F(AgentUpgradeTest, WhileASurvivorFinishesTheTextsThatWaitGoAlong) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string text = Held("SLOW"), id = Tell(text);
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput("word0"));
  KillAgent();
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Repeat(id, text);
  const std::string next = Tell("COUNT");
  ASSERT_NO_FATAL_FAILURE(
      ReadUntil([&](const v1::Event& event) { return event.accepted().tell_id() == next; }));
  ASSERT_NO_FATAL_FAILURE(UpgradeTo(Program()));
  ExpectUpgraded();
  EXPECT_EQ(attached_.attached().state(), v1::SESSION_DRAINING);
  LetGo();
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(next));
  EXPECT_EQ(AnswerTo(id), TwentyWords());
  EXPECT_EQ(AnswerTo(next), "2");
  ExpectNothingStays();
}

TEST_F(AgentUpgradeTest, AChildThatIsToBeReplacedBehindItsTurnStillIs) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string text = Held("SLOW"), id = Tell(text);
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput("word0"));
  const pid_t claude = ClaudesPid();
  const std::string other = scratch_.File("claude");
  std::filesystem::create_symlink(StubClaude(), other);
  Open(/*idle_timeout_ms=*/0, other);
  EXPECT_EQ(ClaudesPid(), claude);
  ASSERT_NO_FATAL_FAILURE(UpgradeTo(Program()));
  ExpectUpgraded();
  EXPECT_EQ(ClaudesPid(), claude);
  Repeat(id, text);
  LetGo();
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(id));
  EXPECT_EQ(AnswerTo(id), TwentyWords());
  EXPECT_EQ(Ask("COUNT"), "2");
  EXPECT_NE(ClaudesPid(), claude);
  ExpectNothingStays();
}

TEST_F(AgentUpgradeTest, AnIdleChildIsEndedAsEver) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open(/*idle_timeout_ms=*/1'000);
  EXPECT_EQ(Ask("COUNT"), "1");
  ASSERT_NO_FATAL_FAILURE(UpgradeTo(Program()));
  ASSERT_NO_FATAL_FAILURE(ReadUntil(
      [](const v1::Event& event) { return event.exited().reason() == v1::Exited::IDLE; }));
  ExpectNothingStays();
}

// One try. Who comes while the programs change is heard by the new one: Dial() waits a second for
// that, which a busy machine may need longer for.
absl::Status HearHello(const std::string& socket_path) {
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  if (socket_path.size() >= sizeof(address.sun_path)) return absl::InternalError("too long");
  memcpy(address.sun_path, socket_path.data(), socket_path.size());
  const ScopedFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return absl::ErrnoToStatus(errno, "connect");
  }
  return ReadHello(fd.get(), Soon()).status();
}

TEST_F(AgentUpgradeTest, NobodyIsTurnedAwayMeanwhile) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  const std::string socket = bridge_->hello.socket_path();
  std::atomic<bool> over = false;
  std::string failure;
  std::thread dialing([&] {
    while (!over) {
      const absl::Status heard = HearHello(socket);
      if (!heard.ok()) failure = std::string(heard.message());
    }
  });
  EXPECT_NO_FATAL_FAILURE(UpgradeTo(Program()));
  over = true;
  dialing.join();
  EXPECT_EQ(failure, "");
  ExpectUpgraded();
}

TEST_F(AgentUpgradeTest, AgainAndAgainItKeepsWhatItHasAndNothingMore) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string id = Tell("SLOW 3");
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput("word0"));
  const pid_t claude = ClaudesPid();
  size_t descriptors = 0;
  for (int i = 0; i < 5; ++i) {
    const std::string build = Script(absl::StrCat("exec ", Program(), " \"$@\""), 1000 + i);
    EXPECT_EQ(Offer(build).error_code(), grpc::StatusCode::UNAVAILABLE);
    ASSERT_NO_FATAL_FAILURE(UpgradeTo(Program()));
    if (i == 0) descriptors = OpenDescriptorsOf(agent_);
  }
  // Connections of before may still be on their way out.
  EXPECT_TRUE(Eventually([&] { return OpenDescriptorsOf(agent_) <= descriptors + 1; }));
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(id));
  EXPECT_EQ(AnswerTo(id), TwentyWords());
  EXPECT_EQ(ClaudesPid(), claude);
  ExpectNothingStays();
}

TEST_F(AgentUpgradeTest, TheCommandUpgradesAnAgentThatRunsAndStartsNone) {
  const auto upgrade = [this] {
    const absl::StatusOr<pid_t> pid =
        Spawn({.argv = {Program(), "upgrade", "--home", Home()}, .env = Env(), .cwd = "/"});
    EXPECT_TRUE(pid.ok()) << pid.status();
    return ExitCodeOf({.pid = pid.value_or(0), .io = {}, .errors = {}, .hello = {}});
  };
  EXPECT_EQ(upgrade(), 0);
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  EXPECT_EQ(bridge_->hello.build_number(), 1u);
  EXPECT_EQ(upgrade(), 0);
  Lose();
  ASSERT_NO_FATAL_FAILURE(StartAgent());  // By the older bridge, which changes nothing.
  EXPECT_EQ(bridge_->hello.build_number(), kBuildNumber);
  EXPECT_EQ(upgrade(), 0);
}

}  // namespace
}  // namespace iris
