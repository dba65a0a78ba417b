#include "agent/session/tell_ledger.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "agent/journal/kept_file.h"
#include "common/base/ids.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr auto kUnknown = v1::TellState::PHASE_UNSPECIFIED;
constexpr auto kAccepted = v1::TellState::ACCEPTED;
constexpr auto kWritten = v1::TellState::WRITTEN;
constexpr auto kSettled = v1::TellState::SETTLED;

class TellLedgerTest : public ::testing::Test {
 protected:
  TellLedgerTest() { Live(); }

  // The next life of the agent.
  void Live() {
    ledger.reset();
    absl::StatusOr<std::unique_ptr<TellLedger>> opened = TellLedger::Open(path, kept);
    ASSERT_TRUE(opened.ok()) << opened.status();
    ledger = *std::move(opened);
  }
  std::vector<std::string> OpenIds() const {
    std::vector<std::string> ids;
    for (const v1::TellState& tell : ledger->Open()) ids.push_back(tell.tell_id());
    return ids;
  }

  const ScratchDir scratch;
  const std::string path = scratch.File("tells");
  const std::string a = NewUuid(), b = NewUuid(), c = NewUuid();
  KeptFiles kept;
  std::unique_ptr<TellLedger> ledger;
};

TEST_F(TellLedgerTest, PhasesOutliveTheAgent) {
  EXPECT_EQ(ledger->PhaseOf(a), kUnknown);
  ledger->Set(a, kAccepted);
  ledger->Set(b, kAccepted);
  ledger->Set(a, kWritten);
  ledger->Set(a, kSettled);
  ledger->Set(c, kAccepted);
  ledger->Set(b, kWritten);
  for (int life = 0; life < 2; ++life) {
    EXPECT_EQ(ledger->PhaseOf(a), kSettled);
    EXPECT_EQ(ledger->PhaseOf(b), kWritten);
    EXPECT_EQ(ledger->PhaseOf(c), kAccepted);
    EXPECT_THAT(OpenIds(), ElementsAre(b, c));
    Live();
  }
}

TEST_F(TellLedgerTest, ALostTellGoesBackAndASettledOneNever) {
  ledger->Set(a, kWritten);
  ledger->Set(a, kAccepted);
  EXPECT_EQ(ledger->PhaseOf(a), kAccepted);
  ledger->Set(a, kSettled);
  ledger->Set(a, kAccepted);
  EXPECT_EQ(ledger->PhaseOf(a), kSettled);
}

TEST_F(TellLedgerTest, WhatTheJournalKnowsBetterIsLearned) {
  ledger->Set(a, kAccepted);
  ledger->Set(b, kSettled);
  v1::Event event;
  event.mutable_settled()->set_tell_id(a);
  ledger->Learn(event);
  event.mutable_written()->set_tell_id(b);
  ledger->Learn(event);
  event.mutable_accepted()->set_tell_id(c);
  ledger->Learn(event);
  event.mutable_accepted()->set_tell_id("no uuid");
  ledger->Learn(event);
  EXPECT_EQ(ledger->PhaseOf(a), kSettled);
  EXPECT_EQ(ledger->PhaseOf(b), kSettled);
  EXPECT_THAT(OpenIds(), ElementsAre(c));
}

TEST_F(TellLedgerTest, CutAtEveryByteItKeepsWholeEntriesAndGoesOn) {
  ledger->Set(a, kSettled);
  ledger->Set(b, kSettled);
  const auto size = std::filesystem::file_size(path);
  for (size_t cut = size; cut-- > 0;) {
    std::filesystem::resize_file(path, cut);
    Live();
    EXPECT_EQ(ledger->PhaseOf(a), cut >= size / 2 ? kSettled : kUnknown);
    EXPECT_EQ(ledger->PhaseOf(b), kUnknown);
  }
  ledger->Set(c, kSettled);
  Live();
  EXPECT_EQ(ledger->PhaseOf(c), kSettled);
}

TEST_F(TellLedgerTest, ZerosOfALostPageAreNoTells) {
  ledger->Set(a, kAccepted);
  std::ofstream(path, std::ios::app) << std::string(17 * 5 + 3, '\0');
  Live();
  EXPECT_THAT(OpenIds(), ElementsAre(a));
}

TEST_F(TellLedgerTest, TheOutcomeOfOneThatIsSettledMayBeLost) {
  ledger->Set(a, kSettled);
  EXPECT_TRUE(ledger->HasOutcome(a));
  Live();
  EXPECT_EQ(ledger->PhaseOf(a), kSettled);
  EXPECT_FALSE(ledger->HasOutcome(a));
  v1::Event event;
  event.mutable_settled()->set_tell_id(a);
  ledger->Learn(event);
  EXPECT_TRUE(ledger->HasOutcome(a));

  ledger->Forget(a);
  EXPECT_EQ(ledger->PhaseOf(a), kUnknown);
  ledger->Set(a, kAccepted);
  Live();
  EXPECT_THAT(OpenIds(), ElementsAre(a));
}

