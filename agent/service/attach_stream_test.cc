// The session's wire, through gRPC.

#include "agent/service/attach_stream.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/service/service_fixture.h"
#include "agent/testing/processes.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "common/frame/wire_bytes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

using AttachStreamTest = ServiceFixture;

size_t BytesOf(const std::vector<v1::Event>& events) {
  size_t bytes = 0;
  for (const v1::Event& event : events) bytes += WireBytes(event);
  return bytes;
}

// What the stub's word BIG says.
std::string NumberedText(size_t bytes) {
  std::string text;
  for (int i = 0; text.size() < bytes; ++i) {
    const std::string number = std::to_string(i);
    absl::StrAppend(&text, std::string(7 - number.size(), '0'), number, " ");
  }
  text.resize(bytes);
  return text;
}

TEST_F(AttachStreamTest, ATellGoesInAndItsEventsComeOut) {
  const uint64_t epoch = LeaseAndOpen();
  Reader reader(stub());
  const v1::AttachResponse first = reader.Start(session_id, epoch);
  EXPECT_EQ(first.attached().state(), v1::SESSION_READY);
  EXPECT_GT(first.attached().position().seq(), 0u);  // It has started.

  const std::string id = NewUuid();
  reader.SendTell(id, "hello");
  const std::vector<v1::Event> events = reader.ReadUntilSettled(id);
  EXPECT_EQ(events[0].accepted().tell_id(), id);
  EXPECT_EQ(AnswerIn(events), "ECHO: hello");
  EXPECT_EQ(OutcomeIn(events).kind(), v1::FAILURE_UNSPECIFIED);
  EXPECT_TRUE(reader.Finish().ok());
}

TEST_F(AttachStreamTest, ALineOf16MillionBytesArrivesByteForByte) {
  const uint64_t epoch = LeaseAndOpen();
  Reader reader(stub());
  reader.Start(session_id, epoch, 4 << 20);
  const std::string id = NewUuid();
  reader.SendTell(id, "BIG 16000000");
  std::vector<v1::Event> events;
  for (bool settled = false; !settled;) {
    const std::optional<std::vector<v1::Event>> batch = reader.Next();
    ASSERT_TRUE(batch.has_value()) << reader.Finish();
    reader.SendCredit(BytesOf(*batch));
    for (const v1::Event& event : *batch) settled = settled || event.has_settled();
    events.insert(events.end(), batch->begin(), batch->end());
  }
  const std::string answer = AnswerIn(events);
  EXPECT_TRUE(answer == NumberedText(16'000'000)) << answer.size() << " bytes";
}

TEST_F(AttachStreamTest, NoMoreComesThanCreditAllows) {
  const uint64_t epoch = LeaseAndOpen();
  constexpr size_t kEventMax = (64 << 10) + 64;  // The child's stdout is read in 64 KiB.
  size_t given = 256 << 10, received = 0;
  Reader reader(stub());
  reader.Start(session_id, epoch, given);
  reader.SendTell(NewUuid(), "BIG 2000000");
  for (bool settled = false; !settled;) {
    const std::optional<std::vector<v1::Event>> batch = reader.Next();
    ASSERT_TRUE(batch.has_value()) << reader.Finish();
    EXPECT_LE(BytesOf(*batch), size_t{256} << 10);
    received += BytesOf(*batch);
    ASSERT_LT(received, given + kEventMax);
    for (const v1::Event& event : *batch) settled = settled || event.has_settled();
    if (received < given) continue;
    given += 64 << 10;
    reader.SendCredit(64 << 10);
  }
  EXPECT_GT(received, 4'000'000u);
}

TEST_F(AttachStreamTest, ASlowReaderSlowsOnlyItself) {
  const uint64_t epoch = LeaseAndOpen();
  Reader slow(stub()), quick(stub());
  slow.Start(session_id, epoch, 256 << 10);
  quick.Start(session_id, epoch);
  const std::string id = NewUuid();
  quick.SendTell(id, "BIG 2000000");
  EXPECT_EQ(AnswerIn(quick.ReadUntilSettled(id)).size(), 2'000'000u);
  EXPECT_EQ(Info().readers(), 2u);

  slow.SendCredit(Reader::kAmple);
  EXPECT_EQ(AnswerIn(slow.ReadUntilSettled(id)).size(), 2'000'000u);
}

