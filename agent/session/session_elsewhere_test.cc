// A session whose transcript is where nothing here looks for it: the team's claude is a wrapper
// with a CLAUDE_CONFIG_DIR of its own.

#include <string>

#include "absl/strings/str_cat.h"
#include "agent/session/session.h"
#include "agent/session/session_files.h"
#include "agent/session/session_fixture.h"
#include "agent/testing/processes.h"
#include "agent/testing/programs.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class SessionElsewhereTest : public SessionFixture {
 protected:
  SessionElsewhereTest() { Wrap(""); }
  // With a line before it.
  void Wrap(const std::string& line) {
    UseBareScript(absl::StrCat("export CLAUDE_CONFIG_DIR=", scratch.File("elsewhere"), "\n", line,
                               "\nexec ", StubClaude(), " \"$@\"\n"));
  }
  // As an agent leaves it that was killed after it had written this.
  void LeaveWritten(const std::string& tell_id) {
    NextAgent([&](SessionFiles& files) {
      v1::Event event;
      event.mutable_written()->set_tell_id(tell_id);
      files.journal().Append(std::move(event));
      files.tells().Set(tell_id, v1::TellState::WRITTEN);
      ASSERT_TRUE(files.SaveLaunch(spec).ok());
    });
  }
  void Repeat(const std::string& id, const std::string& text) {
    Do([&](Session& session) { EXPECT_TRUE(session.Tell(id, text, /*repeat=*/true).ok()); });
  }
};

TEST_F(SessionElsewhereTest, IsResumedByAMessage) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("COUNT"), "1");
  EXPECT_TRUE(Close());
  EXPECT_THAT(Ask("ARGS"), AllOf(HasSubstr("--resume"), Not(HasSubstr("--session-id"))));
  EXPECT_EQ(CountOf(v1::Event::kExited), 1u) << "of a child that nobody heard of";
  EXPECT_EQ(Ask("COUNT"), "3");
}

TEST_F(SessionElsewhereTest, IsResumedByAnOpen) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("COUNT"), "1");
  EXPECT_TRUE(Close());
  const absl::StatusOr<v1::OpenResponse> opened = Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->started());
  EXPECT_TRUE(opened->resumed());
  EXPECT_EQ(Ask("COUNT"), "2");
}

// Each start is one of its own.
TEST_F(SessionElsewhereTest, WhatFailsWhenItIsResumedIsNotTriedForEver) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("COUNT"), "1");
  EXPECT_TRUE(Close());
  Wrap("case \"$*\" in *--resume*) echo no luck >&2; exit 1;; esac");
  const v1::Failure failure = Outcome(Tell("COUNT"));
  EXPECT_EQ(failure.kind(), v1::FAILURE_CHILD_EXITED);
  EXPECT_THAT(failure.detail(), HasSubstr("no luck"));
  ASSERT_TRUE(Eventually([this] { return Info().state() == v1::SESSION_NO_CHILD; }));
  Wrap("");
  EXPECT_EQ(Ask("COUNT"), "2");
}

// claude would not run it a second time, and never say so.
TEST_F(SessionElsewhereTest, WhatAnAgentHadWrittenWhenItWasKilledIsAmbiguousAndTheNextOneRuns) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("COUNT"), "1");
  EXPECT_TRUE(Close());
  const std::string id = NewUuid();
  LeaveWritten(id);
  Repeat(id, "COUNT");
  EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_AMBIGUOUS);
  EXPECT_EQ(Ask("COUNT"), "2");
}

TEST_F(SessionElsewhereTest, AlsoWhereItsTextHasNotComeAgain) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("COUNT"), "1");
  EXPECT_TRUE(Close());
  const std::string id = NewUuid();
  LeaveWritten(id);
  EXPECT_EQ(Ask("COUNT"), "2");
  EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_AMBIGUOUS);
}

TEST_F(SessionElsewhereTest, WhatNoClaudeHasReadIsRunWhereThereIsNoConversationYet) {
  const std::string id = NewUuid();
  LeaveWritten(id);
  Repeat(id, "COUNT");
  EXPECT_EQ(Answer(id), "1");
}

}  // namespace
}  // namespace iris