TEST_F(TellLedgerTest, AWrittenTellIsHeardOnceTheJournalHasOutputBehindIt) {
  v1::Event output, written, started;
  output.mutable_output()->set_bytes("{}");
  written.mutable_written()->set_tell_id(a);
  started.mutable_started()->set_resumed(true);
  ledger->Set(a, kWritten);
  EXPECT_FALSE(ledger->WasHeard(a));
  ledger->Learn(output);  // Its `written` was acknowledged, and is gone.
  EXPECT_TRUE(ledger->WasHeard(a));
  EXPECT_FALSE(ledger->WasHeard(b));  // It was not even written.
  ledger->Learn(written);
  EXPECT_FALSE(ledger->WasHeard(a));
  for (const char* aside : {R"({"type":"system","subtype":"session_state_changed","state":"idle"})",
                            R"({"type":"control_response","response":{"subtype":"success"}})"}) {
    v1::Event said;
    said.mutable_output()->set_bytes(aside);
    ledger->Learn(said);
    EXPECT_FALSE(ledger->WasHeard(a)) << aside;
  }
  ledger->Learn(output);
  EXPECT_TRUE(ledger->WasHeard(a));
  ledger->Learn(started);  // The next child, which does not have it.
  ledger->Learn(output);
  EXPECT_FALSE(ledger->WasHeard(a));
}

TEST_F(TellLedgerTest, WhatClaudeSaidOfAWrittenTellIsLearnedFromTheJournal) {
  ledger->Set(a, kWritten);
  const auto learn = [this](const std::string& bytes, bool more) {
    v1::Event output;
    output.mutable_output()->set_bytes(bytes);
    output.mutable_output()->set_more(more);
    ledger->Learn(output);
  };
  const std::string call =
      R"({"type":"assistant","message":{"content":[{"type":"tool_use"}]},"uuid":"call"})";
  learn(call.substr(0, 30), /*more=*/true);
  EXPECT_EQ(ledger->SaidOf(a).last, "");
  learn(call.substr(30), /*more=*/false);
  EXPECT_EQ(ledger->SaidOf(a).last, "call");
  EXPECT_TRUE(ledger->SaidOf(a).called_tool);
  EXPECT_EQ(ledger->SaidOf(b).last, "");
  // No words of the session's own model.
  learn(R"({"type":"assistant","parent_tool_use_id":"t","uuid":"of a sub-agent"})", false);
  learn(R"({"type":"assistant","message":{"model":"<synthetic>"},"uuid":"made up"})", false);
  EXPECT_EQ(ledger->SaidOf(a).last, "call");
  learn(R"({"type":"assistant","message":{},"uuid":"text"})", /*more=*/false);
  EXPECT_EQ(ledger->SaidOf(a).last, "text");
  EXPECT_TRUE(ledger->SaidOf(a).called_tool);
  // It is written once more.
  learn(call.substr(0, 30), /*more=*/true);
  v1::Event written;
  written.mutable_written()->set_tell_id(a);
  ledger->Learn(written);
  learn(R"({"type":"assistant","message":{},"uuid":"anew"})", /*more=*/false);
  EXPECT_EQ(ledger->SaidOf(a).last, "anew");
  EXPECT_FALSE(ledger->SaidOf(a).called_tool);
}

TEST_F(TellLedgerTest, OfTheSettledTheNewestAreKeptAndTheFileIsBounded) {
  ledger->Set(a, kAccepted);
  std::vector<std::string> ids;
  for (size_t i = 0; i < 3 * TellLedger::kSettledKept; ++i) {
    ids.push_back(NewUuid());
    ledger->Set(ids.back(), kAccepted);
    ledger->Set(ids.back(), kSettled);
  }
  EXPECT_LE(std::filesystem::file_size(path), 17 * 4 * TellLedger::kSettledKept);
  Live();
  EXPECT_EQ(ledger->PhaseOf(ids.front()), kUnknown);
  EXPECT_EQ(ledger->PhaseOf(ids[ids.size() - TellLedger::kSettledKept]), kSettled);
  EXPECT_EQ(ledger->PhaseOf(ids.back()), kSettled);
  EXPECT_THAT(OpenIds(), ElementsAre(a));
}

TEST_F(TellLedgerTest, WhatCouldNotBeWrittenIsWrittenWithTheNextOne) {
  std::filesystem::create_directory(path + ".dir");
  std::filesystem::rename(path + ".dir", path);  // Nothing can be written there.
  ledger->Set(a, kSettled);
  EXPECT_EQ(ledger->PhaseOf(a), kSettled);
  std::filesystem::remove(path);
  ledger->Set(b, kAccepted);
  Live();
  EXPECT_EQ(ledger->PhaseOf(a), kSettled);
  EXPECT_THAT(OpenIds(), ElementsAre(b));
}

TEST_F(TellLedgerTest, AnOutcomeIsThereUntilItsEventIsReadOrGone) {
  ledger->Set(a, kSettled, 5);
  ledger->Set(b, kSettled, 9);
  ledger->ForgetOutcomesUpTo(4);
  EXPECT_TRUE(ledger->HasOutcome(a));
  ledger->ForgetOutcomesUpTo(5);
  EXPECT_FALSE(ledger->HasOutcome(a));
  EXPECT_TRUE(ledger->HasOutcome(b));
  EXPECT_EQ(ledger->PhaseOf(a), kSettled);
  // Settled once more, by a later event.
  ledger->Forget(a);
  ledger->Set(a, kSettled, 12);
  ledger->ForgetOutcomesUpTo(9);
  EXPECT_TRUE(ledger->HasOutcome(a));
  EXPECT_FALSE(ledger->HasOutcome(b));
}

}  // namespace
}  // namespace iris
