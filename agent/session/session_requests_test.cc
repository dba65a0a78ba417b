// A session whose claude asks before it uses a tool.

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/session/session_fixture.h"
#include "agent/testing/processes.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kAllow[] = R"({"behavior":"allow"})";
constexpr char kDeny[] = R"({"behavior":"deny","message":"not today"})";

class SessionRequestsTest : public SessionFixture {
 protected:
  SessionRequestsTest() { spec.set_ask_permissions(true); }

  // Before Open(). A session has the patience with which it was made: the next one has this.
  void BePatientFor(absl::Duration patience) {
    context.request_patience = patience;
    NextAgent([](SessionFiles&) {});
  }
  // Waits until it asks; the request's id.
  std::string Asked() {
    EXPECT_TRUE(Eventually([this] { return !Pending().empty(); }));
    const std::vector<v1::PendingRequest> pending = Pending();
    return pending.empty() ? "" : pending.back().request_id();
  }
  std::vector<v1::PendingRequest> Pending() {
    std::vector<v1::PendingRequest> pending;
    Do([&](Session& session) { pending = session.pending_requests(); });
    return pending;
  }
  absl::StatusOr<v1::AnswerRequestResponse> Answer(const std::string& id,
                                                   const std::string& answer) {
    absl::StatusOr<v1::AnswerRequestResponse> response;
    Do([&](Session& session) { response = session.AnswerRequest(id, answer); });
    return response;
  }
  // What the journal says of the end of the only request: "" was withdrawn.
  std::string Closed() {
    std::string json = "it waits";
    for (const v1::Event& event : events()) {
      if (event.has_answered()) json = event.answered().json();
    }
    return json;
  }
  std::string TextOf(const std::string& tell) { return SessionFixture::Answer(tell); }
};

TEST_F(SessionRequestsTest, WhatIsAllowedRuns) {
  ASSERT_TRUE(Open().ok());
  const std::string tell = Tell("PERMIT");
  const std::string id = Asked();
  EXPECT_EQ(Pending()[0].tell_id(), tell);
  EXPECT_THAT(Pending()[0].json(), HasSubstr("echo permitted"));
  const absl::StatusOr<v1::AnswerRequestResponse> first = Answer(id, kAllow);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(first->was_first());
  EXPECT_THAT(TextOf(tell), HasSubstr("TOOL-DONE: permitted"));
  EXPECT_THAT(Pending(), SizeIs(0));
  EXPECT_EQ(Closed(), first->json());

  // The first one counts, and whoever comes later hears of it.
  const absl::StatusOr<v1::AnswerRequestResponse> later = Answer(id, kDeny);
  ASSERT_TRUE(later.ok()) << later.status();
  EXPECT_FALSE(later->was_first());
  EXPECT_EQ(later->json(), first->json());
}

TEST_F(SessionRequestsTest, AnotherInputMayBeAllowed) {
  ASSERT_TRUE(Open().ok());
  const std::string tell = Tell("PERMIT");
  ASSERT_TRUE(
      Answer(Asked(), R"({"behavior":"allow","updatedInput":{"command":"echo other"}})").ok());
  EXPECT_THAT(TextOf(tell), HasSubstr("TOOL-DONE: other"));
}

TEST_F(SessionRequestsTest, WhatIsDeniedDoesNotRunAndTheTurnGoesOn) {
  ASSERT_TRUE(Open().ok());
  const std::string tell = Tell("PERMIT");
  ASSERT_TRUE(Answer(Asked(), kDeny).ok());
  EXPECT_THAT(TextOf(tell), HasSubstr("not today"));
}

