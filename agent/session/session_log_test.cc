#include "agent/session/session_log.h"

#include <cstdint>
#include <string>
#include <vector>

#include "agent/session/part_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kTell[] = "11111111-1111-4111-8111-111111111111";

class SomeReader final : public SessionReader {
 public:
  explicit SomeReader(uint64_t of_epoch) : epoch_(of_epoch) {}
  void OnNewEvents() override { ++heard; }
  uint64_t epoch() const override { return epoch_; }
  uint64_t sent_seq() const override { return sent; }

  int heard = 0;
  uint64_t sent = 0;

 private:
  const uint64_t epoch_;
};

class SessionLogTest : public PartFixture {
 protected:
  uint64_t AppendLine(const std::string& line) {
    log->AppendOutput(line, /*more=*/false);
    return log->journal().newest_seq();
  }
  uint64_t Settle() {
    v1::Event event;
    event.mutable_settled()->set_tell_id(kTell);
    const uint64_t seq = log->Append(event);
    log->OnSettled(kTell, seq);
    return seq;
  }
  static std::vector<v1::TellState> OneOpen() {
    std::vector<v1::TellState> open(1);
    open[0].set_tell_id(kTell);
    return open;
  }
};

TEST_F(SessionLogTest, ReadersHearOfEveryEvent) {
  SomeReader reader(1);
  log->AddReader(&reader);
  EXPECT_EQ(AppendLine("one"), 1u);
  EXPECT_EQ(AppendLine("two"), 2u);
  EXPECT_EQ(reader.heard, 2);
  EXPECT_EQ(changes, 2);
  log->RemoveReader(&reader);
  AppendLine("three");
  EXPECT_EQ(reader.heard, 2);
}

TEST_F(SessionLogTest, ALongLineIsCutIntoPieces) {
  log->AppendOutput(std::string((64 << 10) + 1, 'x'), /*more=*/false);
  log->AppendOutput("", /*more=*/false);
  std::vector<bool> more;
  for (const v1::Event& event : Events()) more.push_back(event.output().more());
  EXPECT_THAT(more, ElementsAre(true, true, false, false));
}

TEST_F(SessionLogTest, WhatIsAcknowledgedGoes) {
  AppendLine("one");
  AppendLine("two");
  log->Acknowledge(1);
  Pass(absl::Seconds(1));  // It is durable.
  EXPECT_THAT(Story(), ElementsAre("output two"));
  log->Acknowledge(99);  // No further than there are events.
  Pass(absl::Seconds(1));
  EXPECT_THAT(Story(), IsEmpty());
}

TEST_F(SessionLogTest, AFencedReaderKeepsWhatItLacksUntilItHasTheOutcome) {
  SomeReader old(1), unconcerned(2);
  log->AddReader(&old);
  log->AddReader(&unconcerned);
  AppendLine("one");
  log->Fence(1, OneOpen());
  log->Acknowledge(1);
  Pass(absl::Seconds(1));
  EXPECT_THAT(Story(), ElementsAre("output one"));
  const uint64_t settled = Settle();
  log->Acknowledge(settled);
  old.sent = settled;
  log->OnReaderSent();
  Pass(absl::Seconds(1));
  EXPECT_THAT(Story(), IsEmpty());
  log->RemoveReader(&old);
  log->RemoveReader(&unconcerned);
}

TEST_F(SessionLogTest, NothingIsKeptForAFencedReaderThatIsGone) {
  for (const bool forget : {false, true}) {
    SomeReader old(1);
    log->AddReader(&old);
    const uint64_t seq = AppendLine("one");
    log->Fence(1, OneOpen());
    log->Acknowledge(seq);
    forget ? log->ForgetFencedReaders() : log->RemoveReader(&old);
    Pass(absl::Seconds(1));
    EXPECT_THAT(Story(), IsEmpty()) << forget;
    log->RemoveReader(&old);
  }
}

}  // namespace
}  // namespace iris
