// The agent is killed, and the next one goes on: the real program, with the stub claude.
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/app/program_fixture.h"
#include "agent/service/service_fixture.h"
#include "agent/testing/processes.h"
#include "agent/testing/programs.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

namespace fs = std::filesystem;

// One agent after the other over one data directory, and the coordinator's end of one session.
class AgentRecoveryTest : public AgentProgramTest {
 protected:
  AgentRecoveryTest() {
    BecomeLikeTheAgent();
    fs::create_directory(scratch_.File("project"));
  }
  ~AgentRecoveryTest() override { Lose(); }

  // A new life of the agent, the lease, and a stream from where the last one ended.
  void StartAgent() {
    bridge_ = std::make_unique<Bridge>(Connect({"--data", Home()}));
    agent_ = static_cast<pid_t>(bridge_->hello.pid());
    stub_ = StubOver(std::move(bridge_->io));
    ASSERT_NO_FATAL_FAILURE(Acquire());
    Attach();
  }
  void Acquire() {
    v1::AcquireRequest request;
    request.set_session_id(session_id_);
    request.set_coordinator_id(coordinator_id_);
    request.set_label("me@laptop");
    v1::AcquireResponse response;
    const grpc::Status status = stub_->Acquire(&*NewContext(), request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_GT(response.epoch(), epoch_);
    epoch_ = response.epoch();
  }
  void Attach() {
    reader_ = std::make_unique<Reader>(*stub_);
    attached_ = reader_->Start(session_id_, epoch_, Reader::kAmple, position_);
  }
  void Open() {
    v1::OpenRequest request;
    request.set_session_id(session_id_);
    request.set_epoch(epoch_);
    request.mutable_spec()->set_cwd(scratch_.File("project"));
    request.mutable_spec()->set_claude_path(StubClaude());
    request.mutable_spec()->set_team("gpu");
    v1::OpenResponse response;
    const grpc::Status status = stub_->Open(&*NewContext(), request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  std::string Tell(const std::string& text) {
    const std::string id = NewUuid();
    reader_->SendTell(id, text);
    return id;
  }
  // As a coordinator does after every attach.
  void Repeat(const std::string& id, const std::string& text) {
    v1::AttachRequest request;
    request.mutable_tell()->set_tell_id(id);
    request.mutable_tell()->set_text(text);
    request.mutable_tell()->set_last(true);
    request.mutable_tell()->set_repeat(true);
    reader_->Send(request);
  }
  // Reads on until an event matches, and keeps where it is.
  template <typename Predicate>
  void ReadUntil(const Predicate& matches) {
    while (true) {
      const std::optional<std::vector<v1::Event>> batch = reader_->Next();
      ASSERT_TRUE(batch.has_value()) << reader_->Finish();
      bool found = false;
      for (const v1::Event& event : *batch) {
        events_.push_back(event);
        found |= matches(event);
        if (event.has_incarnation()) incarnation_ = event.incarnation().incarnation();
      }
      Remember();
      if (found) return;
    }
  }
  void ReadUntilOutput(const std::string& text) {
    ReadUntil([&](const v1::Event& event) {
      return event.output().bytes().find(text) != std::string::npos;
    });
  }
  void ReadUntilSettled(const std::string& id) {
    if (CountSettled(id) == 0) {
      ReadUntil([&](const v1::Event& event) { return event.settled().tell_id() == id; });
    }
  }
  void Remember() {
    position_ = reader_->position();
    if (!incarnation_.empty()) position_->set_incarnation(incarnation_);
  }

  // SIGKILL, and the wire with it. Returns when it is dead.
  void KillAgent() {
    const Process agent(agent_);
    agent.Kill(SIGKILL);
    EXPECT_TRUE(agent.EndsWithin(kPatienceMs));
    Lose();
  }
  void Lose() {
    reader_.reset();
    stub_.reset();
    if (bridge_ != nullptr) ExitCodeOf(*std::exchange(bridge_, nullptr));
  }
  // The agent leaves in order, and nothing of its children is left.
  void ExpectNothingStays() {
    const Process agent(agent_);
    agent.Kill(SIGTERM);
    EXPECT_TRUE(agent.EndsWithin(kPatienceMs));
    Lose();
    EXPECT_TRUE(Eventually([] { return waitpid(-1, nullptr, WNOHANG) < 0; }));
  }

  size_t CountSettled(const std::string& id) const {
    size_t count = 0;
    for (const v1::Event& event : events_) count += event.settled().tell_id() == id ? 1 : 0;
    return count;
  }
  v1::Failure OutcomeOf(const std::string& id) const {
    for (const v1::Event& event : events_) {
      if (event.settled().tell_id() == id) return event.settled().failure();
    }
    return v1::Failure();
  }
  // The assistant's text after the tell's gap, or its `written` where there is none.
  std::string AnswerTo(const std::string& id) const {
    std::vector<v1::Event> turn;
    for (const v1::Event& event : events_) {
      if (event.gap().tell_id() == id || event.written().tell_id() == id) turn.clear();
      turn.push_back(event);
      if (event.settled().tell_id() == id) break;
    }
    return AnswerIn(turn);
  }
  bool HasGap(const std::string& id) const {
    for (const v1::Event& event : events_) {
      if (event.gap().tell_id() == id) return true;
    }
    return false;
  }
  std::string Ask(const std::string& text) {
    const std::string id = Tell(text);
    ReadUntilSettled(id);
    EXPECT_EQ(OutcomeOf(id).kind(), v1::FAILURE_UNSPECIFIED) << OutcomeOf(id).detail();
    return AnswerTo(id);
  }
  std::string SessionsDir() const {
    for (const auto& host : fs::directory_iterator(Home() + "/hosts")) {
      return host.path().string() + "/sessions";
    }
    return "";
  }

  const std::string session_id_ = NewUuid();
  const std::string coordinator_id_ = NewUuid();
  std::unique_ptr<Bridge> bridge_;
  pid_t agent_ = 0;
  std::unique_ptr<v1::Agent::Stub> stub_;
  std::unique_ptr<Reader> reader_;
  uint64_t epoch_ = 0;
  std::optional<v1::Position> position_;  // Applied.
  std::string incarnation_;
  v1::AttachResponse attached_;
  std::vector<v1::Event> events_;  // All that came, over all agents.
};

std::string TwentyWords() {
  std::string words;
  for (int i = 0; i < 20; ++i) absl::StrAppend(&words, "word", i, " ");
  return words;
}

TEST_F(AgentRecoveryTest, KilledInTheMiddleOfATurnTheAnswerArrivesWholeAndOnce) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string id = Tell("SLOW 2");
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput("word0"));
  KillAgent();

  ASSERT_NO_FATAL_FAILURE(StartAgent());
  EXPECT_TRUE(attached_.has_attached());
  Repeat(id, "SLOW 2");
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(id));
  EXPECT_EQ(OutcomeOf(id).kind(), v1::FAILURE_UNSPECIFIED) << OutcomeOf(id).detail();
  EXPECT_TRUE(HasGap(id));
  EXPECT_EQ(AnswerTo(id), TwentyWords());
  EXPECT_EQ(Ask("COUNT"), "2");
  EXPECT_EQ(CountSettled(id), 1u);
  ExpectNothingStays();
}

