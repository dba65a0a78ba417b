// The agent is killed, and the next one goes on: the real program, with the stub claude.
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/app/one_session_fixture.h"
#include "agent/app/program_fixture.h"
#include "agent/service/service_fixture.h"
#include "agent/testing/processes.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

namespace fs = std::filesystem;

class AgentRecoveryTest : public OneSessionTest {
 protected:
  // The agent, and the claude that it runs now. Returns when both are gone.
  void KillAgentAndClaude() {
    v1::ListResponse list;
    ASSERT_TRUE(stub_->List(&*NewContext(), {}, &list).ok());
    const Process claude(static_cast<pid_t>(list.sessions(0).child().pid()));
    KillAgent();
    claude.Kill(SIGKILL);
    ASSERT_TRUE(claude.EndsWithin(kPatienceMs));
  }
  // claude's transcript, as it was when claude had taken up its first message.
  void KeepOnlyThePrompt() {
    std::string path;
    for (const auto& file : fs::recursive_directory_iterator(scratch_.File(".claude"))) {
      if (file.path().filename() == session_id_ + ".jsonl") path = file.path().string();
    }
    std::string line, kept;
    for (std::ifstream file(path); std::getline(file, line);) {
      if (line.find(R"("type":"assistant")") != std::string::npos) break;
      kept += line + "\n";
    }
    ASSERT_NE(kept, "");
    std::ofstream(path) << kept;
  }
};

TEST_F(AgentRecoveryTest, KilledInTheMiddleOfATurnTheAnswerArrivesWholeAndOnce) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string text = Held("SLOW"), id = Tell(text);
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput("word0"));
  KillAgent();

  ASSERT_NO_FATAL_FAILURE(StartAgent());
  EXPECT_TRUE(attached_.has_attached());
  Repeat(id, text);
  LetGo();
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
  const std::string id = Tell(Held("WAIT") + "\nSUM x");
  // It has read the line: one that is still in its pipe may go with the agent.
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput(id));
  KillAgent();

  ASSERT_NO_FATAL_FAILURE(StartAgent());
  EXPECT_EQ(attached_.attached().state(), v1::SESSION_DRAINING);
  ASSERT_EQ(attached_.attached().tells_size(), 1);
  EXPECT_EQ(attached_.attached().tells(0).phase(), v1::TellState::WRITTEN);
  const std::string next = Tell("COUNT");
  LetGo();
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(next));
  EXPECT_EQ(CountSettled(id), 1u);
  EXPECT_EQ(OutcomeOf(id).kind(), v1::FAILURE_UNSPECIFIED) << OutcomeOf(id).detail();
  EXPECT_EQ(AnswerTo(next), "2");
  ExpectNothingStays();
}

TEST_F(AgentRecoveryTest, ATellThatWasOnlyAcceptedRunsOnceWhenItsTextComesAgain) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string text = Held("WAIT") + "\nSUM x";
  const std::string first = Tell(text), second = Tell("COUNT");
  ASSERT_NO_FATAL_FAILURE(
      ReadUntil([&](const v1::Event& event) { return event.accepted().tell_id() == second; }));
  KillAgent();

  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Repeat(first, text);
  Repeat(second, "COUNT");
  Repeat(second, "COUNT");
  LetGo();
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(second));
  EXPECT_EQ(CountSettled(first), 1u);
  EXPECT_EQ(AnswerTo(second), "2");
  EXPECT_EQ(Ask("COUNT"), "3");
  ExpectNothingStays();
}

TEST_F(AgentRecoveryTest, KilledWhileAToolRunsTheSurvivorFinishesBoth) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string text = Held("TOOL"), id = Tell(text);
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput(R"("type":"tool_use")"));
  KillAgent();

  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Repeat(id, text);
  LetGo();
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
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput(R"("type":"tool_use")"));
  ASSERT_NO_FATAL_FAILURE(KillAgentAndClaude());

  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Repeat(id, "BLOCKS 1\nTOOL 600");
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(id));
  EXPECT_EQ(OutcomeOf(id).kind(), v1::FAILURE_AMBIGUOUS);
  EXPECT_EQ(Ask("COUNT"), "2");  // It was not run again.
  ExpectNothingStays();
}

// claude says a call before it writes it to its transcript, and was killed in between.
TEST_F(AgentRecoveryTest, ACallThatWasSaidAndNotWrittenDownLeavesAnAmbiguousTell) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string id = Tell("TOOL 600");
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput(R"("type":"tool_use")"));
  ASSERT_NO_FATAL_FAILURE(KillAgentAndClaude());
  ASSERT_NO_FATAL_FAILURE(KeepOnlyThePrompt());

  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Repeat(id, "TOOL 600");
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(id));
  EXPECT_EQ(OutcomeOf(id).kind(), v1::FAILURE_AMBIGUOUS);
  ExpectNothingStays();
}

TEST_F(AgentRecoveryTest, CloseEndsASurvivorAtOnce) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  const std::string id = Tell("TOOL 600");
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput(R"("type":"tool_use")"));
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
  const std::string text = Held("SLOW"), id = Tell(text);
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput("word0"));
  KillAgent();
  fs::remove_all(SessionsDir());
  epoch_ = 0;

  ASSERT_NO_FATAL_FAILURE(StartAgent());
  EXPECT_EQ(attached_.reset().reason(), v1::RESET_UNKNOWN_JOURNAL);
  LetGo();
  Open();  // Waits for the survivor, which only its command line tells of.
  Repeat(id, text);
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
