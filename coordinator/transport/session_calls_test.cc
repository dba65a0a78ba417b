#include "coordinator/transport/session_calls.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "coordinator/link/testing/fake_channel.h"
#include "coordinator/transport/tell_cancels.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr size_t kFrameBytes = 32 << 10;

class SessionCallsTest : public ::testing::Test, private AttachSink {
 protected:
  ~SessionCallsTest() override {
    calls_.Drop();
    // A stream and its sink hold each other until its end.
    for (const std::weak_ptr<FakeChannel::AttachStream>& opened : streams_) {
      const std::shared_ptr<FakeChannel::AttachStream> stream = opened.lock();
      if (stream != nullptr && stream->sink != nullptr) stream->End(absl::OkStatus());
    }
    Run();
  }

  // Over another channel.
  void BeginContact() {
    auto channel = std::make_unique<FakeChannel>();
    agent_ = channel.get();
    calls_.Begin(std::make_shared<LinkLife>(
        LinkLife{.hello = {},
                 .channel = std::move(channel),
                 .credit = CreditShares({.first = 1000, .least = 1000, .most = 1000}, now_),
                 .send_window = SendWindow(
                     {.first = window_, .least = window_, .most = window_},
                     [this] { return ++asked_; }, now_)}));
  }
  void Lease(uint64_t epoch = 5) {
    calls_.Acquire(/*takeover=*/false, Note("lease"));
    v1::AcquireResponse acquired;
    acquired.set_epoch(epoch);
    agent_->acquire->Answer(acquired);
  }
  void Attach(const ReadMark& after = {}) {
    calls_.Attach({.mark = after, .seq = after.seq}, *this);
    streams_.push_back(agent_->attach);
  }
  // The agent's first answer.
  void BeAttached() {
    v1::AttachResponse response;
    response.mutable_attached();
    agent_->attach->Say(response);
    Run();
  }
  void SayEvents(size_t count, size_t bytes) {
    v1::AttachResponse response;
    for (size_t i = 0; i < count; ++i) {
      v1::Event& event = *response.mutable_events()->add_events();
      event.set_seq(++seq_);
      event.mutable_stderr_text()->set_bytes(std::string(bytes, 'x'));
    }
    agent_->attach->Say(response);
  }
  SessionCalls::Then Note(const std::string& what) {
    return [this, what](const absl::Status& status) {
      heard_.push_back(absl::StrCat(what, status.ok() ? " ok" : ": ", status.message()));
    };
  }
  void Run(absl::Duration passes = absl::ZeroDuration()) {
    now_ += passes;
    while (loop_.RunReady()) {
    }
  }
  std::vector<std::string> Heard() {
    Run();
    return std::exchange(heard_, {});
  }
  const v1::AttachRequest& LastSent() const { return agent_->attach->sent.back(); }

  absl::Duration now_ = absl::Hours(1);
  EventLoop loop_{[this] { return now_; }};
  uint64_t window_ = 1 << 20;
  uint64_t asked_ = 0;
  uint64_t seq_ = 0;
  bool has_room_ = true;
  std::function<void()> on_room_;
  FakeChannel* agent_ = nullptr;  // While there is contact.
  std::vector<std::weak_ptr<FakeChannel::AttachStream>> streams_;
  std::vector<std::string> heard_;
  SessionCalls calls_{loop_, "session", {.id = "me", .label = "me@here"}};

 private:
  void OnNews(std::vector<SessionNews> news, uint64_t wire_bytes, const ReadPoint&) override {
    heard_.push_back(absl::StrCat(news.size(), " news, ", wire_bytes, " bytes"));
  }
  bool MayTakeMore(std::function<void()> on_room) override {
    if (!has_room_) on_room_ = std::move(on_room);
    return has_room_;
  }
  void OnDetached(const absl::Status& why) override {
    calls_.ForgetStream();
    heard_.push_back(absl::StrCat("detached ", KindName(KindOf(why)), ": ", why.message()));
  }
};

// ------------------------------------------------------------------------------------------ calls

TEST_F(SessionCallsTest, ALeaseIsAskedForAsThisCoordinatorAndKept) {
  BeginContact();
  calls_.Acquire(/*takeover=*/true, Note("lease"));
  EXPECT_EQ(agent_->acquire->request.session_id(), "session");
  EXPECT_EQ(agent_->acquire->request.coordinator_id(), "me");
  EXPECT_TRUE(agent_->acquire->request.takeover());
  EXPECT_FALSE(calls_.has_lease());
  v1::AcquireResponse acquired;
  acquired.set_epoch(5);
  agent_->acquire->Answer(acquired);
  EXPECT_TRUE(calls_.has_lease());
  calls_.Drop();
  EXPECT_TRUE(calls_.has_lease());
  EXPECT_THAT(Heard(), ElementsAre("lease ok"));
}