TEST_F(AgentRecoveryTest, WhileTheSurvivorFinishesTheSessionDrainsAndATellWaits) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string id = Tell("WAIT 3\nSUM x");
  ASSERT_NO_FATAL_FAILURE(
      ReadUntil([&](const v1::Event& event) { return event.written().tell_id() == id; }));
  KillAgent();

  ASSERT_NO_FATAL_FAILURE(StartAgent());
  EXPECT_EQ(attached_.attached().state(), v1::SESSION_DRAINING);
  ASSERT_EQ(attached_.attached().tells_size(), 1);
  EXPECT_EQ(attached_.attached().tells(0).phase(), v1::TellState::WRITTEN);
  const std::string next = Tell("COUNT");
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(next));
  EXPECT_EQ(CountSettled(id), 1u);
  EXPECT_EQ(OutcomeOf(id).kind(), v1::FAILURE_UNSPECIFIED) << OutcomeOf(id).detail();
  EXPECT_EQ(AnswerTo(next), "2");
  ExpectNothingStays();
}

TEST_F(AgentRecoveryTest, ATellThatWasOnlyAcceptedRunsOnceWhenItsTextComesAgain) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string first = Tell("WAIT 1\nSUM x"), second = Tell("COUNT");
  ASSERT_NO_FATAL_FAILURE(
      ReadUntil([&](const v1::Event& event) { return event.accepted().tell_id() == second; }));
  KillAgent();

  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Repeat(first, "WAIT 1\nSUM x");
  Repeat(second, "COUNT");
  Repeat(second, "COUNT");
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(second));
  EXPECT_EQ(CountSettled(first), 1u);
  EXPECT_EQ(AnswerTo(second), "2");
  EXPECT_EQ(Ask("COUNT"), "3");
  ExpectNothingStays();
}

