// A tell that is sent: in frames, and whoever goes in the middle.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "common/rpc/grpc_failure.h"
#include "coordinator/service/coordinator_service_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::Le;

TEST_F(CoordinatorServiceTest, ATellIsAcceptedAnsweredAndSettled) {
  const Told told = Tell(ToGpu(NewUuid()), "grüße");
  EXPECT_TRUE(told.call.ok()) << told.call;
  EXPECT_THAT(told.kinds, ElementsAre(v1::TellUpdate::kAccepted, v1::TellUpdate::kAnswer,
                                      v1::TellUpdate::kSettled));
  EXPECT_EQ(told.answer, "grüße");
  EXPECT_FALSE(told.settled.has_failure());
  EXPECT_EQ(told.settled.answer_bytes(), told.answer.size());
  ExpectNoOpenCalls();
}

TEST_F(CoordinatorServiceTest, SixteenMebibytesArriveByteForByteInFrames) {
  std::string answer;
  while (answer.size() < (16 << 20)) answer += "line " + std::to_string(answer.size()) + " €\n";
  script_ = [&](FakeTransport& transport, const std::string& id, const std::string&) {
    transport.Text(id, answer);
    transport.Settle(id, absl::OkStatus());
  };
  const Told told = Tell(ToGpu(NewUuid()), "much");
  EXPECT_TRUE(told.call.ok()) << told.call;
  EXPECT_TRUE(told.answer == answer);
  EXPECT_THAT(told.largest_frame, Le(kFrameBytesMax));
}

TEST_F(CoordinatorServiceTest, AMessageOfTheLargestSizeArrivesWholeAndALargerOneIsRefused) {
  const std::string largest(kTellBytesMax, 'x');
  EXPECT_TRUE(Tell(ToGpu(NewUuid()), largest).answer == largest);

  const Told refused = Tell(ToGpu(NewUuid()), largest + "x");
  EXPECT_EQ(KindOf(refused.call), v1::FAILURE_BAD_REQUEST);
}

TEST_F(CoordinatorServiceTest, AFailedTellCarriesItsPartialText) {
  script_ = [](FakeTransport& transport, const std::string& id, const std::string&) {
    transport.Text(id, "half");
    transport.Settle(id, MakeFailure(v1::FAILURE_CHILD_EXITED, "signal 9", "Again."));
  };
  const Told told = Tell(ToGpu(NewUuid()), "x");
  EXPECT_TRUE(told.call.ok());
  EXPECT_EQ(told.answer, "half");
  EXPECT_EQ(told.settled.failure().kind(), v1::FAILURE_CHILD_EXITED);
  EXPECT_EQ(told.settled.failure().fix(), "Again.");
}

TEST_F(CoordinatorServiceTest, HowMuchOfTheAnswerIsJsonIsSaid) {
  script_ = [](FakeTransport& transport, const std::string& id, const std::string&) {
    transport.Text(id, "all\n\n{\"sum\":3}");
    transport.Structured(id, 9);
    transport.Settle(id, absl::OkStatus());
  };
  const v1::TellRequest request = ToGpu(NewUuid());
  EXPECT_EQ(Tell(request, "x").settled.structured_bytes(), 9u);
  EXPECT_EQ(Tell(request, "x").settled.structured_bytes(), 9u);  // Out of the store.
}

TEST_F(CoordinatorServiceTest, WhatATurnCostAndWasDeniedIsSaidWithItsEnd) {
  script_ = [](FakeTransport& transport, const std::string& id, const std::string&) {
    v1::TurnAccount account;
    account.set_duration_ms(1500);
    account.set_denials(1);
    account.add_denied()->set_input("npm test");
    transport.Text(id, "done");
    transport.Account(id, account);
    transport.Settle(id, absl::OkStatus());
  };
  const v1::TellRequest request = ToGpu(NewUuid());
  for (int i = 0; i < 2; ++i) {  // The second time out of the store.
    const v1::TellSettled settled = Tell(request, "x").settled;
    EXPECT_EQ(settled.account().duration_ms(), 1500);
    EXPECT_EQ(settled.account().denied(0).input(), "npm test");
  }
  script_ = EchoScript;
  EXPECT_FALSE(Tell(ToGpu(NewUuid()), "x").settled.has_account());
}