TEST_F(AttachStreamTest, AfterALostLinkAReaderGetsExactlyWhatItMissed) {
  const uint64_t epoch = LeaseAndOpen();
  const std::string id = NewUuid();
  std::vector<v1::Event> events;
  v1::Position position;
  {
    Reader reader(stub());
    reader.Start(session_id, epoch);
    reader.SendTell(id, Held("SLOW") + "\nBLOCKS 2");
    while (OutputOf(events).find("word0") == std::string::npos) {
      const std::optional<std::vector<v1::Event>> batch = reader.Next();
      ASSERT_TRUE(batch.has_value());
      events.insert(events.end(), batch->begin(), batch->end());
    }
    position = reader.position();
    reader.Cancel();
    LetGo();
  }
  Reader reader(stub());
  const v1::AttachResponse first = reader.Start(session_id, epoch, Reader::kAmple, position);
  ASSERT_TRUE(first.has_attached());
  const std::vector<v1::Event> rest = reader.ReadUntilSettled(id);
  EXPECT_EQ(rest.front().seq(), position.seq() + 1);
  events.insert(events.end(), rest.begin(), rest.end());
  const std::string answer = AnswerIn(events);
  EXPECT_THAT(answer, HasSubstr("word18 word19 block 1\nblock 2\n"));
  EXPECT_EQ(answer.find("word0"), 0u);
}

TEST_F(AttachStreamTest, AnAttachTellsWhatIsOpenAndStartsNothing) {
  const uint64_t epoch = Lease();
  Reader idle(stub());
  EXPECT_EQ(idle.Start(session_id, epoch).attached().state(), v1::SESSION_NO_CHILD);
  EXPECT_TRUE(HaveNoChildren());
  EXPECT_TRUE(idle.Finish().ok());

  v1::OpenResponse opened;
  ASSERT_TRUE(Open(epoch, &opened).ok());
  Reader teller(stub());
  teller.Start(session_id, epoch);
  const std::string running = NewUuid(), waiting = NewUuid();
  teller.SendTell(running, "HANG");
  teller.SendTell(waiting, "x");
  ASSERT_TRUE(Eventually([this] { return Info().tells_waiting() == 1; }));

  Reader reader(stub());
  const v1::Attached attached = reader.Start(session_id, epoch).attached();
  EXPECT_EQ(attached.state(), v1::SESSION_BUSY);
  ASSERT_EQ(attached.tells_size(), 2);
  EXPECT_EQ(attached.tells(0).tell_id(), running);
  EXPECT_EQ(attached.tells(0).phase(), v1::TellState::WRITTEN);
  EXPECT_EQ(attached.tells(1).tell_id(), waiting);
  EXPECT_EQ(attached.tells(1).phase(), v1::TellState::ACCEPTED);
}

