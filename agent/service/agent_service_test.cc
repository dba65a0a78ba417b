#include "agent/service/agent_service.h"

#include <memory>
#include <string>
#include <thread>

#include "absl/synchronization/notification.h"
#include "agent/service/service_fixture.h"
#include "agent/testing/processes.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "common/rpc/grpc_failure.h"
#include "gmock/gmock.h"
#include "grpcpp/support/sync_stream.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class AgentServiceTest : public ServiceFixture {
 protected:
  using ProbeCall = grpc::ClientReaderWriter<v1::ProbeRequest, v1::ProbeResponse>;

  // The nonce that came back; 0 if the call ended.
  static uint64_t Echo(ProbeCall& probe, uint64_t nonce) {
    v1::ProbeRequest request;
    request.set_nonce(nonce);
    v1::ProbeResponse response;
    return probe.Write(request) && probe.Read(&response) ? response.nonce() : 0;
  }

  v1::OpenResponse opened;
  v1::CloseResponse closed;
  v1::ShutdownResponse gone;
};

TEST_F(AgentServiceTest, OpenAnswersWhenTheChildIsReadyAndCloseWhenItIsGone) {
  const uint64_t epoch = Lease();
  ASSERT_TRUE(Open(epoch, &opened).ok());
  EXPECT_TRUE(opened.started());
  EXPECT_TRUE(Exists(static_cast<pid_t>(opened.child().pid())));
  EXPECT_EQ(Info().state(), v1::SESSION_READY);
  EXPECT_EQ(Info().team(), "gpu");

  ASSERT_TRUE(Close(epoch, &closed).ok());
  EXPECT_TRUE(closed.was_running());
  EXPECT_TRUE(HaveNoChildren());
  ASSERT_TRUE(Close(epoch, &closed).ok());
  EXPECT_FALSE(closed.was_running());
}

TEST_F(AgentServiceTest, FailuresArriveTypedWithTheirDetail) {
  const uint64_t epoch = Lease();
  spec.set_claude_path("/nonexistent/claude");
  const absl::Status missing = Open(epoch, &opened);
  EXPECT_EQ(KindOf(missing), v1::FAILURE_CLAUDE_MISSING);
  EXPECT_THAT(std::string(missing.message()),
              AllOf(HasSubstr("/nonexistent/claude"), HasSubstr("gpu1")));
  EXPECT_EQ(KindOf(Open(epoch + 1, &opened)), v1::FAILURE_PERMISSION_DENIED);
  EXPECT_EQ(KindOf(Close(epoch + 1, &closed)), v1::FAILURE_PERMISSION_DENIED);

  v1::AcquireRequest request;
  request.set_session_id(session_id);
  request.set_coordinator_id(NewUuid());
  v1::AcquireResponse response;
  const absl::Status held = Acquire(request, &response);
  EXPECT_EQ(KindOf(held), v1::FAILURE_PERMISSION_DENIED);
  EXPECT_THAT(std::string(held.message()), HasSubstr("me@laptop"));
}