TEST_F(CoordinatorServiceTest, AMessageWaitsForALimitWhereItsSenderAsksForIt) {
  v1::RateLimit limit;
  limit.set_resets_at_ms(absl::ToUnixMillis(absl::Now() + absl::Hours(1)));
  limit.set_nothing_ran(true);
  script_ = [limit](FakeTransport& transport, const std::string& id, const std::string&) {
    transport.Settle(id, MakeRateLimited("5-hour limit", limit));
  };
  const Told failed = Tell(ToGpu(NewUuid()), "x");
  EXPECT_EQ(KindOf(failed.settled.failure()), v1::FAILURE_RATE_LIMITED);
  EXPECT_EQ(failed.settled.failure().rate_limit().resets_at_ms(), limit.resets_at_ms());
  v1::TellRequest patient = ToGpu(NewUuid());
  patient.set_detach(true);
  patient.set_wait_for_limit(true);
  ASSERT_TRUE(Tell(patient, "x").call.ok());
  const auto waits = [&] {
    for (const v1::TellSummary& tell : List("cli")) {
      if (tell.tell_id() != patient.tell_id()) continue;
      return tell.progress().text().find("waiting for the limit") != std::string::npos;
    }
    return false;
  };
  const absl::Time deadline = absl::Now() + absl::Minutes(1);
  while (!waits() && absl::Now() < deadline) {
  }
  EXPECT_TRUE(waits());
  EXPECT_EQ(KindOf(Cancel(patient.tell_id())->failure()), v1::FAILURE_CANCELLED);
}

