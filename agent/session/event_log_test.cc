#include "agent/session/event_log.h"

#include <string>
#include <vector>

#include "common/frame/wire_bytes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr size_t kNoLimit = 1 << 30;

v1::Event Output(const std::string& bytes) {
  v1::Event event;
  event.mutable_output()->set_bytes(bytes);
  return event;
}

class EventLogTest : public ::testing::Test {
 protected:
  void Append(int count) {
    for (int i = 0; i < count; ++i) log.Append(Output("x"));
  }
  std::vector<uint64_t> SeqsAfter(uint64_t seq, size_t bytes_max = kNoLimit) const {
    std::vector<uint64_t> seqs;
    for (const EventLog::EventPtr& event : log.After(seq, bytes_max)) seqs.push_back(event->seq());
    return seqs;
  }
  v1::ResetReason Check(uint64_t seq) const {
    v1::Position position = log.newest();
    position.set_seq(seq);
    return log.CheckPosition(position);
  }

  EventLog log{"this-life"};
};

TEST_F(EventLogTest, AReaderGetsExactlyWhatItMissed) {
  Append(4);
  EXPECT_THAT(SeqsAfter(0), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(SeqsAfter(2), ElementsAre(3, 4));
  EXPECT_THAT(SeqsAfter(4), IsEmpty());
}

TEST_F(EventLogTest, ABatchStaysWithinItsBytesButHoldsAtLeastOneEvent) {
  for (int i = 0; i < 3; ++i) log.Append(Output(std::string(1000, 'x')));
  const size_t one = WireBytes(Output(std::string(1000, 'x')));

  EXPECT_THAT(SeqsAfter(0, 2 * one), ElementsAre(1, 2));
  EXPECT_THAT(SeqsAfter(0, 2 * one - 1), ElementsAre(1));
  EXPECT_THAT(SeqsAfter(0, 1), ElementsAre(1));
}

TEST_F(EventLogTest, TrimmingDropsTheAcknowledgedAndTheirBytes) {
  Append(4);
  const size_t all = log.bytes();
  log.Trim(3);
  EXPECT_THAT(SeqsAfter(3), ElementsAre(4));
  EXPECT_EQ(log.bytes(), all / 4);
  log.Trim(3);
  log.Trim(2);
  EXPECT_EQ(log.oldest_known(), 3u);
  log.Trim(100);
  EXPECT_EQ(log.bytes(), 0u);

  Append(1);
  EXPECT_THAT(SeqsAfter(4), ElementsAre(5));  // Numbers go on.
}

TEST_F(EventLogTest, APositionThatCannotBeHonouredSaysWhy) {
  Append(4);
  log.Trim(2);
  EXPECT_EQ(Check(1), v1::RESET_TRIMMED);
  EXPECT_EQ(Check(2), v1::RESET_UNSPECIFIED);
  EXPECT_EQ(Check(4), v1::RESET_UNSPECIFIED);
  EXPECT_EQ(Check(5), v1::RESET_AHEAD);

  v1::Position position = log.newest();
  position.set_incarnation("another-life");
  EXPECT_EQ(log.CheckPosition(position), v1::RESET_UNKNOWN_JOURNAL);
  EXPECT_EQ(log.CheckPosition(EventLog("this-life").newest()), v1::RESET_UNKNOWN_JOURNAL);
}

TEST_F(EventLogTest, ItIsFullAtItsLimitAndNotBefore) {
  const size_t overhead = WireBytes(Output(""));
  log.Append(Output(std::string(EventLog::kBytesMax - overhead - 1, 'x')));
  EXPECT_FALSE(log.full());
  log.Append(Output(""));
  EXPECT_TRUE(log.full());
  log.Trim(1);
  EXPECT_FALSE(log.full());
}

}  // namespace
}  // namespace iris
