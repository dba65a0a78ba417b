// A session whose host was reached, and on which no agent can run.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "coordinator/config/config.h"
#include "coordinator/kept/read_mark.h"
#include "coordinator/link/testing/fake_link.h"
#include "coordinator/pool/known_hosts.h"
#include "coordinator/pool/pooled_session.h"
#include "coordinator/pool/session_listener.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/store/testing/memory_store.h"
#include "coordinator/transport/agent_transport.h"
#include "coordinator/transport/sink_recorder.h"
#include "coordinator/transport/testing/fake_transport.h"
#include "coordinator/transport/transport.h"
#include "coordinator/transport/transport_factory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Keeps what it hears, and passes on what the session has to know.
class SessionSink final : public SinkRecorder {
 public:
  void OnReady(int64_t pid, uint64_t start_time) override {
    session->NoteReady(pid, start_time);
    SinkRecorder::OnReady(pid, start_time);
  }
  void OnDown(const absl::Status& why) override {
    session->NoteDown(why);
    SinkRecorder::OnDown(why);
  }
  void OnSettled(const std::string& id, const absl::Status& outcome) override {
    session->NoteSettled();
    SinkRecorder::OnSettled(id, outcome);
  }
  void OnCancelHeard(const std::string& id) override {
    session->NoteCancelHeard(id);
    SinkRecorder::OnCancelHeard(id);
  }
  bool MayGive(const std::string& id) override {
    given.push_back(id);
    return true;
  }

  PooledSession* session = nullptr;
  std::vector<std::string> given;  // Everything that was about to go to a host, ever.
};

class HandOverTest : public ::testing::Test, public TransportFactory, public SessionListener {
 protected:
  ~HandOverTest() override {
    session_.reset();
    Run();
  }

  void MakeSession(const ReadMark& after = {}) {
    session_ = std::make_unique<PooledSession>(
        *this, team_, SessionKey{.session_id = "session", .from = "cli", .to = "gpu"}, after,
        /*may_live=*/false, hosts_, *this, [] {});
  }
  void Run() {
    while (loop_.RunReady()) {
    }
  }
  // An attempt to reach the host ends.
  void Fails(FailureKind kind) {
    Run();
    const absl::Status why = MakeFailure(kind, "the attempt failed");
    sink_.end_while_away = why;
    link_.Down(why, /*retries=*/false);
    Run();
  }
  int handed_over() const { return others_.made(); }

  absl::Duration now_ = absl::Hours(1);
  EventLoop loop_{[this] { return now_; }};
  MemoryStore store_;
  StoreQueue queue_{loop_, store_};
  KnownHosts hosts_{queue_};
  FakeLink link_;
  const Team team_{
      .name = "gpu",
      .remote = RemoteCommand{.text = "reach gpu1", .program = "reach", .destination = "gpu1"}};
  FakeTransportFactory others_{loop_, EchoScript};
  bool kind_does_without_ = true;
  SessionSink sink_;
  std::unique_ptr<PooledSession> session_;

 private:
  std::unique_ptr<Transport> Make(const Team& team, const SessionKey& key, const ReadMark& after,
                                  TransportSink& sink) override {
    return std::make_unique<AgentTransport>(
        loop_, link_, CoordinatorIdentity{.id = "me", .label = "me@here"}, team, key, after, sink);
  }
  std::unique_ptr<Transport> MakeWithoutAgent(const Team& team, const SessionKey& key,
                                              const ReadMark& after, TransportSink& sink) override {
    return kind_does_without_ ? others_.Make(team, key, after, sink) : nullptr;
  }
  TransportSink& SinkFor(PooledSession& session) override {
    sink_.session = &session;
    return sink_;
  }
  void OnRoom(const std::string&) override {}
};

TEST_F(HandOverTest, WhatWaitsIsRunByTheOtherTransportFromItsBeginning) {
  MakeSession();
  session_->Tell("t1", "one");
  session_->Tell("t2", "two");
  Fails(v1::FAILURE_NO_AGENT_POSSIBLE);

  EXPECT_THAT(sink_.Take(), ElementsAre("ready 4711", "t1 says one", "t1 settled ok", "t2 says two",
                                        "t2 settled ok"));
  EXPECT_THAT(sink_.given, ElementsAre("t1", "t2"));
  EXPECT_FALSE(session_->busy());
  EXPECT_FALSE(link_.wanted());
  EXPECT_EQ(handed_over(), 1);
}