TEST_F(AgentServiceTest, WhatIsNotBuiltYetSaysSo) {
  const auto context = NewContext();
  EXPECT_EQ(stub().ReverseMcp(&*context)->Finish().error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(AgentServiceTest, OnlyTheLeaseHolderAnswersWhatWaits) {
  const uint64_t epoch = LeaseAndOpen();
  const auto answer = [&](uint64_t with_epoch) {
    v1::AnswerRequestRequest request;
    request.set_session_id(session_id);
    request.set_epoch(with_epoch);
    request.set_request_id("q1");
    request.set_json(R"({"behavior":"allow"})");
    v1::AnswerRequestResponse response;
    const auto context = NewContext();
    return FromGrpcStatus(stub().AnswerRequest(&*context, request, &response), "");
  };
  EXPECT_EQ(KindOf(answer(epoch + 1)), v1::FAILURE_PERMISSION_DENIED);
  const absl::Status unknown = answer(epoch);
  EXPECT_EQ(KindOf(unknown), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("q1"));
}

TEST_F(AgentServiceTest, CancelTellReturnsWhenTheTellIsSettledAndSaysWhatItWas) {
  const uint64_t epoch = LeaseAndOpen();
  Reader reader(stub());
  reader.Start(session_id, epoch);
  const auto cancel = [&](uint64_t at, const std::string& tell_id, v1::CancelTellResponse* answer) {
    v1::CancelTellRequest request;
    request.set_session_id(session_id);
    request.set_epoch(at);
    request.set_tell_id(tell_id);
    return FromGrpcStatus(stub().CancelTell(&*NewContext(), request, answer), "cancel");
  };
  v1::CancelTellResponse cancelled;
  const std::string tell = NewUuid();
  reader.SendTell(tell, "HANG");
  ASSERT_TRUE(Eventually([this] { return Info().tell_in_flight() != ""; }));
  EXPECT_EQ(KindOf(cancel(epoch + 1, tell, &cancelled)), v1::FAILURE_PERMISSION_DENIED);
  EXPECT_EQ(KindOf(cancel(epoch, "tell", &cancelled)), v1::FAILURE_BAD_REQUEST);

  ASSERT_TRUE(cancel(epoch, tell, &cancelled).ok());
  EXPECT_EQ(cancelled.phase_before(), v1::TellState::WRITTEN);
  EXPECT_EQ(Info().tell_in_flight(), "");
  EXPECT_EQ(OutcomeIn(reader.ReadUntilSettled(tell)).kind(), v1::FAILURE_CANCELLED);
  ASSERT_TRUE(cancel(epoch, tell, &cancelled).ok());
  EXPECT_EQ(cancelled.phase_before(), v1::TellState::SETTLED);
}

TEST_F(AgentServiceTest, GetHostIsTheHooks) {
  v1::GetHostResponse host;
  ASSERT_TRUE(stub().GetHost(&*NewContext(), v1::GetHostRequest(), &host).ok());
  EXPECT_EQ(host.hello().hostname(), "gpu1");
}

TEST_F(AgentServiceTest, AProbeComesBackFromTheLoop) {
  const auto context = NewContext();
  const std::unique_ptr<ProbeCall> probe = stub().Probe(&*context);
  EXPECT_EQ(Echo(*probe, 7), 7u);
  EXPECT_EQ(Echo(*probe, 8), 8u);
  EXPECT_EQ(service().open_streams(), 1u);

  // Not from gRPC's threads: while the loop is held there is no answer.
  absl::Notification held, go;
  std::thread holder([&] {
    Do([&] {
      held.Notify();
      go.WaitForNotificationWithTimeout(kServiceDeadline);
    });
  });
  held.WaitForNotification();
  std::thread echo([&] { EXPECT_EQ(Echo(*probe, 9), 9u); });
  absl::Notification never;
  EXPECT_FALSE(never.WaitForNotificationWithTimeout(absl::Milliseconds(20)));
  go.Notify();
  holder.join();
  echo.join();

  probe->WritesDone();
  EXPECT_TRUE(probe->Finish().ok());
  EXPECT_TRUE(Eventually([this] { return service().open_streams() == 0; }));
}

TEST_F(AgentServiceTest, EndStreamsEndsAllAndRefusesNewOnes) {
  const uint64_t epoch = LeaseAndOpen();
  Reader reader(stub());
  reader.Start(session_id, epoch);
  const auto context = NewContext();
  const std::unique_ptr<ProbeCall> probe = stub().Probe(&*context);
  ASSERT_EQ(Echo(*probe, 1), 1u);
  EXPECT_EQ(service().open_streams(), 2u);

  Do([this] { service().EndStreams(); });
  EXPECT_FALSE(reader.Next().has_value());
  EXPECT_EQ(KindOf(reader.Finish()), v1::FAILURE_DROPPED);
  v1::ProbeResponse nothing;
  EXPECT_FALSE(probe->Read(&nothing));
  EXPECT_EQ(KindOf(FromGrpcStatus(probe->Finish(), "probe")), v1::FAILURE_DROPPED);
  EXPECT_TRUE(Eventually([this] { return service().open_streams() == 0; }));

  Reader late(stub());
  late.Start(session_id, epoch);
  EXPECT_EQ(KindOf(late.Finish()), v1::FAILURE_DROPPED);
}

TEST_F(AgentServiceTest, ShutdownEndsEverySessionAndThenTheAgent) {
  LeaseAndOpen();
  EXPECT_EQ(KindOf(Shutdown(/*only_if_idle=*/true, &gone)), v1::FAILURE_BUSY_LIMIT);
  EXPECT_FALSE(left.HasBeenNotified());

  ASSERT_TRUE(Shutdown(/*only_if_idle=*/false, &gone).ok());
  EXPECT_EQ(gone.sessions_ended(), 1u);
  EXPECT_TRUE(HaveNoChildren());
  EXPECT_TRUE(left.WaitForNotificationWithTimeout(kServiceDeadline));
}

// Two coordinators use the agent; one is told to stop its agents while the other's message is open.
class SharedAgentTest : public AgentServiceTest {
 protected:
  SharedAgentTest() {
    other.set_coordinator_id(NewUuid());
    ours = std::make_unique<Reader>(stub());
    ours->Start(session_id, LeaseAndOpen());
    ours->SendTell(tell, "HANG");
    EXPECT_TRUE(Eventually([this] { return Info().tell_in_flight() != ""; }));
  }

  const std::string tell = NewUuid();
  std::unique_ptr<Reader> ours;
  v1::ShutdownRequest other;
};

TEST_F(SharedAgentTest, StaysWhileAMessageOfAnotherCoordinatorIsOpen) {
  const absl::Status refused = Shutdown(other, &gone);
  EXPECT_EQ(KindOf(refused), v1::FAILURE_PERMISSION_DENIED);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("1 of team gpu (me@laptop)"));
  EXPECT_THAT(ToProto(refused).fix(), HasSubstr("--force"));
  EXPECT_EQ(Info().tell_in_flight(), tell) << "it works on";
  EXPECT_FALSE(left.HasBeenNotified());
}

TEST_F(SharedAgentTest, EndsTheSessionsOfWhoAskedAlsoWhereItStays) {
  v1::AcquireRequest lease;
  lease.set_session_id(NewUuid());
  lease.set_coordinator_id(other.coordinator_id());
  v1::AcquireResponse leased;
  ASSERT_TRUE(Acquire(lease, &leased).ok());
  v1::OpenRequest open;
  open.set_session_id(lease.session_id());
  open.set_epoch(leased.epoch());
  *open.mutable_spec() = spec;
  ASSERT_TRUE(stub().Open(&*NewContext(), open, &opened).ok());
  const pid_t theirs = static_cast<pid_t>(opened.child().pid());
  ASSERT_TRUE(Exists(theirs));

  EXPECT_EQ(KindOf(Shutdown(other, &gone)), v1::FAILURE_PERMISSION_DENIED);
  EXPECT_FALSE(Exists(theirs));
  EXPECT_EQ(Info().tell_in_flight(), tell);
}

TEST_F(SharedAgentTest, LeavesForWhoSaysThatItsMessagesMayEnd) {
  other.set_force(true);
  ASSERT_TRUE(Shutdown(other, &gone).ok());
  EXPECT_EQ(gone.tells_of_others(), 1u);
  EXPECT_EQ(OutcomeIn(ours->ReadUntilSettled(tell)).kind(), v1::FAILURE_CANCELLED);
  EXPECT_TRUE(left.WaitForNotificationWithTimeout(kServiceDeadline));
}

TEST_F(SharedAgentTest, LeavesForTheCoordinatorWhoseMessagesTheyAre) {
  v1::ShutdownRequest request;
  request.set_coordinator_id(coordinator_id);
  ASSERT_TRUE(Shutdown(request, &gone).ok());
  EXPECT_EQ(gone.tells_of_others(), 0u);
  EXPECT_TRUE(left.WaitForNotificationWithTimeout(kServiceDeadline));
}

TEST_F(SharedAgentTest, LeavesForACoordinatorTooOldToSayWhoItIs) {
  ASSERT_TRUE(Shutdown(/*only_if_idle=*/false, &gone).ok());
  EXPECT_TRUE(left.WaitForNotificationWithTimeout(kServiceDeadline));
}

TEST_F(AgentServiceTest, AnotherCoordinatorsIdleSessionHoldsNoAgent) {
  LeaseAndOpen();
  v1::ShutdownRequest request;
  request.set_coordinator_id(NewUuid());
  ASSERT_TRUE(Shutdown(request, &gone).ok());
  EXPECT_EQ(gone.sessions_ended(), 1u);
}

TEST_F(AgentServiceTest, AnIdleAgentLeavesWhenAskedTo) {
  Lease();
  ASSERT_TRUE(Shutdown(/*only_if_idle=*/true, &gone).ok());
  EXPECT_EQ(gone.sessions_ended(), 0u);
  EXPECT_TRUE(left.WaitForNotificationWithTimeout(kServiceDeadline));
}

TEST_F(AgentServiceTest, AShutdownAnswersAnOpenThatWaits) {
  const uint64_t epoch = Lease();
  (*spec.mutable_env())["STUB_HANG_AT_START"] = "1";
  absl::Status status;
  std::thread opener([&] { status = Open(epoch, &opened); });
  EXPECT_TRUE(Eventually([this] { return Info().state() == v1::SESSION_STARTING; }));
  EXPECT_TRUE(Shutdown(/*only_if_idle=*/false, &gone).ok());
  opener.join();
  EXPECT_EQ(KindOf(status), v1::FAILURE_CANCELLED);
  EXPECT_EQ(Info().state(), v1::SESSION_NO_CHILD);
}

TEST_F(AgentServiceTest, ACallerThatGivesUpOnOpenHarmsNobody) {
  const uint64_t epoch = Lease();
  (*spec.mutable_env())["STUB_HANG_AT_START"] = "1";
  const auto context = NewContext();
  v1::OpenRequest request;
  request.set_session_id(session_id);
  request.set_epoch(epoch);
  *request.mutable_spec() = spec;
  std::thread opener([&] {
    EXPECT_EQ(stub().Open(&*context, request, &opened).error_code(), grpc::StatusCode::CANCELLED);
  });
  EXPECT_TRUE(Eventually([this] { return Info().state() == v1::SESSION_STARTING; }));
  context->TryCancel();
  opener.join();
  EXPECT_TRUE(Close(epoch, &closed).ok());
  EXPECT_EQ(Info().state(), v1::SESSION_NO_CHILD);
}

}  // namespace
}  // namespace iris
