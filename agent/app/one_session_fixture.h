#ifndef IRIS_AGENT_APP_ONE_SESSION_FIXTURE_H_
#define IRIS_AGENT_APP_ONE_SESSION_FIXTURE_H_

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/app/program_fixture.h"
#include "agent/service/service_fixture.h"
#include "agent/testing/held_turns.h"
#include "agent/testing/processes.h"
#include "agent/testing/programs.h"
#include "common/base/ids.h"
#include "gtest/gtest.h"

namespace iris {

// One agent after the other over one data directory, and the coordinator's end of one session.
class OneSessionTest : public AgentProgramTest {
 protected:
  OneSessionTest() {
    BecomeLikeTheAgent();
    std::filesystem::create_directory(Project());
  }
  ~OneSessionTest() override {
    LetGo();  // Of a survivor whose test has failed nobody else would see the end.
    Lose();
  }

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
  void Open(int64_t idle_timeout_ms = 0, const std::string& claude = StubClaude()) {
    v1::OpenRequest request;
    request.set_session_id(session_id_);
    request.set_epoch(epoch_);
    request.mutable_spec()->set_cwd(Project());
    request.mutable_spec()->set_claude_path(claude);
    request.mutable_spec()->set_team("gpu");
    request.mutable_spec()->set_idle_timeout_ms(idle_timeout_ms);
    v1::OpenResponse response;
    const grpc::Status status = stub_->Open(&*NewContext(), request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  std::string Tell(const std::string& text) {
    const std::string id = NewUuid();
    reader_->SendTell(id, text);
    return id;
  }
  // In the middle of a turn: `word` waits for LetGo() (agent/testing/held_turns.h).
  std::string Held(const std::string& word) { return held_.Word(word); }
  void LetGo() { held_.LetGo(); }
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

  // What the bridge of another build does to the agent, by now: the wire is lost.
  void UpgradeTo(const std::string& program) {
    program_ = program;
    Lose();
    ASSERT_NO_FATAL_FAILURE(StartAgent());
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
      // As a coordinator: of a line that another life of the agent has cut, nothing counts.
      while (event.has_incarnation() && !turn.empty() && turn.back().output().more()) {
        turn.pop_back();
      }
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
  std::string Project() const { return scratch_.File("project"); }
  std::string SessionsDir() const {
    for (const auto& host : std::filesystem::directory_iterator(Home() + "/hosts")) {
      return host.path().string() + "/sessions";
    }
    return "";
  }

  HeldTurns held_{scratch_.path()};
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

// What the stub's SLOW says.
inline std::string TwentyWords() {
  std::string words;
  for (int i = 0; i < 20; ++i) absl::StrAppend(&words, "word", i, " ");
  return words;
}

}  // namespace iris

#endif  // IRIS_AGENT_APP_ONE_SESSION_FIXTURE_H_