TEST_F(AgentRecoveryTest, KilledWhileAToolRunsTheSurvivorFinishesBoth) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string id = Tell("TOOL 2");
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput("tool_use"));
  KillAgent();

  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Repeat(id, "TOOL 2");
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(id));
  EXPECT_EQ(OutcomeOf(id).kind(), v1::FAILURE_UNSPECIFIED) << OutcomeOf(id).detail();
  EXPECT_THAT(AnswerTo(id), HasSubstr("TOOL-DONE"));
  EXPECT_EQ(Ask("COUNT"), "2");
  ExpectNothingStays();
}

TEST_F(AgentRecoveryTest, AChildThatDiedWithTheAgentLeavesAnAmbiguousTell) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string id = Tell("BLOCKS 1\nTOOL 600");
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput("tool_use"));
  v1::ListResponse list;
  ASSERT_TRUE(stub_->List(&*NewContext(), {}, &list).ok());
  const pid_t claude = static_cast<pid_t>(list.sessions(0).child().pid());
  KillAgent();
  kill(claude, SIGKILL);

  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Repeat(id, "BLOCKS 1\nTOOL 600");
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(id));
  EXPECT_EQ(OutcomeOf(id).kind(), v1::FAILURE_AMBIGUOUS);
  EXPECT_EQ(Ask("COUNT"), "2");  // It was not run again.
  ExpectNothingStays();
}

TEST_F(AgentRecoveryTest, CloseEndsASurvivorAtOnce) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string id = Tell("TOOL 600");
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput("tool_use"));
  KillAgent();

  ASSERT_NO_FATAL_FAILURE(StartAgent());
  EXPECT_EQ(attached_.attached().state(), v1::SESSION_DRAINING);
  v1::CloseRequest request;
  request.set_session_id(session_id_);
  request.set_epoch(epoch_);
  v1::CloseResponse response;
  ASSERT_TRUE(stub_->Close(&*NewContext(), request, &response).ok());
  EXPECT_TRUE(response.was_running());
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(id));
  EXPECT_EQ(OutcomeOf(id).kind(), v1::FAILURE_AMBIGUOUS);
  ExpectNothingStays();
}

TEST_F(AgentRecoveryTest, WithTheJournalGoneTheTranscriptStillHasTheAnswer) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string id = Tell("SLOW 2");
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput("word0"));
  KillAgent();
  fs::remove_all(SessionsDir());
  epoch_ = 0;

  ASSERT_NO_FATAL_FAILURE(StartAgent());
  EXPECT_EQ(attached_.reset().reason(), v1::RESET_UNKNOWN_JOURNAL);
  Open();  // Waits for the survivor, which only its command line tells of.
  Repeat(id, "SLOW 2");
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(id));
  EXPECT_EQ(OutcomeOf(id).kind(), v1::FAILURE_UNSPECIFIED) << OutcomeOf(id).detail();
  EXPECT_EQ(AnswerTo(id), TwentyWords());
  EXPECT_EQ(Ask("COUNT"), "2");
  ExpectNothingStays();
}