TEST_F(SessionCallsTest, AFailureSaysWhatWasBeingDone) {
  BeginContact();
  calls_.Acquire(/*takeover=*/false, Note("lease"));
  agent_->acquire->Answer(MakeFailure(v1::FAILURE_PERMISSION_DENIED, "it is taken"));
  EXPECT_FALSE(calls_.has_lease());
  EXPECT_THAT(Heard(), ElementsAre("lease: leasing the session: it is taken"));
}

TEST_F(SessionCallsTest, WhatIsUnderWayEndsWithTheContactAndIsNotHeardOf) {
  BeginContact();
  Lease();
  heard_.clear();
  Attach();
  calls_.Open({}, /*takeover=*/false, absl::Seconds(10),
              [this](const absl::StatusOr<v1::OpenResponse>&) { heard_.push_back("opened"); });
  calls_.Close([this](const absl::StatusOr<bool>&) { heard_.push_back("closed"); });
  EXPECT_TRUE(calls_.is_opening());
  EXPECT_TRUE(calls_.is_closing());
  const auto open = agent_->open;
  const auto close = agent_->close;
  const auto stream = agent_->attach;
  calls_.Drop();
  EXPECT_TRUE(open->cancelled);
  EXPECT_TRUE(close->cancelled);
  EXPECT_TRUE(stream->cancelled);
  EXPECT_FALSE(calls_.is_opening());
  open->Answer(v1::OpenResponse());
  stream->End(absl::OkStatus());
  EXPECT_THAT(Heard(), IsEmpty());
}

TEST_F(SessionCallsTest, ACancelIsHeardOfAlsoAfterTheContact) {
  BeginContact();
  Lease();
  heard_.clear();
  calls_.CancelTell("tell", Note("cancel"));
  const auto cancel = agent_->cancel_tell;
  EXPECT_EQ(cancel->request.tell_id(), "tell");
  EXPECT_EQ(cancel->request.epoch(), 5u);
  calls_.Drop();
  EXPECT_FALSE(cancel->cancelled);
  cancel->Answer(v1::CancelTellResponse());
  EXPECT_THAT(Heard(), ElementsAre("cancel ok"));
}

TEST_F(SessionCallsTest, ARenewalStartsNothing) {
  BeginContact();
  Lease();
  calls_.Renew({}, Note("renewal"));
  EXPECT_TRUE(agent_->open->request.renew());
  EXPECT_TRUE(calls_.is_renewing());
  EXPECT_FALSE(calls_.is_opening());
  agent_->open->Answer(v1::OpenResponse());
  EXPECT_FALSE(calls_.is_renewing());
  EXPECT_THAT(Heard(), ElementsAre("lease ok", "renewal ok"));
}

TEST_F(SessionCallsTest, TheAgentHasLongerThanItsOwnLimitToStartAChild) {
  BeginContact();
  Lease();
  calls_.Open({}, /*takeover=*/true, absl::Minutes(3),
              [](const absl::StatusOr<v1::OpenResponse>&) {});
  EXPECT_GT(agent_->open->within, absl::Minutes(3));
  EXPECT_TRUE(agent_->open->request.takeover());
  EXPECT_FALSE(agent_->open->request.renew());
}

using SessionCallsDeathTest = SessionCallsTest;

TEST_F(SessionCallsDeathTest, NoHostIsAskedWithoutContact) {
  EXPECT_DEATH(calls_.Acquire(/*takeover=*/false, Note("lease")), "asked without contact");
}

// ----------------------------------------------------------------------------------------- stream

TEST_F(SessionCallsTest, AStreamBeginsWhereTheReaderIs) {
  BeginContact();
  Lease();
  Attach({.journal_id = "journal", .incarnation = "life", .seq = 7});
  ASSERT_EQ(agent_->attach->sent.size(), 1u);
  const v1::AttachStart& start = LastSent().start();
  EXPECT_EQ(start.session_id(), "session");
  EXPECT_EQ(start.epoch(), 5u);
  EXPECT_EQ(start.after().journal_id(), "journal");
  EXPECT_EQ(start.after().seq(), 7u);
  EXPECT_EQ(start.credit_bytes(), 1000u);
}

TEST_F(SessionCallsTest, ALongTellGoesInFramesOneAtATime) {
  BeginContact();
  Lease();
  Attach();
  agent_->attach->Leave();
  calls_.stream()->SendTell("tell", std::string(kFrameBytes + 1, 'x'), /*repeat=*/true,
                            /*begun=*/false);
  ASSERT_EQ(agent_->attach->sent.size(), 2u);
  EXPECT_EQ(LastSent().tell().text().size(), kFrameBytes);
  EXPECT_FALSE(LastSent().tell().last());
  // A small word overtakes what waits.
  calls_.stream()->Acknowledge({.journal_id = "journal", .seq = 3});
  EXPECT_TRUE(LastSent().has_ack());
  agent_->attach->Leave();
  Run();
  ASSERT_EQ(agent_->attach->sent.size(), 4u);
  EXPECT_EQ(LastSent().tell().text(), "x");
  EXPECT_TRUE(LastSent().tell().last());
  EXPECT_TRUE(LastSent().tell().repeat());
}