TEST_F(SessionRequestsTest, WhatIsNoAnswerLeavesItWaiting) {
  ASSERT_TRUE(Open().ok());
  const std::string tell = Tell("PERMIT");
  const std::string id = Asked();
  EXPECT_EQ(KindOf(Answer(id, "perhaps").status()), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(KindOf(Answer("another", kAllow).status()), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(Pending(), SizeIs(1));
  ASSERT_TRUE(Answer(id, kAllow).ok());
  TextOf(tell);
}

TEST_F(SessionRequestsTest, NobodyIsAskedWhereTheTeamIsNotToBe) {
  spec.set_ask_permissions(false);
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(Ask("PERMIT"), HasSubstr("nobody can be asked"));
  EXPECT_EQ(CountOf(v1::Event::kRequest), 0u);
}

TEST_F(SessionRequestsTest, ForEverIsANo) {
  BePatientFor(absl::Milliseconds(100));
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(Ask("PERMIT"), HasSubstr("Nobody answered within 100ms"));
}

TEST_F(SessionRequestsTest, ACancelledTellWaitsForNothing) {
  ASSERT_TRUE(Open().ok());
  const std::string tell = Tell("PERMIT");
  const std::string id = Asked();
  Do([&](Session& session) {
    session.CancelTell(tell, [](const absl::StatusOr<v1::TellState::Phase>&) {});
  });
  EXPECT_EQ(Outcome(tell).kind(), v1::FAILURE_CANCELLED);
  EXPECT_THAT(Pending(), SizeIs(0));
  EXPECT_EQ(Closed(), "");
  EXPECT_EQ(KindOf(Answer(id, kAllow).status()), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(Ask("hello"), "ECHO: hello");
}

TEST_F(SessionRequestsTest, ASessionThatIsClosedSaysThatItWaited) {
  ASSERT_TRUE(Open().ok());
  const std::string tell = Tell("PERMIT");
  Asked();
  EXPECT_TRUE(Close());
  const v1::Failure outcome = Outcome(tell);
  EXPECT_EQ(outcome.kind(), v1::FAILURE_CANCELLED);
  EXPECT_THAT(outcome.detail(), HasSubstr("waited for a permission"));
  EXPECT_EQ(Closed(), "");
}

TEST_F(SessionRequestsTest, AChildThatDiesTakesItsRequestsAlong) {
  ASSERT_TRUE(Open().ok());
  const std::string tell = Tell("PERMIT");
  Asked();
  kill(static_cast<pid_t>(Info().child().pid()), SIGKILL);
  EXPECT_EQ(Outcome(tell).kind(), v1::FAILURE_CHILD_EXITED);
  EXPECT_THAT(Pending(), SizeIs(0));
  EXPECT_EQ(Closed(), "");
}

TEST_F(SessionRequestsTest, WhatNobodyCanReadIsDenied) {
  // A string that was cut in the middle of an emoji; more levels than anybody needs; 1 MiB.
  UseScript(R"sh(next_tell
ask() { echo '{"type":"control_request","request":{"subtype":"can_use_tool","input":'"$1"'},"request_id":"'$2'"}'; }
ask '"\ud83d"' q1; read -r line; echo "told: $line"
ask "$(head -c 100 /dev/zero | tr '\0' '[')$(head -c 100 /dev/zero | tr '\0' ']')" q2; read -r line; echo "told: $line"
ask "\"$(head -c 1200000 /dev/zero | tr '\0' x)\"" q3; read -r line; echo "told: $line"
ask '{}' 'q 4'; read -r line; echo "told: $line"
done_with $uuid
while read -r line; do :; done
)sh");
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Outcome(Tell("any")).kind(), v1::FAILURE_UNSPECIFIED);
  for (const char* said : {R"("request_id":"q1")", R"("request_id":"q2")", R"("request_id":"q3")",
                           R"("request_id":"q 4")", "cannot be read", "no id that can be shown"}) {
    EXPECT_TRUE(WaitForOutput(said)) << said;
  }
  EXPECT_THAT(Pending(), SizeIs(0));
}

TEST_F(SessionRequestsTest, TheSameRequestTwiceIsOne) {
  UseScript(R"(next_tell
ask='{"type":"control_request","request_id":"q1","request":{"subtype":"can_use_tool"}}'
printf '%s\n%s\n' "$ask" "$ask"  # In one piece: no answer comes between them.
read -r line; echo "told: $line"
done_with $uuid
while read -r line; do :; done
)");
  ASSERT_TRUE(Open().ok());
  const std::string tell = Tell("any");
  ASSERT_TRUE(Answer(Asked(), kAllow)->was_first());
  EXPECT_EQ(Outcome(tell).kind(), v1::FAILURE_UNSPECIFIED);
  EXPECT_TRUE(WaitForOutput(R"("behavior":"allow")"));
  EXPECT_EQ(CountOf(v1::Event::kRequest), 1u);
}

TEST_F(SessionRequestsTest, NothingIsAllowedOnceTheSessionIsBeingEnded) {
  UseScript(R"(next_tell
echo '{"type":"control_request","request_id":"q1","request":{"subtype":"can_use_tool"}}'
trap '' TERM
while read -r line; do :; done
sleep 0.3
done_with $uuid
)");
  ASSERT_TRUE(Open().ok());
  const std::string tell = Tell("any");
  const std::string id = Asked();
  Do([](Session& session) { session.Close(absl::Seconds(20), [](bool) {}); });
  EXPECT_THAT(Pending(), SizeIs(0));
  EXPECT_EQ(KindOf(Answer(id, kAllow).status()), v1::FAILURE_BAD_REQUEST);
  const v1::Failure outcome = Outcome(tell);
  EXPECT_EQ(outcome.kind(), v1::FAILURE_CANCELLED);
  EXPECT_THAT(outcome.detail(), HasSubstr("waited for a permission"));
}

TEST_F(SessionRequestsTest, WhatItWithdrawsWaitsNoMore) {
  UseScript(R"(next_tell
echo '{"type":"control_request","request_id":"q1","request":{"subtype":"can_use_tool"}}'
echo '{"type":"control_cancel_request","request_id":"q1"}'
done_with $uuid
next_tell
)");
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Outcome(Tell("any")).kind(), v1::FAILURE_UNSPECIFIED);
  EXPECT_EQ(CountOf(v1::Event::kRequest), 1u);
  EXPECT_EQ(Closed(), "");
  EXPECT_THAT(Pending(), SizeIs(0));
}

TEST_F(SessionRequestsTest, MoreThanCanWaitIsDenied) {
  UseScript(R"(next_tell
for i in $(seq 70); do
  echo '{"type":"control_request","request_id":"q'$i'","request":{"subtype":"can_use_tool"}}'
done
read -r line; echo "told: $line"
done_with $uuid
while read -r line; do :; done
)");
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Outcome(Tell("any")).kind(), v1::FAILURE_UNSPECIFIED);
  EXPECT_TRUE(WaitForOutput("Too many requests wait"));
  EXPECT_THAT(Pending(), SizeIs(64));
}