TEST_F(AgentRecoveryTest, AJournalThatWasRolledBackSaysSoAndNothingRunsTwice) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  EXPECT_EQ(Ask("COUNT"), "1");
  fs::copy(SessionsDir(), scratch_.File("older"), fs::copy_options::recursive);
  const std::string id = Tell("COUNT");
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(id));
  KillAgent();
  const std::string sessions = SessionsDir();
  fs::remove_all(sessions);
  fs::copy(scratch_.File("older"), sessions, fs::copy_options::recursive);

  epoch_ = 0;
  events_.clear();
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  EXPECT_EQ(attached_.reset().reason(), v1::RESET_AHEAD);
  Repeat(id, "COUNT");
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(id));
  EXPECT_EQ(OutcomeOf(id).kind(), v1::FAILURE_UNSPECIFIED) << OutcomeOf(id).detail();
  EXPECT_EQ(AnswerTo(id), "2");
  EXPECT_EQ(Ask("COUNT"), "3");
  ExpectNothingStays();
}

TEST_F(AgentRecoveryTest, LeaseAndLaunchSpecOutliveTheAgent) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  EXPECT_EQ(Ask("COUNT"), "1");
  KillAgent();
  ASSERT_NO_FATAL_FAILURE(StartAgent());  // A higher epoch than before.
  EXPECT_EQ(Ask("COUNT"), "2");           // No Open was needed.
  KillAgent();

  bridge_ = std::make_unique<Bridge>(Connect({"--data", Home()}));
  agent_ = static_cast<pid_t>(bridge_->hello.pid());
  stub_ = StubOver(std::move(bridge_->io));
  v1::AcquireRequest request;
  request.set_session_id(session_id_);
  request.set_coordinator_id(NewUuid());
  v1::AcquireResponse response;
  const grpc::Status status = stub_->Acquire(&*NewContext(), request, &response);
  EXPECT_THAT(status.error_message(), HasSubstr("me@laptop"));
  ExpectNothingStays();
}

TEST_F(AgentRecoveryTest, ADamagedSessionIsPutAside) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  ASSERT_NO_FATAL_FAILURE(ReadUntil([](const v1::Event& event) { return event.has_started(); }));
  KillAgent();
  const std::string dir = SessionsDir() + "/" + session_id_;
  fs::resize_file(dir + "/state", 100);
  epoch_ = 0;
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  EXPECT_EQ(attached_.reset().reason(), v1::RESET_UNKNOWN_JOURNAL);
  size_t aside = 0;
  for (const auto& entry : fs::directory_iterator(SessionsDir())) {
    aside += entry.path().string().find(".damaged-") != std::string::npos ? 1 : 0;
  }
  EXPECT_EQ(aside, 1u);
  ExpectNothingStays();
}

TEST_F(AgentRecoveryTest, AThousandIdleSessionsAreFoundAgainAndFitInto64MB) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  for (int i = 0; i < 1000; ++i) {
    v1::AcquireRequest request;
    request.set_session_id(NewUuid());
    request.set_coordinator_id(coordinator_id_);
    v1::AcquireResponse response;
    ASSERT_TRUE(stub_->Acquire(&*NewContext(), request, &response).ok());
  }
  KillAgent();
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  v1::ListResponse list;
  ASSERT_TRUE(stub_->List(&*NewContext(), {}, &list).ok());
  EXPECT_EQ(list.sessions_size(), 1001);
  v1::GetHostResponse host;
  ASSERT_TRUE(stub_->GetHost(&*NewContext(), {}, &host).ok());
  EXPECT_LT(host.rss_bytes(), 64u << 20);
  ExpectNothingStays();
}

}  // namespace
}  // namespace iris
