// The transport against an agent and a link that are the test: no wire, no thread, no process.

#include "coordinator/transport/agent_transport.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "coordinator/link/testing/fake_channel.h"
#include "coordinator/link/testing/fake_link.h"
#include "coordinator/transport/sink_recorder.h"
#include "coordinator/transport/turn_journal.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int64_t kChild = 7;
constexpr uint64_t kEpoch = 5;

class AgentTransportTest : public ::testing::Test {
 protected:
  AgentTransportTest() {
    hello_.set_host_id("gpu1");
    hello_.set_hostname("gpu1");
    hello_.set_user("me");
    hello_.set_build_number(100);
    team_.name = "gpu";
    transport_ = std::make_unique<AgentTransport>(
        loop_, link_, CoordinatorIdentity{.id = "me", .label = "me@here"}, team_,
        SessionKey{.session_id = "session", .from = "cli", .to = "gpu"}, ReadMark(), sink_);
  }
  ~AgentTransportTest() override {
    transport_.reset();
    // A stream and its sink hold each other until its end.
    for (const std::weak_ptr<FakeChannel::AttachStream>& opened : streams_) {
      const std::shared_ptr<FakeChannel::AttachStream> stream = opened.lock();
      if (stream != nullptr && stream->sink != nullptr) stream->End(absl::OkStatus());
    }
    Run();
  }

  FakeChannel& agent() { return link_.agent(); }
  void Run(absl::Duration passes = absl::ZeroDuration()) {
    now_ += passes;
    while (loop_.RunReady()) {
    }
  }
  void Tell(const std::string& id) {
    transport_->Tell(id, absl::StrCat("text of ", id));
    Run();
  }
  void LinkUp() {
    link_.Up(hello_);
    Run();
  }
  void LinkLost() {
    link_.Down(MakeFailure(v1::FAILURE_DROPPED, "the wire is gone"), /*retries=*/true);
    Run();
  }
  void Grant(uint64_t epoch = kEpoch) {
    v1::AcquireResponse acquired;
    acquired.set_epoch(epoch);
    agent().acquire->Answer(acquired);
    Run();
  }
  // The stream's first answer: the host has read `journal_` to its end.
  void BeAttached(int64_t child = 0) {
    streams_.push_back(agent().attach);
    v1::AttachResponse response;
    *response.mutable_attached()->mutable_position() = journal_.start();
    response.mutable_attached()->mutable_position()->set_seq(journal_.events.size());
    if (child != 0) response.mutable_attached()->mutable_child()->set_pid(child);
    agent().attach->Say(response);
    Run();
  }
  void BeOpened() {
    v1::OpenResponse opened;
    opened.mutable_child()->set_pid(kChild);
    agent().open->Answer(opened);
    Run();
  }
  // What was written to the journal since the last time comes down the stream.
  void SayEvents() {
    v1::AttachResponse response;
    for (; said_ < journal_.events.size(); ++said_) {
      *response.mutable_events()->add_events() = journal_.events[said_];
    }
    agent().attach->Say(response);
    Run();
  }
  // The store has the mark: messages may go to this host.
  void Store() {
    transport_->Acknowledge({.host = {.key = "gpu1\nme\n", .name = "me@gpu1"}});
    Run();
  }
  // The tells that were sent over the stream of now, again where they were said to be.
  std::vector<std::string> Sent() {
    std::vector<std::string> sent;
    for (const v1::AttachRequest& frame : agent().attach->sent) {
      if (!frame.has_tell()) continue;
      sent.push_back(absl::StrCat(frame.tell().tell_id(), frame.tell().repeat() ? " again" : ""));
    }
    return sent;
  }
  // A session that is open, with a tell that the host has.
  void OpenWith(const std::string& id) {
    Tell(id);
    LinkUp();
    Grant();
    BeAttached();
    BeOpened();
    Store();
    ASSERT_THAT(Sent(), Contains(id));
    sink_.Take();
  }

  absl::Duration now_ = absl::Hours(1);
  EventLoop loop_{[this] { return now_; }};
  FakeLink link_;
  v1::Hello hello_;
  Team team_;
  SinkRecorder sink_;
  TurnJournal journal_{"life"};
  size_t said_ = 0;
  std::vector<std::weak_ptr<FakeChannel::AttachStream>> streams_;
  std::unique_ptr<AgentTransport> transport_;
};

TEST_F(AgentTransportTest, AMessageIsAnswered) {
  OpenWith("a");
  EXPECT_TRUE(transport_->ready());
  journal_.Written("a").Says("hello").Settled("a");
  SayEvents();
  const std::vector<std::string> heard = sink_.Take();
  EXPECT_THAT(heard, Contains("a says hello"));
  EXPECT_THAT(heard, Contains("a settled ok"));
  EXPECT_FALSE(transport_->busy());
}