TEST_F(HandOverTest, WhatComesLaterGoesThereAtOnce) {
  MakeSession();
  session_->Tell("t1", "one");
  Fails(v1::FAILURE_NO_AGENT_POSSIBLE);
  sink_.Take();
  session_->Tell("t2", "two");
  Run();
  EXPECT_THAT(sink_.Take(), ElementsAre("t2 says two", "t2 settled ok"));
  EXPECT_EQ(handed_over(), 1);
  EXPECT_FALSE(link_.wanted());
}

TEST_F(HandOverTest, WhoWakesTheSessionHearsOfTheOtherTransportsChild) {
  MakeSession();
  session_->Wake();
  Fails(v1::FAILURE_NO_AGENT_POSSIBLE);
  EXPECT_THAT(sink_.Take(), ElementsAre("ready 4711"));
  EXPECT_TRUE(session_->ready());
}

TEST_F(HandOverTest, ATakeoverStaysOne) {
  MakeSession();
  session_->TakeOver();
  Fails(v1::FAILURE_NO_AGENT_POSSIBLE);
  EXPECT_EQ(others_.Between("cli", "gpu").taken_over(), 1);
}

// Only a life that nobody remembers may have given it to the host: the other transport is told.
TEST_F(HandOverTest, ARepetitionStaysOne) {
  MakeSession();
  session_->Resume("t1", "one", /*given=*/false);
  Fails(v1::FAILURE_NO_AGENT_POSSIBLE);
  EXPECT_THAT(others_.Between("cli", "gpu").repeated(), ElementsAre("t1"));
  EXPECT_THAT(others_.Between("cli", "gpu").resumed(), IsEmpty());
  EXPECT_THAT(sink_.Take(), Contains("t1 settled ok"));
}

TEST_F(HandOverTest, WhereTheKindHasNoneTheFailureIsTheCallers) {
  kind_does_without_ = false;
  MakeSession();
  session_->Tell("t1", "one");
  Fails(v1::FAILURE_NO_AGENT_POSSIBLE);
  const std::vector<std::string> heard = sink_.Take();
  EXPECT_THAT(heard, Contains("t1 settled no_agent_possible"));
  EXPECT_THAT(heard, Not(Contains(HasSubstr("says"))));
  EXPECT_THAT(sink_.given, IsEmpty());
  EXPECT_FALSE(session_->busy());
}

TEST_F(HandOverTest, AnyOtherFailureIsNoReason) {
  MakeSession();
  session_->Tell("t1", "one");
  Fails(v1::FAILURE_NOT_EXECUTABLE);
  EXPECT_THAT(sink_.Take(), Contains("t1 settled not_executable"));
  EXPECT_EQ(handed_over(), 0);
}

// It is done there, or will be; and so the conversation goes on there.
TEST_F(HandOverTest, WhatAnAgentMayHaveIsGivenToNobodyElse) {
  MakeSession({.journal_id = "journal", .host = {.key = "gpu1\nme\n", .name = "me@gpu1"}});
  session_->Resume("t1", "one", /*given=*/true);
  Fails(v1::FAILURE_NO_AGENT_POSSIBLE);
  EXPECT_EQ(handed_over(), 0);
  EXPECT_THAT(sink_.given, IsEmpty());
  EXPECT_TRUE(session_->busy()) << "it waits for its host";
}

TEST_F(HandOverTest, ASessionThatAnAgentHadStaysItsOwn) {
  MakeSession({.journal_id = "journal", .host = {.key = "gpu1\nme\n", .name = "me@gpu1"}});
  session_->Tell("t1", "one");
  Fails(v1::FAILURE_NO_AGENT_POSSIBLE);
  EXPECT_EQ(handed_over(), 0);
  EXPECT_THAT(sink_.Take(), Contains("t1 settled no_agent_possible"));
}

TEST_F(HandOverTest, WhatIsCancelledIsNotRun) {
  MakeSession();
  session_->Tell("t1", "one");
  session_->Cancel("t1");
  Fails(v1::FAILURE_NO_AGENT_POSSIBLE);
  EXPECT_THAT(sink_.Take(), Contains("t1 settled cancelled"));
  EXPECT_THAT(sink_.given, IsEmpty());
  EXPECT_FALSE(session_->busy());
}

}  // namespace
}  // namespace iris