constexpr char kAsksWithoutEnd[] = R"(long=$(printf '%0200d' 7)
while :; do echo '{"type":"control_request","request_id":"'$long'","request":{"subtype":"fly"}}'; done
)";

TEST_F(SessionRequestsTest, AChildThatAsksWithoutEndAndReadsNoAnswerIsEnded) {
  UseScript(absl::StrCat("next_tell\n", kAsksWithoutEnd));
  ASSERT_TRUE(Open().ok());
  KeepAcknowledging();
  const v1::Failure failure = Outcome(Tell("any"));
  EXPECT_EQ(failure.kind(), v1::FAILURE_CHILD_EXITED);
  EXPECT_THAT(failure.detail(), HasSubstr("read none of the answers"));
  ASSERT_TRUE(Eventually([this] { return CountOf(v1::Event::kExited) == 1; }));
  EXPECT_EQ(LastExit().reason(), v1::Exited::WEDGED);

  UseScript("while next_tell; do done_with $uuid; done");
  EXPECT_EQ(Outcome(Tell("next")).kind(), v1::FAILURE_UNSPECIFIED);
}

TEST_F(SessionRequestsTest, AlsoWhileItStarts) {
  UseBareScript(kAsksWithoutEnd);
  KeepAcknowledging();
  const absl::Status status = Open().status();
  EXPECT_EQ(KindOf(status), v1::FAILURE_CHILD_EXITED);
  EXPECT_THAT(std::string(status.message()), HasSubstr("read none of the answers"));
}

TEST_F(SessionRequestsTest, OneThatReadsMayAskAsOftenAsItLikes) {
  UseScript(R"sh(next_tell
long=$(printf '%0200d' 7)
for i in $(seq 20000); do
  echo '{"type":"control_request","request_id":"'$long'","request":{"subtype":"fly"}}'; read -r line
done
done_with $uuid
read -r line)sh");
  ASSERT_TRUE(Open().ok());
  KeepAcknowledging();
  EXPECT_EQ(Outcome(Tell("any")).kind(), v1::FAILURE_UNSPECIFIED);
}

// Each has its own time, whatever came and went before.
TEST_F(SessionRequestsTest, OneThatIsAskedLaterIsDeniedLater) {
  BePatientFor(absl::Milliseconds(500));
  UseScript(R"(next_tell
echo '{"type":"control_request","request_id":"q1","request":{"subtype":"can_use_tool"}}'
echo '{"type":"control_cancel_request","request_id":"q1"}'
sleep 0.3
echo '{"type":"control_request","request_id":"q2","request":{"subtype":"can_use_tool"}}'
begun=$(date +%s%N); read -r line
[ $(($(date +%s%N) - begun)) -ge 450000000 ] && echo "in its time: $line"
done_with $uuid
next_tell
)");
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Outcome(Tell("any")).kind(), v1::FAILURE_UNSPECIFIED);
  EXPECT_TRUE(WaitForOutput("in its time: "));
  EXPECT_THAT(output(), HasSubstr("Nobody answered within 500ms"));
}

}  // namespace
}  // namespace iris
