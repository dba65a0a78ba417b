// A reader whose session was taken over while it reads, through gRPC.

#include <string>

#include "agent/service/service_fixture.h"
#include "agent/testing/processes.h"
#include "common/base/ids.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

// Its link is slower than that of who took the session from it.
class FencedInTheMiddleTest : public ServiceFixture {
 protected:
  // The new holder has read and acknowledged all of it, and more; all is durable.
  void BeFenced() {
    const uint64_t epoch = LeaseAndOpen();
    const v1::Position begin = fenced_.Start(session_id, epoch, 256 << 10).attached().position();
    fenced_.SendTell(id_, Held("WAIT") + "\nBIG 1000000");
    ASSERT_TRUE(Eventually([this] { return Info().state() == v1::SESSION_BUSY; }));
    holder_.Start(session_id, Takeover(), Reader::kAmple, begin);
    LetGo();
    holder_.ReadUntilSettled(id_);
    for (int i = 0; i < 3; ++i) {
      holder_.SendAck(holder_.position().seq());
      const std::string next = NewUuid();
      holder_.SendTell(next, "WAIT 0.1");
      holder_.ReadUntilSettled(next);
    }
    holder_.SendAck(holder_.position().seq());
  }
  bool AllIsGone() {
    return Eventually([this] { return Info().journal_bytes() < 10'000; });
  }

  const std::string id_ = NewUuid();
  Reader fenced_{stub()}, holder_{stub()};
};

TEST_F(FencedInTheMiddleTest, ItGetsAllOfItsTellWhateverTheHolderAcknowledges) {
  BeFenced();
  fenced_.SendCredit(Reader::kAmple);
  EXPECT_EQ(AnswerIn(fenced_.ReadUntilSettled(id_)).size(), 1'000'000u);
  EXPECT_TRUE(AllIsGone());
}

TEST_F(FencedInTheMiddleTest, WhenItGoesNothingIsKeptForIt) {
  BeFenced();
  fenced_.Cancel();
  EXPECT_TRUE(AllIsGone());
}

}  // namespace
}  // namespace iris