TEST_F(AttachStreamTest, AnAcknowledgementFreesTheLogAndMovesItsBeginning) {
  const uint64_t epoch = LeaseAndOpen();
  Reader reader(stub());
  const v1::Position begin = reader.Start(session_id, epoch).attached().position();
  const std::string id = NewUuid();
  reader.SendTell(id, "BIG 100000");
  reader.ReadUntilSettled(id);
  ASSERT_GT(Info().journal_bytes(), 200'000u);

  reader.SendAck(reader.position().seq());
  ASSERT_TRUE(Eventually([this] { return Info().journal_bytes() < 10'000; }));

  Reader late(stub());
  const v1::Reset reset = late.Start(session_id, epoch, Reader::kAmple, begin).reset();
  EXPECT_EQ(reset.reason(), v1::RESET_TRIMMED);
  EXPECT_GE(reset.position().seq(), reader.position().seq());
}

TEST_F(AttachStreamTest, APositionThatIsNotOursIsResetAndEventsFollowFromThere) {
  const uint64_t epoch = LeaseAndOpen();
  Reader reader(stub());
  v1::Position position = reader.Start(session_id, epoch).attached().position();

  position.set_seq(1'000'000);
  Reader ahead(stub());
  EXPECT_EQ(ahead.Start(session_id, epoch, Reader::kAmple, position).reset().reason(),
            v1::RESET_AHEAD);

  position.set_journal_id(NewUuid());
  Reader stranger(stub());
  const v1::Reset reset = stranger.Start(session_id, epoch, Reader::kAmple, position).reset();
  EXPECT_EQ(reset.reason(), v1::RESET_UNKNOWN_JOURNAL);
  EXPECT_EQ(reset.position().seq(), 0u);
  const std::string id = NewUuid();
  stranger.SendTell(id, "hello");
  EXPECT_EQ(stranger.ReadUntilSettled(id).front().seq(), 1u);  // From the beginning.
}

TEST_F(AttachStreamTest, ATellInFramesIsPutTogether) {
  const uint64_t epoch = LeaseAndOpen();
  Reader reader(stub());
  reader.Start(session_id, epoch);
  const std::string id = NewUuid();
  reader.SendFrame(id, "gr\xC3", false);  // Cut inside a character.
  reader.SendFrame(id, "\xBC\xC3\x9F", false);
  reader.SendFrame(id, "", false);
  reader.SendFrame(id, "e", true);
  EXPECT_EQ(AnswerIn(reader.ReadUntilSettled(id)), "ECHO: grüße");
}

TEST_F(AttachStreamTest, ARefusedTellIsSettledAndTheStreamGoesOn) {
  const uint64_t epoch = LeaseAndOpen();
  Reader reader(stub());
  reader.Start(session_id, epoch);
  const std::string bad = NewUuid(), good = NewUuid();
  reader.SendTell(bad, "caf\xE9");
  EXPECT_EQ(OutcomeIn(reader.ReadUntilSettled(bad)).kind(), v1::FAILURE_BAD_REQUEST);
  reader.SendTell(good, "hello");
  EXPECT_EQ(AnswerIn(reader.ReadUntilSettled(good)), "ECHO: hello");
}

TEST_F(AttachStreamTest, BreachesOfTheProtocolEndTheStream) {
  const uint64_t epoch = LeaseAndOpen();
  const auto outcome = [&](const std::function<void(Reader&)>& breach, bool start) {
    Reader reader(stub());
    if (start) reader.Start(session_id, epoch);
    breach(reader);
    while (reader.Next().has_value()) {
    }
    return KindOf(reader.Finish());
  };
  const auto tell = [](Reader& reader) { reader.SendTell(NewUuid(), "x"); };
  const auto ack = [](Reader& reader) { reader.SendAck(0); };
  EXPECT_EQ(outcome(tell, /*start=*/false), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(outcome(ack, /*start=*/false), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(outcome([&](Reader& reader) { reader.Start(session_id, epoch); }, true),
            v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(outcome([](Reader& reader) { reader.SendTell("no uuid", "x"); }, true),
            v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(outcome(
                [](Reader& reader) {
                  reader.SendFrame(NewUuid(), "a", false);
                  reader.SendFrame(NewUuid(), "b", true);
                },
                true),
            v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(outcome(
                [](Reader& reader) {
                  const std::string id = NewUuid();
                  for (int i = 0; i < 33; ++i) {
                    reader.SendFrame(id, std::string(256 << 10, 'x'), i == 32);
                  }
                },
                true),
            v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(Info().state(), v1::SESSION_READY);  // Nobody else was harmed.
}

TEST_F(AttachStreamTest, WithoutTheLeaseThereIsNoStream) {
  const uint64_t epoch = LeaseAndOpen();
  const auto attach = [this](const std::string& session, uint64_t lease) {
    Reader reader(stub());
    EXPECT_EQ(reader.Start(session, lease).kind_case(), v1::AttachResponse::KIND_NOT_SET);
    return KindOf(reader.Finish());
  };
  EXPECT_EQ(attach(session_id, epoch + 1), v1::FAILURE_PERMISSION_DENIED);
  EXPECT_EQ(attach(session_id, 0), v1::FAILURE_PERMISSION_DENIED);
  EXPECT_EQ(attach(NewUuid(), epoch), v1::FAILURE_BAD_REQUEST);
  Lease();
  EXPECT_EQ(attach(session_id, epoch), v1::FAILURE_PERMISSION_DENIED);
}

TEST_F(AttachStreamTest, AFencedCoordinatorNeitherTellsNorAcknowledges) {
  const uint64_t epoch = LeaseAndOpen();
  Reader teller(stub()), acker(stub());
  teller.Start(session_id, epoch);
  acker.Start(session_id, epoch);
  const uint64_t bytes = Info().journal_bytes();
  ASSERT_GT(bytes, 0u);
  Takeover();

  teller.SendTell(NewUuid(), "x");
  EXPECT_FALSE(teller.Next().has_value());
  EXPECT_EQ(KindOf(teller.Finish()), v1::FAILURE_PERMISSION_DENIED);
  acker.SendAck(acker.position().seq());
  EXPECT_EQ(Info().journal_bytes(), bytes);
}

TEST_F(AttachStreamTest, AFencedCoordinatorReadsOnToTheEndOfItsTell) {
  const uint64_t epoch = LeaseAndOpen();
  Reader reader(stub());
  const v1::Position begin = reader.Start(session_id, epoch).attached().position();
  const std::string id = NewUuid();
  reader.SendTell(id, Held("SLOW") + "\nBLOCKS 2");
  ASSERT_TRUE(Eventually([this] { return Info().state() == v1::SESSION_BUSY; }));
  Takeover();
  reader.SendAck(begin.seq() + 1);
  LetGo();
  const std::vector<v1::Event> events = reader.ReadUntilSettled(id);
  EXPECT_EQ(OutcomeIn(events).kind(), v1::FAILURE_UNSPECIFIED);
  EXPECT_THAT(AnswerIn(events), HasSubstr("block 2"));
  EXPECT_EQ(events.front().seq(), begin.seq() + 1);
}

TEST_F(AttachStreamTest, AnAcknowledgementReachesNoFurtherThanWhatWasSent) {
  const uint64_t epoch = LeaseAndOpen();
  Reader behind(stub()), reader(stub());
  behind.Start(session_id, epoch, 256 << 10);
  reader.Start(session_id, epoch);
  const std::string id = NewUuid();
  reader.SendTell(id, "BIG 1000000");
  reader.ReadUntilSettled(id);
  const uint64_t bytes = Info().journal_bytes();

  behind.SendAck(reader.position().seq());
  ASSERT_TRUE(Eventually([&] { return Info().journal_bytes() < bytes; }));
  EXPECT_GT(Info().journal_bytes(), 1'500'000u);
}

TEST_F(AttachStreamTest, AReaderThatOthersLeftBehindIsSentAway) {
  const uint64_t epoch = LeaseAndOpen();
  Reader behind(stub()), reader(stub());
  behind.Start(session_id, epoch, 256 << 10);
  reader.Start(session_id, epoch);
  const std::string id = NewUuid();
  reader.SendTell(id, "BIG 1000000");
  reader.ReadUntilSettled(id);
  reader.SendAck(reader.position().seq());
  ASSERT_TRUE(Eventually([this] { return Info().journal_bytes() < 10'000; }));

  behind.SendCredit(Reader::kAmple);
  while (behind.Next().has_value()) {
  }
  EXPECT_EQ(KindOf(behind.Finish()), v1::FAILURE_DROPPED);
}

// Its request ends its own stream, and gRPC frees that on another thread, at any moment: hence the
// rounds. One read started too late ends the agent with all its sessions.
TEST_F(AttachStreamTest, AReaderThatOthersLeftBehindMayStillAsk) {
  const uint64_t epoch = LeaseAndOpen();
  Reader reader(stub());
  reader.Start(session_id, epoch);
  for (int round = 0; round < 25; ++round) {
    Reader behind(stub());
    const v1::Position begin =
        behind.Start(session_id, epoch, /*credit_bytes=*/0).attached().position();
    const std::string id = NewUuid();
    reader.SendTell(id, "x");
    reader.ReadUntilSettled(id);
    reader.SendAck(reader.position().seq());
    // Only what is durable goes.
    ASSERT_TRUE(Eventually([&] {
      return Reader(stub()).Start(session_id, epoch, /*credit_bytes=*/0, begin).has_reset();
    }));

    for (int i = 0; i < 5; ++i) behind.SendCredit(1);
    EXPECT_FALSE(behind.Next().has_value());
    ASSERT_EQ(KindOf(behind.Finish()), v1::FAILURE_DROPPED);
  }
  ASSERT_EQ(Info().state(), v1::SESSION_READY);
}

TEST_F(AttachStreamTest, AReaderThatVanishesLeavesNothingBehind) {
  const uint64_t epoch = LeaseAndOpen();
  const std::string id = NewUuid();
  {
    Reader reader(stub());
    reader.Start(session_id, epoch, 256 << 10);
    reader.SendTell(id, "BIG 3000000");
    ASSERT_TRUE(reader.Next().has_value());  // And then it reads no more.
  }
  ASSERT_TRUE(
      Eventually([this] { return Info().readers() == 0 && service().open_streams() == 0; }));
  ASSERT_TRUE(Eventually([this] { return Info().state() == v1::SESSION_READY; }));  // It went on.
  EXPECT_GT(Info().journal_bytes(), 6'000'000u);
}

}  // namespace
}  // namespace iris