TEST_F(AgentTransportTest, NothingIsSentBeforeItIsStoredWhichHostGetsIt) {
  Tell("a");
  EXPECT_TRUE(link_.wanted());
  LinkUp();
  Grant();
  BeAttached();
  BeOpened();
  EXPECT_THAT(sink_.Take(), Contains(absl::StrCat("ready ", kChild)));
  EXPECT_THAT(Sent(), IsEmpty());
  Store();
  EXPECT_THAT(Sent(), Contains("a"));
}

TEST_F(AgentTransportTest, AfterALossTheLeaseOfBeforeIsTriedAndTheMessageIsSentAgain) {
  OpenWith("a");
  LinkLost();
  EXPECT_TRUE(transport_->is_out_of_reach());
  EXPECT_TRUE(transport_->busy());
  LinkUp();
  EXPECT_EQ(agent().acquire, nullptr);
  ASSERT_NE(agent().attach, nullptr);
  EXPECT_EQ(agent().attach->sent.front().start().epoch(), kEpoch);
  BeAttached(kChild);
  ASSERT_NE(agent().open, nullptr);  // How it is launched from now on; nothing starts.
  EXPECT_TRUE(agent().open->request.renew());
  EXPECT_THAT(Sent(), IsEmpty());
  agent().open->Answer(v1::OpenResponse());
  Run();
  EXPECT_THAT(Sent(), Contains("a again"));
}

TEST_F(AgentTransportTest, ALeaseThatIsOverIsAskedForAnew) {
  OpenWith("a");
  LinkLost();
  LinkUp();
  streams_.push_back(agent().attach);
  agent().attach->End(MakeFailure(v1::FAILURE_PERMISSION_DENIED, "the lease is over"));
  Run();
  ASSERT_NE(agent().acquire, nullptr);
  Grant(kEpoch + 1);
  EXPECT_EQ(agent().attach->sent.front().start().epoch(), kEpoch + 1);
  BeAttached(kChild);
  EXPECT_THAT(sink_.Take(), Not(Contains("a settled permission_denied")));
}

TEST_F(AgentTransportTest, ALeaseThatIsRefusedFailsWhatWaits) {
  Tell("a");
  LinkUp();
  agent().acquire->Answer(MakeFailure(v1::FAILURE_PERMISSION_DENIED, "somebody else has it"));
  Run();
  const std::vector<std::string> heard = sink_.Take();
  EXPECT_THAT(heard, Contains("a settled permission_denied"));
  EXPECT_THAT(heard, Contains("down permission_denied"));
  EXPECT_FALSE(link_.wanted());
}

TEST_F(AgentTransportTest, AStreamThatTheAgentEndsIsOpenedAgainOverTheLinkThatStands) {
  OpenWith("a");
  const auto first = agent().attach;
  first->End(absl::OkStatus());
  Run();
  EXPECT_EQ(agent().attach, first);  // The link may be about to say why.
  Run(absl::Seconds(3));
  ASSERT_NE(agent().attach, first);
  BeAttached(kChild);
  EXPECT_TRUE(transport_->busy());
}

TEST_F(AgentTransportTest, WhoCancelsWhileTheHostIsAwayDoesNotWaitForIt) {
  OpenWith("a");
  LinkLost();
  transport_->Cancel("a");
  Run();
  EXPECT_THAT(sink_.Take(), Contains("a settled cancelled"));
  LinkUp();
  BeAttached(kChild);
  ASSERT_NE(agent().cancel_tell, nullptr);
  EXPECT_EQ(agent().cancel_tell->request.tell_id(), "a");
  EXPECT_EQ(agent().open, nullptr);  // For nothing else is anything started.
  agent().cancel_tell->Answer(v1::CancelTellResponse());
  Run();
  EXPECT_THAT(sink_.Take(), Contains("a cancel heard"));
  EXPECT_FALSE(link_.wanted());
}

TEST_F(AgentTransportTest, AChildIsEndedAndItsMessagesEndAsTheStreamSays) {
  OpenWith("a");
  absl::StatusOr<bool> ran = false;
  transport_->Terminate([&ran](const absl::StatusOr<bool>& was_running) { ran = was_running; });
  ASSERT_NE(agent().close, nullptr);
  v1::CloseResponse closed;
  closed.set_was_running(true);
  agent().close->Answer(closed);
  Run();
  EXPECT_FALSE(*ran);  // The stream says the rest.
  journal_.Written("a").Settled("a", v1::FAILURE_CANCELLED);
  journal_.events.emplace_back().set_seq(journal_.events.size());
  journal_.events.back().mutable_exited()->set_reason(v1::Exited::CLOSED);
  SayEvents();
  EXPECT_TRUE(ran.value_or(false));
  EXPECT_THAT(sink_.Take(), Contains("a settled cancelled"));
}

TEST_F(AgentTransportTest, AMessageThatIsTakenBackLeavesItsHostAwaited) {
  Tell("a");
  LinkLost();  // It was never up: the message waits as the sink says.
  EXPECT_TRUE(transport_->busy());
  EXPECT_TRUE(transport_->Withdraw("a"));
  EXPECT_FALSE(transport_->busy());
  LinkUp();
  EXPECT_THAT(sink_.Take(), Contains("host back"));
}

}  // namespace
}  // namespace iris