TEST_F(SessionCallsTest, FramesWaitUntilTheLinkHasRoom) {
  window_ = kFrameBytes;
  BeginContact();
  Lease();
  Attach();
  agent_->attach->Leave();
  calls_.stream()->SendTell("tell", std::string(2 * kFrameBytes, 'x'), /*repeat=*/false,
                            /*begun=*/false);
  agent_->attach->Leave();
  Run();
  EXPECT_EQ(agent_->attach->sent.size(), 2u);  // The window is full.
  ASSERT_GT(asked_, 0u);
  calls_.life()->send_window.OnAnswered(asked_, now_);
  EXPECT_EQ(agent_->attach->sent.size(), 3u);
}

TEST_F(SessionCallsTest, CreditIsGivenAsNewsIsTakenAndThereIsRoom) {
  BeginContact();
  Lease();
  Attach();
  BeAttached();
  Heard();
  SayEvents(1, 900);
  EXPECT_THAT(Heard(), ElementsAre("0 news, 964 bytes"));
  EXPECT_EQ(LastSent().credit().bytes(), 964u);
  has_room_ = false;
  SayEvents(1, 900);
  Run();
  const size_t sent = agent_->attach->sent.size();
  has_room_ = true;
  ASSERT_TRUE(on_room_);
  on_room_();
  EXPECT_EQ(agent_->attach->sent.size(), sent + 1);
  EXPECT_TRUE(LastSent().has_credit());
}

TEST_F(SessionCallsTest, AHostThatSendsMuchMoreThanItMayIsHeardNoFurther) {
  BeginContact();
  Lease();
  Attach();
  BeAttached();
  heard_.clear();
  SayEvents(1, AttachCall::kBeyondCreditMax + 2000);
  EXPECT_TRUE(agent_->attach->cancelled);
  SayEvents(1, 1);
  EXPECT_THAT(Heard(), IsEmpty());
  agent_->attach->End(MakeFailure(v1::FAILURE_CANCELLED, "cancelled"));
  EXPECT_THAT(Heard(), ElementsAre("detached internal: the agent on the host sent more than it was "
                                   "allowed to"));
}

TEST_F(SessionCallsTest, AStreamThatTheAgentEndsIsDropped) {
  BeginContact();
  Lease();
  Attach();
  heard_.clear();
  agent_->attach->End(absl::OkStatus());
  EXPECT_THAT(Heard(), ElementsAre("detached dropped: the agent ended the session's stream"));
  EXPECT_EQ(calls_.stream(), nullptr);
}

// ---------------------------------------------------------------------------------------- cancels

class TellCancelsTest : public SessionCallsTest {
 protected:
  TellCancelsTest() {
    BeginContact();
    Lease();
    Attach();
    heard_.clear();
  }
  TellCancels cancels_{loop_, calls_, [this](const std::string& id) { heard_.push_back(id); }};
};

TEST_F(TellCancelsTest, AHostIsAskedUntilItHasAnswered) {
  cancels_.Add("tell", "gpu1");
  cancels_.AskAll("gpu1");
  const auto first = agent_->cancel_tell;
  first->Answer(MakeFailure(v1::FAILURE_TIMEOUT, "no answer"));
  Run(absl::Minutes(1));
  ASSERT_NE(agent_->cancel_tell, first);
  agent_->cancel_tell->Answer(v1::CancelTellResponse());
  EXPECT_THAT(Heard(), ElementsAre("tell"));
  EXPECT_TRUE(cancels_.empty());
}

TEST_F(TellCancelsTest, AMessageThatTheHostDoesNotKnowIsHeardOf) {
  cancels_.Add("tell", "gpu1");
  cancels_.AskAll("gpu1");
  agent_->cancel_tell->Answer(MakeFailure(v1::FAILURE_BAD_REQUEST, "no such message"));
  EXPECT_THAT(Heard(), ElementsAre("tell"));
}

TEST_F(TellCancelsTest, AnotherHostThanTheOneThatHasTheMessageIsNotAsked) {
  cancels_.Add("tell", "gpu1");
  cancels_.AskAll("gpu2");
  EXPECT_EQ(agent_->cancel_tell, nullptr);
}

TEST_F(TellCancelsTest, WhoeverHasTheSessionNowIsAskedNoFurther) {
  cancels_.Add("tell", "gpu1");
  cancels_.AskAll("gpu1");
  const auto first = agent_->cancel_tell;
  first->Answer(MakeFailure(v1::FAILURE_PERMISSION_DENIED, "it is taken"));
  Run(absl::Minutes(1));
  EXPECT_EQ(agent_->cancel_tell, first);
  EXPECT_FALSE(cancels_.empty());
}

TEST_F(TellCancelsTest, WhatIsSettledNeedsNoAnswer) {
  cancels_.Add("tell", "gpu1");
  cancels_.OnHeard("tell");
  cancels_.OnHeard("tell");
  EXPECT_THAT(Heard(), ElementsAre("tell"));
}

}  // namespace
}  // namespace iris
