// A session that another coordinator takes over in a turn: the one before reads that to its end.

#include <cstdint>
#include <fstream>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "agent/journal/journal_sync.h"
#include "agent/session/session.h"
#include "agent/session/session_files.h"
#include "agent/session/session_fixture.h"
#include "agent/testing/processes.h"
#include "common/base/ids.h"
#include "common/testing/private_mounts.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

const bool kPrivate = (EnterPrivateMounts(), true);

// The one before. On the loop.
class OldReader final : public SessionReader {
 public:
  void OnNewEvents() override {}
  uint64_t epoch() const override { return held; }
  uint64_t sent_seq() const override { return sent; }

  uint64_t held = 0;
  uint64_t sent = 0;
};

class SessionFencedTest : public SessionFixture {
 protected:
  void TearDown() override {
    Do([this](Session& session) { session.RemoveReader(&reader_); });
    SessionFixture::TearDown();
  }
  uint64_t Acquire(Session& session) {
    v1::AcquireRequest request;
    request.set_session_id(session_id);
    request.set_coordinator_id(NewUuid());
    request.set_takeover(true);
    const absl::StatusOr<uint64_t> epoch = session.Acquire(request);
    EXPECT_TRUE(epoch.ok()) << epoch.status();
    return epoch.value_or(0);
  }
  // Before claude answers `text` the lease goes to another coordinator, and `then` follows. Returns
  // when it is settled, with the event that says so.
  uint64_t TellAndBeFenced(
      const std::string& text, const std::function<void()>& then = [] {}) {
    EXPECT_TRUE(Open().ok());
    Do([this](Session& session) {
      reader_.held = Acquire(session);
      reader_.sent = session.journal().newest_seq();
      session.AddReader(&reader_);
    });
    const std::string id = Tell(Held("WAIT") + "\n" + text);
    Do([this](Session& session) { Acquire(session); });
    then();
    LetGo();
    EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_UNSPECIFIED);
    for (const v1::Event& event : events()) {
      if (event.settled().tell_id() == id) return event.seq();
    }
    return 0;
  }
  void AcknowledgeAll() {
    Do([](Session& session) { session.Acknowledge(session.journal().newest_seq()); });
  }
  uint64_t OldestKnown() {
    uint64_t seq = 0;
    Do([&](Session& session) { seq = session.journal().oldest_known(); });
    return seq;
  }
  bool AllIsGone() {
    return Eventually([this] { return Info().journal_bytes() < 10'000; });
  }

  OldReader reader_;
};

TEST_F(SessionFencedTest, WhatItWasNotSentStaysUntilItIs) {
  const uint64_t settled = TellAndBeFenced("BIG 1000000");
  AcknowledgeAll();
  Ask("WAIT 0.2");  // All that came before is durable by then.
  AcknowledgeAll();
  EXPECT_GT(Info().journal_bytes(), 2'000'000u);

  Do([&](Session& session) {
    reader_.sent = settled - 1;
    session.OnReaderSent();
  });
  EXPECT_TRUE(Eventually([&] { return OldestKnown() == settled - 1; }));
  Do([&](Session& session) {
    reader_.sent = settled;
    session.OnReaderSent();
  });
  EXPECT_TRUE(AllIsGone());
}

TEST_F(SessionFencedTest, ForOneThatLeavesNothingIsKept) {
  TellAndBeFenced("BIG 1000000");
  AcknowledgeAll();
  Do([this](Session& session) { session.RemoveReader(&reader_); });
  EXPECT_TRUE(AllIsGone());
}

TEST_F(SessionFencedTest, ForOneThatIsForgottenNothingIsKept) {
  TellAndBeFenced("BIG 1000000");
  AcknowledgeAll();
  Do([](Session& session) { session.ForgetFencedReaders(); });
  EXPECT_TRUE(AllIsGone());
}

TEST_F(SessionFencedTest, WhatOthersTellAfterwardsIsNotKeptForIt) {
  const uint64_t settled = TellAndBeFenced("");
  Do([&](Session& session) {
    reader_.sent = settled;
    session.OnReaderSent();
  });
  Ask("BIG 1000000");
  AcknowledgeAll();
  EXPECT_TRUE(AllIsGone());
}

// The new holder acknowledges as it reads, and must never find the journal full for another.
TEST_F(SessionFencedTest, BeyondHalfOfTheJournalsBoundNothingIsKeptForIt) {
  KeepAcknowledging();
  TellAndBeFenced("BIG 6000000");  // Twice as much in lines.
  EXPECT_TRUE(AllIsGone());
}

// The same on a full disk, where what cannot be written is kept in memory, and not for it.
class SessionFencedDiskTest : public SessionFencedTest {
 protected:
  SessionFencedDiskTest() {
    MountEmpty(dir, "mode=0700,size=4m");
    limits.unwritten_bytes = 1 << 20;
    NextAgent([](SessionFiles&) {});
    KeepAcknowledging();
  }
  ~SessionFencedDiskTest() override { UnmountEmpty(dir); }

  void FillUp() {
    std::ofstream file(dir + "/ballast", std::ios::binary);
    while (file.write(std::string(4096, 'b').data(), 4096).flush()) {
    }
  }

  const std::string dir = scratch.File("session");
};

TEST_F(SessionFencedDiskTest, BeyondHalfOfTheMemoryNothingIsKeptForIt) {
  TellAndBeFenced("BIG 3000000", [this] { FillUp(); });
  EXPECT_TRUE(AllIsGone());
}

// Others hold so much in memory that everybody has to wait, and nothing more comes here.
TEST_F(SessionFencedDiskTest, WhereOthersUseUpTheMemoryNothingIsKeptForIt) {
  TellAndBeFenced("BIG 100000", [this] { FillUp(); });
  EXPECT_GT(Info().journal_bytes(), 100'000u);
  Do([this](Session&) { disk().AddUnwritten(JournalSync::kUnwrittenBytesMax); });
  EXPECT_TRUE(AllIsGone());
  Do([this](Session&) { disk().RemoveUnwritten(JournalSync::kUnwrittenBytesMax); });
}

}  // namespace
}  // namespace iris
