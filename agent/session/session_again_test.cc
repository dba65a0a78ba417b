// Tells that come again: to a sender whose store is older than what happened here, and while
// another one is in flight.

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "agent/session/session.h"
#include "agent/session/session_files.h"
#include "agent/session/session_fixture.h"
#include "agent/testing/processes.h"
#include "common/base/ids.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class SessionAgainTest : public SessionFixture {
 protected:
  void Send(const std::string& id, const std::string& text, bool repeat) {
    Do([&](Session& session) { EXPECT_TRUE(session.Tell(id, text, repeat).ok()); });
  }
  void Forget() {
    Do([](Session& session) { session.Acknowledge(session.journal().newest_seq()); });
  }
  bool WaitForSettled(const std::string& id, size_t times) {
    return Eventually([&] { return SettledAt(id, times) < events().size(); });
  }
  // Index of the event that settles it for the `times`th time.
  size_t SettledAt(const std::string& id, size_t times = 1) {
    const std::vector<v1::Event> all = events();
    size_t at = 0;
    for (; at < all.size(); ++at) {
      if (all[at].settled().tell_id() == id && --times == 0) break;
    }
    return at;
  }
  bool IsSettledBehind(size_t at, const std::string& id) {
    const std::vector<v1::Event> all = events();
    for (; at < all.size(); ++at) {
      if (all[at].settled().tell_id() == id) return true;
    }
    return false;
  }
  bool HasGapBetween(size_t begin, size_t end, const std::string& id) {
    const std::vector<v1::Event> all = events();
    for (; begin < end; ++begin) {
      if (all[begin].gap().tell_id() == id) return true;
    }
    return false;
  }
  // Of what comes behind the last gap for it.
  size_t BehindGapOf(const std::string& id) {
    const std::vector<v1::Event> all = events();
    size_t at = all.size();
    while (at > 0 && all[at - 1].gap().tell_id() != id) --at;
    EXPECT_GT(at, 0u) << "it was not replayed";
    return at;
  }
  void Cancel(const std::string& id) {
    Do([&](Session& session) {
      session.CancelTell(id, [](const absl::StatusOr<v1::TellState::Phase>&) {});
    });
  }
};

TEST_F(SessionAgainTest, OneThatIsNewToItsSenderWhileItRunsIsToldWholeAtItsEnd) {
  ASSERT_TRUE(Open().ok());
  const std::string text = Held("SLOW"), id = Tell(text);
  ASSERT_TRUE(WaitForOutput("word0"));
  Send(id, text, /*repeat=*/false);
  LetGo();
  EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_UNSPECIFIED) << Outcome(id).detail();
  EXPECT_THAT(output(BehindGapOf(id)),
              AllOf(HasSubstr("word0 "), HasSubstr("word19 "), HasSubstr(R"("type":"result")")));
  EXPECT_EQ(CountOf(v1::Event::kGap), 1u);
  EXPECT_EQ(Ask("COUNT"), "2");
}

TEST_F(SessionAgainTest, OneThatIsNewToItsSenderAndFailsLeavesNoTextWithoutItsBeginning) {
  ASSERT_TRUE(Open().ok());
  const std::string text = "BLOCKS 1\n" + Held("WAIT") + "\nCRASH 3";
  const std::string id = Tell(text);
  ASSERT_TRUE(WaitForOutput("block 1"));
  Send(id, text, /*repeat=*/false);
  LetGo();
  EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_CHILD_EXITED);
  EXPECT_LE(BehindGapOf(id), SettledAt(id));
}

TEST_F(SessionAgainTest, OneThatIsRepeatedWhileItRunsIsNotToldTwice) {
  ASSERT_TRUE(Open().ok());
  const std::string text = Held("SLOW"), id = Tell(text);
  ASSERT_TRUE(WaitForOutput("word0"));
  Send(id, text, /*repeat=*/true);
  LetGo();
  EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_UNSPECIFIED);
  EXPECT_EQ(CountOf(v1::Event::kGap), 0u);
}

// Its outcome is in the journal: the sender read that before it knew of the tell.
TEST_F(SessionAgainTest, ASettledOneThatIsNewToItsSenderIsSettledAgain) {
  ASSERT_TRUE(Open().ok());
  const std::string id = Tell("SUM x");
  EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_UNSPECIFIED);
  Send(id, "SUM x", /*repeat=*/false);
  ASSERT_TRUE(WaitForSettled(id, 2));
  EXPECT_THAT(output(BehindGapOf(id)), HasSubstr(StubChecksum("x")));
  EXPECT_EQ(Ask("COUNT"), "2");
}

TEST_F(SessionAgainTest, WhileAnotherOneRunsASettledOneWaitsHoweverThatEnds) {
  ASSERT_TRUE(Open().ok());
  const std::string id = Tell("SUM x");
  EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_UNSPECIFIED);
  for (const std::string end : {"", "CRASH 3", "ISERROR 529", "HANG", "HANGTERM"}) {
    for (const bool repeat : {true, false}) {
      Forget();
      const std::string text =
          "BLOCKS 1\n" + (absl::StartsWith(end, "HANG") ? "" : Held("WAIT") + "\n") + end;
      const size_t before = events().size();
      const std::string other = Tell(text);
      ASSERT_TRUE(WaitFor([&](const std::vector<v1::Event>& events) {
        return std::any_of(events.begin() + before, events.end(), [](const v1::Event& event) {
          return event.output().bytes().find("block 1") != std::string::npos;
        });
      })) << text;
      const size_t sent = events().size();
      Send(id, "SUM x", repeat);
      if (end == "HANGTERM") {
        Close(absl::Milliseconds(1));
      } else if (end == "HANG") {
        Cancel(other);
      } else {
        LetGo();
      }
      ASSERT_TRUE(Eventually([&] { return IsSettledBehind(SettledAt(other), id); })) << text;
      EXPECT_FALSE(HasGapBetween(sent, SettledAt(other), id)) << text;
      EXPECT_THAT(output(BehindGapOf(id)), HasSubstr(StubChecksum("x")));
    }
  }
}

TEST_F(SessionAgainTest, WhileAnotherOneRunsOneThatMayHaveBeenSentWaitsForTheTranscript) {
  ASSERT_TRUE(Open().ok());
  const std::string id = Tell("SUM x");
  EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_UNSPECIFIED);
  Close();
  std::filesystem::remove_all(scratch.File("session"));
  NextAgent([&](SessionFiles& files) { ASSERT_TRUE(files.SaveLaunch(spec).ok()); });

  const std::string other = Tell("BLOCKS 1\n" + Held("WAIT"));
  const std::string never_sent = NewUuid();
  ASSERT_TRUE(WaitForOutput("block 1"));
  Send(id, "SUM x", /*repeat=*/true);
  Send(never_sent, "COUNT", /*repeat=*/true);
  LetGo();
  EXPECT_EQ(Answer(other), "block 1\n");
  ASSERT_TRUE(WaitForSettled(id, 2));
  EXPECT_LT(SettledAt(other), BehindGapOf(id));
  EXPECT_EQ(Answer(never_sent), "3");
}

}  // namespace
}  // namespace iris
