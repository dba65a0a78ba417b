// What teams ask before they go on.

#include <string>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/orchestrator_fixture.h"

namespace iris {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using Request = v1::AnswerPermissionRequest;

class PermissionsTest : public OrchestratorTest {
 protected:
  PermissionsTest() {
    Start(HoldScript);
    EXPECT_TRUE(Tell(ToGpu("x"), recorder_).ok());
    Drain();
  }

  void Ask(const std::string& id, const std::string& command = "ls") {
    v1::PendingRequest request;
    request.set_request_id(id);
    request.set_json(
        absl::StrCat(R"({"request":{"tool_name":"Bash","input":{"command":")", command, R"("}}})"));
    OnLoop([&] { Transport().Ask(request); });
  }
  absl::StatusOr<v1::AnswerPermissionResponse> Answer(const Request& request) {
    absl::StatusOr<v1::AnswerPermissionResponse> answered = absl::UnknownError("no answer");
    OnLoop([&] {
      orchestrator_->AnswerPermission(request, [&](const auto& result) { answered = result; });
    });
    Drain();
    return answered;
  }
  static Request For(const std::string& id, Request::Verdict verdict = Request::ALLOW) {
    Request request;
    request.set_request_id(id);
    request.set_verdict(verdict);
    return request;
  }

  Recorder recorder_;
};

TEST_F(PermissionsTest, WhatIsAskedIsInTheStatusUntilItIsAnswered) {
  Ask("12345678");
  const v1::SessionStatus asking = OnlySession();
  ASSERT_THAT(asking.permissions(), SizeIs(1));
  EXPECT_EQ(asking.permissions(0).text(), "Bash: ls");
  EXPECT_EQ(asking.permissions(0).from(), "cli");
  EXPECT_EQ(asking.permissions(0).to(), "gpu");
  const auto answered = Answer(For("1234"));
  ASSERT_TRUE(answered.ok()) << answered.status();
  EXPECT_TRUE(answered->was_first());
  EXPECT_EQ(answered->answer(), R"({"behavior":"allow"})");
  EXPECT_THAT(OnlySession().permissions(), SizeIs(0));
}

TEST_F(PermissionsTest, ShowingAnswersNothing) {
  Ask("12345678");
  const auto shown = Answer(For("12345678", Request::SHOW));
  ASSERT_TRUE(shown.ok()) << shown.status();
  EXPECT_THAT(shown->permission().input(), HasSubstr("ls"));
  EXPECT_THAT(OnlySession().permissions(), SizeIs(1));
}

TEST_F(PermissionsTest, ADenialSaysWhyAndAnotherInputIsPassedOn) {
  Ask("aaaa1");
  Ask("aaaa2");
  Request deny = For("aaaa1", Request::DENY);
  deny.set_message("no");
  EXPECT_EQ(Answer(deny)->answer(), R"({"behavior":"deny","message":"no"})");
  Request other = For("aaaa2");
  other.set_input(R"({"command":"pwd"})");
  EXPECT_EQ(Answer(other)->answer(), R"({"behavior":"allow","updatedInput":{"command":"pwd"}})");
}

TEST_F(PermissionsTest, OnlyOneThatIsMeantIsAnswered) {
  Ask("aaaa1");
  Ask("aaaa2");
  Request no_object = For("aaaa1"), too_long = For("aaaa1", Request::DENY);
  no_object.set_input("[]");
  too_long.set_message(std::string(5000, 'x'));
  for (const Request& request :
       {For(""), For("aaa"), For("aaaa"), For("aaaa3"), For("\xff\n12"), no_object, too_long}) {
    const auto answered = Answer(request);
    EXPECT_EQ(KindOf(answered.status()), v1::FAILURE_BAD_REQUEST) << request.request_id();
  }
  EXPECT_THAT(OnlySession().permissions(), SizeIs(2));
}

TEST_F(PermissionsTest, ALongInputIsCutInTheStatusAndWholeWhereItIsShown) {
  Ask("12345678", std::string(100'000, 'x'));
  const v1::PendingPermission cut = OnlySession().permissions(0);
  EXPECT_EQ(cut.input().size(), 4096u);
  EXPECT_GT(cut.input_bytes(), 100'000u);
  const auto shown = Answer(For("1234", Request::SHOW));
  EXPECT_EQ(shown->permission().input().size(), cut.input_bytes());
}

TEST_F(PermissionsTest, TheIdItselfIsMeantWhateverElseBeginsSo) {
  Ask("abc");
  Ask("abcd");
  Ask("abcde");
  EXPECT_TRUE(Answer(For("abc"))->was_first());
  EXPECT_TRUE(Answer(For("abcd"))->was_first());
  EXPECT_EQ(OnlySession().permissions(0).request_id(), "abcde");
}

TEST_F(PermissionsTest, AnIdThatSeveralTeamsAskWithAnswersNoneUntilItIsSaidWhose) {
  Recorder second, third;
  TellSpec to_backend = ToGpu("y"), from_backend = ToGpu("z");
  to_backend.to = "backend";
  from_backend.from = "backend";
  ASSERT_TRUE(Tell(to_backend, second).ok());
  ASSERT_TRUE(Tell(from_backend, third).ok());
  Drain();
  v1::PendingRequest same, longer;
  same.set_json("{}");
  longer.set_json("{}");
  same.set_request_id("req-1");
  longer.set_request_id("req-12");
  OnLoop([&] {
    Transport().Ask(same);
    factory_->Between("cli", "backend").Ask(same);
    factory_->Between("backend", "gpu").Ask(longer);
  });
  for (const char* id : {"req-1", "req-", "gpu:req-1", "nobody:req-1", ":"}) {
    EXPECT_EQ(KindOf(Answer(For(id)).status()), v1::FAILURE_BAD_REQUEST) << id;
  }
  const Failure failure = ToProto(Answer(For("req-1")).status());
  EXPECT_THAT(failure.detail(), HasSubstr("of teams backend, gpu"));
  EXPECT_THAT(failure.fix(), HasSubstr("backend:gpu:req-1 or cli:backend:req-1 or cli:gpu:req-1"));

  const auto answered = Answer(For("cli:gpu:req-1"));
  ASSERT_TRUE(answered.ok()) << answered.status();
  EXPECT_EQ(answered->permission().from(), "cli");
  EXPECT_EQ(answered->permission().to(), "gpu");
  EXPECT_EQ(Answer(For("backend:req-1"))->permission().to(), "backend");
  EXPECT_EQ(Answer(For("req-12"))->permission().from(), "backend");
}

TEST_F(PermissionsTest, WhoLeavesAnswersThoseWhoWait) {
  Ask("12345678");
  absl::StatusOr<v1::AnswerPermissionResponse> answered = absl::UnknownError("no answer");
  int times = 0;
  OnLoop([&] {
    orchestrator_->AnswerPermission(For("1234"), [&](const auto& result) {
      answered = result;
      ++times;
    });
    orchestrator_->Leave();
  });
  Drain();
  EXPECT_EQ(times, 1);
  EXPECT_EQ(KindOf(answered.status()), v1::FAILURE_DROPPED);
}

TEST_F(PermissionsTest, NothingIsAskedByAChildThatIsGone) {
  Ask("12345678");
  OnLoop([&] { Transport().GoDown(MakeFailure(v1::FAILURE_CHILD_EXITED, "it crashed")); });
  EXPECT_THAT(OnlySession().permissions(), SizeIs(0));
  EXPECT_EQ(KindOf(Answer(For("1234")).status()), v1::FAILURE_BAD_REQUEST);
}

}  // namespace
}  // namespace iris