TEST_F(CoordinatorServiceTest, ARefusedTellIsAFailedCall) {
  v1::TellRequest request = ToGpu(NewUuid());
  request.set_to("gup");
  const Told told = Tell(request, "x");
  EXPECT_EQ(KindOf(told.call), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(told.kinds, testing::IsEmpty());
  EXPECT_THAT(ToProto(told.call).fix(), testing::HasSubstr("gpu"));
}

TEST_F(CoordinatorServiceTest, OnlyWhatIsTakenHasItsAskersEnvironment) {
  const auto keys = [this] {
    std::string keys;
    OnLoop([&] {
      const Team& team = factory_->Between("cli", "gpu").team();
      if (team.asker.environment != nullptr) keys = team.asker.environment->at("SSH_AUTH_SOCK");
    });
    return keys;
  };
  v1::TellRequest request = ToGpu(NewUuid());
  request.mutable_environment()->add_entries("SSH_AUTH_SOCK=/first");
  EXPECT_EQ(Tell(request, "x").answer, "x");
  EXPECT_EQ(keys(), "/first");

  v1::TellRequest other = request;
  other.mutable_environment()->set_entries(0, "SSH_AUTH_SOCK=/second");
  EXPECT_EQ(Tell(other, "x").answer, "x") << "it is answered already";
  EXPECT_FALSE(Tell(other, "another text under that id").call.ok());
  other.set_tell_id(NewUuid());
  EXPECT_FALSE(Tell(other, std::string(kTellBytesMax + 1, 'x')).call.ok());
  EXPECT_EQ(keys(), "/first");
  other.set_to("gup");
  EXPECT_FALSE(Tell(other, "x").call.ok());
  EXPECT_EQ(keys(), "/first");
  other.set_to("gpu");
  EXPECT_EQ(Tell(other, "x").answer, "x");
  EXPECT_EQ(keys(), "/second");
}

TEST_F(CoordinatorServiceTest, ATellThatWasAcceptedAndIsNotKnownIsRefused) {
  v1::TellRequest request = ToGpu(NewUuid());
  request.set_accepted_before(true);
  const Told told = Tell(request, "x");
  EXPECT_EQ(KindOf(told.call), v1::FAILURE_AMBIGUOUS);
  EXPECT_THAT(told.kinds, testing::IsEmpty());
  EXPECT_THAT(List("cli", /*all=*/true), testing::IsEmpty());

  request.set_accepted_before(false);
  EXPECT_EQ(Tell(request, "x").answer, "x");
  request.set_accepted_before(true);
  EXPECT_EQ(Tell(request, "x").answer, "x");
}

TEST_F(CoordinatorServiceTest, AMessageThatWouldWaitForItselfIsRefused) {
  script_ = HoldScript;
  const std::string first = Detached("ask back");
  v1::TellRequest back = ToGpu(NewUuid());
  back.set_from("gpu");
  back.set_detach(true);
  ASSERT_TRUE(Tell(back, "x").call.ok());
  OnLoop([&] { back.set_claude_session_id(store_->FindTell(back.tell_id())->value().session_id); });
  back.set_tell_id(NewUuid());
  EXPECT_TRUE(Tell(back, "x").call.ok());  // It does not wait.
  back.set_tell_id(NewUuid());
  back.set_detach(false);
  const Told refused = Tell(back, "x");
  EXPECT_EQ(KindOf(refused.call), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(ToProto(refused.call).detail(), testing::HasSubstr("wait for itself"));
}

TEST_F(CoordinatorServiceTest, AnAnswerThatWouldBeFetchedInItsOwnTurnIsLookedAtAndNotWaitedFor) {
  script_ = HoldScript;
  const std::string id = Detached("slow");
  std::string session_id;
  OnLoop([&] { session_id = store_->FindTell(id)->value().session_id; });
  const Told refused = Follow(id, /*no_wait=*/false, "cli", session_id);
  EXPECT_EQ(KindOf(refused.call), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(ToProto(refused.call).fix(), testing::HasSubstr("End your turn"));
  EXPECT_TRUE(Follow(id, /*no_wait=*/true, "cli", session_id).call.ok());
  ExpectNoOpenCalls();
  Answer(id, "done");
  EXPECT_EQ(Follow(id, /*no_wait=*/false, "cli", session_id).answer, "done");
}

class NoRoomTest : public CoordinatorServiceTest {
 protected:
  NoRoomTest() { budget_bytes_ = 1; }
};

TEST_F(NoRoomTest, CallersThatDoNotReadHoldNothingAndMissNothing) {
  const std::string answer(900'000, 'a');  // Longer than what gRPC takes ahead of a reader.
  script_ = [&](FakeTransport& transport, const std::string& id, const std::string&) {
    EchoScript(transport, id, answer);
  };
  const v1::TellRequest asked = ToGpu(NewUuid());
  grpc::ClientContext tell_context, follow_context;
  const auto tell = stub_->Tell(&tell_context);
  WriteText(*tell, asked, "much");
  v1::TellUpdate accepted;
  ASSERT_TRUE(tell->Read(&accepted));
  v1::FollowTellRequest request;
  request.set_tell_id(asked.tell_id());
  request.set_from("cli");
  request.set_no_wait(true);
  const auto follow = stub_->FollowTell(&follow_context, request);

  EXPECT_TRUE(Follow(asked.tell_id()).answer == answer);
  for (const absl::Time end = absl::Now() + absl::Seconds(60);;
       absl::SleepFor(absl::Seconds(0.1))) {
    size_t held = 0;
    OnLoop([&] { held = budget_->held(); });
    if (held == 0) break;
    ASSERT_LT(absl::Now(), end);
  }
  EXPECT_TRUE(ReadAll(*tell).answer == answer);
  EXPECT_TRUE(ReadAll(*follow).answer == answer);
}

TEST_F(NoRoomTest, AMessageThatIsPutTogetherIsCountedUntilItIsWhole) {
  script_ = HoldScript;
  grpc::ClientContext context;
  const auto stream = stub_->Tell(&context);
  v1::TellRequest frame = ToGpu(NewUuid());
  frame.set_text(std::string(100'000, 'x'));
  ASSERT_TRUE(stream->Write(frame));
  const auto wait_for = [&](size_t bytes) {
    for (const absl::Time end = absl::Now() + absl::Seconds(60);;
         absl::SleepFor(absl::Seconds(0.01))) {
      size_t held = 0;
      OnLoop([&] { held = budget_->held(); });
      if (held == bytes) return true;
      if (absl::Now() > end) return false;
    }
  };
  EXPECT_TRUE(wait_for(100'000));
  frame.set_last(true);
  ASSERT_TRUE(stream->Write(frame));
  EXPECT_TRUE(wait_for(0));
  context.TryCancel();
  stream->Finish();
  OnLoop([this] { EXPECT_TRUE(orchestrator_->SettleOpen().ok()); });
}

TEST_F(CoordinatorServiceTest, ADetachedCallEndsOnceTheTellIsStored) {
  script_ = [](FakeTransport&, const std::string&, const std::string&) {};
  v1::TellRequest request = ToGpu(NewUuid());
  request.set_detach(true);
  const Told told = Tell(request, "slow");
  EXPECT_TRUE(told.call.ok()) << told.call;
  EXPECT_THAT(told.kinds, ElementsAre(v1::TellUpdate::kAccepted));

  ExpectNoOpenCalls();
  OnLoop([&] { EchoScript(factory_->Between("cli", "gpu"), request.tell_id(), "done"); });
  request.set_detach(false);
  EXPECT_EQ(Tell(request, "slow").answer, "done");
}

TEST_F(CoordinatorServiceTest, AClientThatGoesMidWayLeavesTheTellRunning) {
  script_ = [](FakeTransport&, const std::string&, const std::string&) {};
  const std::string id = NewUuid();
  {
    grpc::ClientContext context;
    const auto stream = stub_->Tell(&context);
    WriteText(*stream, ToGpu(id), "slow");
    v1::TellUpdate update;
    ASSERT_TRUE(stream->Read(&update));
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  ExpectNoOpenCalls();
  OnLoop([&] {
    EXPECT_FALSE(orchestrator_->idle());
    EchoScript(factory_->Between("cli", "gpu"), id, "done");
  });
  EXPECT_EQ(Tell(ToGpu(id), "slow").answer, "done");
}

TEST_F(CoordinatorServiceTest, AClientThatGoesBeforeItsMessageIsCompleteLeavesNothing) {
  {
    grpc::ClientContext context;
    const auto stream = stub_->Tell(&context);
    ASSERT_TRUE(stream->Write(ToGpu(NewUuid())));
    context.TryCancel();
    stream->Finish();
  }
  ExpectNoOpenCalls();
  OnLoop([&] { EXPECT_TRUE(orchestrator_->idle()); });

  grpc::ClientContext context;
  const auto half = stub_->Tell(&context);
  ASSERT_TRUE(half->Write(ToGpu(NewUuid())));
  ASSERT_TRUE(half->WritesDone());
  EXPECT_EQ(KindOf(FromGrpcStatus(half->Finish(), "x")), v1::FAILURE_BAD_REQUEST);
}

TEST_F(CoordinatorServiceTest, AServerThatGoesEndsTheCallsThatFollowATell) {
  script_ = [](FakeTransport&, const std::string&, const std::string&) {};
  grpc::ClientContext context;
  const auto stream = stub_->Tell(&context);
  WriteText(*stream, ToGpu(NewUuid()), "slow");
  v1::TellUpdate update;
  ASSERT_TRUE(stream->Read(&update));

  server_->Shutdown(std::chrono::system_clock::now());
  EXPECT_FALSE(stream->Finish().ok());
  ExpectNoOpenCalls();
}

}  // namespace
}  // namespace iris
