#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "common/rpc/grpc_failure.h"
#include "coordinator/mcp/message.h"
#include "coordinator/service/coordinator_service_fixture.h"
#include "coordinator/service/mcp_call_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST_F(McpCallTest, AMessageIsAnsweredUnderItsIdWithTheClientsOwnSshAgent) {
  Stream stream(*stub_);
  const std::string opening = stream.Write(kInitialize);
  const v1::McpServerMessage opened = stream.Read();
  EXPECT_EQ(opened.settles(), opening);
  EXPECT_TRUE(opened.opening());

  const std::string id = stream.Write(Send(1, "hello"));
  const v1::McpServerMessage answer = stream.Read();
  EXPECT_THAT(answer.json(), HasSubstr(R"("text":"hello")"));
  EXPECT_EQ(answer.settles(), id);
  EXPECT_FALSE(answer.opening());
  EXPECT_THAT(stream.accepted, ElementsAre(id));
  OnLoop([&] {
    const StoredTell tell = store_->FindTell(id)->value();
    EXPECT_EQ(tell.answer, "hello");
    const Team& team = factory_->Between(tell.from, "gpu").team();
    EXPECT_EQ(team.asker.environment->at("SSH_AUTH_SOCK"), "/agent");
  });
}

TEST_F(McpCallTest, AClientSpeaksForWhomItsFrontEndSays) {
  Stream stream(*stub_, "", "notes@laptop");
  stream.Write(kInitialize);
  EXPECT_THAT(stream.Read().json(), HasSubstr("You are notes@laptop"));
  stream.Write(Send(1, "hello"));
  EXPECT_THAT(stream.Read().json(), HasSubstr("you are notes@laptop, and cannot speak for"));
  const std::string id = stream.Write(
      R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"send_message",)"
      R"("arguments":{"toTeam":"gpu","message":"hello"}}})");
  EXPECT_THAT(stream.Read().json(), HasSubstr(R"("text":"hello")"));
  OnLoop([&] { EXPECT_EQ(store_->FindTell(id)->value().from, "notes@laptop"); });
}

TEST_F(McpCallTest, ACallMaySpeakForAnotherTeamWithTheClientsFolder) {
  Stream stream(*stub_, "", "coder", /*confirms=*/false, {"web"});
  stream.Write(kInitialize);
  EXPECT_THAT(stream.Read().json(), HasSubstr("You are coder."));
  const std::string id = stream.Write(Send(1, "hello"));
  EXPECT_THAT(stream.Read().json(), HasSubstr(R"("text":"hello")"));
  OnLoop([&] { EXPECT_EQ(store_->FindTell(id)->value().from, "web"); });
}

TEST_F(McpCallTest, WhatAnotherStreamHadAcceptedAndIsNotKnownIsRefused) {
  Stream stream(*stub_);
  stream.Write(kInitialize);
  stream.Read();
  const std::string id = stream.Write(Send(1, "hello"), NewUuid(), /*accepted_before=*/true);
  const v1::McpServerMessage answer = stream.Read();
  EXPECT_THAT(answer.json(), HasSubstr("ambiguous: "));
  EXPECT_EQ(answer.settles(), id);
  EXPECT_THAT(stream.accepted, IsEmpty());
  OnLoop([&] { EXPECT_FALSE(store_->FindTell(id)->has_value()); });
}

TEST_F(McpCallTest, OfABatchOnlyTheMembersThatWereAcceptedAreKnownFromBefore) {
  std::string initialize = kInitialize;
  const size_t version = initialize.find("2025-");
  ASSERT_NE(version, std::string::npos);
  initialize.replace(version, std::string("2025-03-26").size(), "2025-03-26");
  Stream stream(*stub_);
  stream.Write(initialize);
  stream.Read();
  const std::string batch = "[" + Send(1, "one") + "," + Send(2, "two") + "]";
  const std::string id = NewUuid();
  stream.Write(batch, id, /*accepted_before=*/true, {McpMemberId(id, 1)});
  const v1::McpServerMessage answer = stream.Read();
  EXPECT_THAT(answer.json(), HasSubstr(R"("text":"one")"));
  EXPECT_THAT(answer.json(), HasSubstr("ambiguous: ")) << "the second was accepted, and is unknown";
  EXPECT_THAT(stream.accepted, ElementsAre(id));
  EXPECT_THAT(stream.accepted_members, ElementsAre(McpMemberId(id, 0)));
}

TEST_F(McpCallTest, AClientInWhoseTurnAMessageWouldWaitForItselfIsTold) {
  script_ = HoldScript;
  v1::TellRequest request = ToGpu(NewUuid());
  request.set_from("web");
  request.set_detach(true);
  ASSERT_TRUE(Tell(request, "x").call.ok());
  std::string session_id;
  OnLoop([&] { session_id = store_->FindTell(request.tell_id())->value().session_id; });
  Stream inside(*stub_, session_id);
  inside.Write(kInitialize);
  inside.Read();
  inside.Write(Send(1, "hello"));
  EXPECT_THAT(inside.Read().json(), HasSubstr("bad_request: gpu is waiting"));
  inside.Write(Wait(2, request.tell_id()));
  EXPECT_THAT(inside.Read().json(), AllOf(HasSubstr("bad_request: message " + request.tell_id()),
                                          HasSubstr("End your turn")));
}

// Longer than what gRPC takes ahead of a reader.
std::string LongText(int i) { return std::string(900'000, static_cast<char>('a' + i)); }

TEST_F(McpCallTest, OfAnswersThatWaitToBeReadOneIsHeld) {
  constexpr int kAnswers = 8;
  Stream stream(*stub_);
  stream.Write(kInitialize);
  stream.Read();
  std::vector<std::string> ids;
  for (int i = 0; i < kAnswers; ++i) ids.push_back(stream.Write(Send(i, LongText(i))));
  const auto all_settled = [&] {
    bool settled = true;
    OnLoop([&] {
      for (const std::string& id : ids) {
        const auto tell = store_->FindTell(id);
        settled =
            settled && tell.ok() && tell->has_value() && (*tell)->state == TellState::kSettled;
      }
    });
    return settled;
  };
  for (const absl::Time end = absl::Now() + absl::Seconds(60); !all_settled();) {
    ASSERT_LT(absl::Now(), end);
    absl::SleepFor(absl::Milliseconds(10));
  }
  OnLoop([&] { EXPECT_LE(budget_->held(), LongText(0).size()); });

  std::map<std::string, std::string> answers;
  for (int i = 0; i < kAnswers; ++i) {
    const v1::McpServerMessage answer = stream.Read();
    answers[answer.settles()] = answer.json();
  }
  for (int i = 0; i < kAnswers; ++i) EXPECT_THAT(answers[ids[i]], HasSubstr(LongText(i)));
  OnLoop([&] { EXPECT_EQ(budget_->held(), 0u); });
}

TEST_F(McpCallTest, ABatchIsAnsweredAsOneTextWithLongAnswersInIt) {
  Stream stream(*stub_);
  stream.Write(
      R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-03-26"}})");
  stream.Read();
  const std::string id = stream.Write("[" + Send(1, LongText(1)) + "," + Ping(2) + "," +
                                      Send(3, "short") + "," + Send(4, LongText(4)) + "]");
  const v1::McpServerMessage answer = stream.Read();
  EXPECT_EQ(answer.settles(), id);
  const Json answers = Json::parse(answer.json(), nullptr, /*allow_exceptions=*/false);
  ASSERT_TRUE(answers.is_array()) << answer.json().substr(0, 200);
  std::map<int, std::string> texts;
  for (const Json& one : answers) {
    const Json& result = one.at("result");
    texts[one.at("id").get<int>()] =
        result.contains("content") ? result["content"][0]["text"].get<std::string>() : "";
  }
  EXPECT_TRUE(texts == (std::map<int, std::string>{
                           {1, LongText(1)}, {2, ""}, {3, "short"}, {4, LongText(4)}}));
  stream.Write(Ping(5));
  EXPECT_THAT(stream.Read().json(), HasSubstr(R"("id":5)"));
  OnLoop([&] { EXPECT_TRUE(orchestrator_->Unfetched("web")->empty()); });
}

class McpCallWithoutRoomTest : public McpCallTest {
 protected:
  McpCallWithoutRoomTest() { budget_bytes_ = 1; }
};

TEST_F(McpCallWithoutRoomTest, AClientThatDoesNotReadHoldsNothingAndMissesNothing) {
  Stream idle(*stub_), other(*stub_);
  for (Stream* stream : {&idle, &other}) {
    stream->Write(kInitialize);
    stream->Read();
  }
  idle.Write(Send(1, LongText(1)));
  for (const absl::Time end = absl::Now() + absl::Seconds(60); Held() == 0;) {
    ASSERT_LT(absl::Now(), end);
  }
  other.Write(Send(2, LongText(2)));
  EXPECT_THAT(other.Read().json(), HasSubstr(LongText(2)));
  for (const absl::Time end = absl::Now() + absl::Seconds(60); Held() > 0;) {
    ASSERT_LT(absl::Now(), end);
    absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_THAT(idle.Read().json(), HasSubstr(LongText(1)));
}

TEST_F(McpCallTest, OfAClientThatDoesNotReadNoMoreIsRead) {
  constexpr int kMessages = 250;  // Fewer than may wait by number.
  Stream stream(*stub_);
  stream.Write(kInitialize);
  stream.Read();
  const std::string id = stream.Write(Send(0, std::string(60'000, 'x')));
  stream.Read();
  std::thread writer([&] {
    for (int i = 1; i <= kMessages; ++i) stream.Write(Wait(i, id));
  });
  const auto taken = [this] {
    uint64_t calls = 0;
    OnLoop([&] { calls = service_->calls_begun(); });
    return calls;
  };
  for (uint64_t before = 0, now = taken(); now != before; now = taken()) {
    before = now;
    absl::SleepFor(absl::Seconds(1));
  }
  EXPECT_LT(taken(), kMessages / 2u);
  for (int i = 0; i < kMessages; ++i) EXPECT_GT(stream.Read().json().size(), 60'000u);
  writer.join();
}

TEST_F(McpCallWithoutRoomTest, ClientsAreAnsweredOneAfterTheOther) {
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 0; i < 3; ++i) {
    streams.push_back(std::make_unique<Stream>(*stub_));
    streams[i]->Write(kInitialize);
    streams[i]->Read();
    streams[i]->Write(Send(i, LongText(i)));
  }
  for (int i = 0; i < 3; ++i) EXPECT_THAT(streams[i]->Read().json(), HasSubstr(LongText(i)));
}

TEST_F(McpCallTest, AMessageThatIsSentAgainIsNotToldAgain) {
  int told = 0;
  script_ = [&told](FakeTransport& transport, const std::string& id, const std::string& text) {
    ++told;
    EchoScript(transport, id, text);
  };
  const std::string id = NewUuid();
  for (int life = 0; life < 2; ++life) {
    Stream stream(*stub_);
    stream.Write(kInitialize);
    stream.Read();
    stream.Write(Send(1, "once"), id);
    EXPECT_THAT(stream.Read().json(), HasSubstr(R"("text":"once")"));
  }
  OnLoop([&] { EXPECT_EQ(told, 1); });
}

TEST_F(McpCallTest, AnAnswerIsFetchedOnceTheStreamTookItAndElseWaits) {
  script_ = [](FakeTransport&, const std::string&, const std::string&) {};
  std::string left;
  {
    Stream stream(*stub_);
    stream.Write(kInitialize);
    stream.Read();
    left = stream.Write(Send(1, "left alone"));
    stream.WritesDone();
    stream.Read();
    EXPECT_TRUE(stream.Finish().ok());
  }
  ExpectNoOpenCalls();
  OnLoop([&] { EchoScript(factory_->Between("web", "gpu"), left, "late"); });
  script_ = EchoScript;

  Stream stream(*stub_);
  stream.Write(kInitialize);
  stream.Read();
  stream.Write(Send(1, "hello"));
  EXPECT_THAT(stream.Read().json(), HasSubstr("1 answer waits: " + left));
  stream.Write(Wait(2, left));
  EXPECT_THAT(stream.Read().json(), HasSubstr(R"("text":"late")"));
  stream.WritesDone();
  EXPECT_EQ(stream.Read().json(), "");
  EXPECT_TRUE(stream.Finish().ok());
  ExpectNoOpenCalls();
  OnLoop([&] { EXPECT_TRUE(orchestrator_->Unfetched("web")->empty()); });
}

TEST_F(McpCallTest, AFrontEndThatConfirmsHasFetchedWhatItGaveToItsClient) {
  Stream stream(*stub_, "", "", /*confirms=*/true);
  stream.Write(
      R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-03-26"}})");
  EXPECT_FALSE(stream.Read().confirm());  // There is nothing to be fetched.
  const std::string lost = stream.Write(Send(1, "lost"));
  EXPECT_TRUE(stream.Read().confirm());
  const std::string batch = stream.Write("[" + Send(2, "given") + "," + Send(3, "too") + "]");
  const v1::McpServerMessage both = stream.Read();
  EXPECT_TRUE(both.confirm());
  EXPECT_EQ(both.settles(), batch);
  stream.Give(batch);
  stream.Give(NewUuid());  // Nothing that is known.
  stream.WritesDone();
  EXPECT_EQ(stream.Read().json(), "");
  EXPECT_TRUE(stream.Finish().ok());
  ExpectNoOpenCalls();
  OnLoop([&] {
    const std::vector<Store::WaitingAnswer> left = *orchestrator_->Unfetched("web");
    ASSERT_EQ(left.size(), 1u);
    EXPECT_EQ(left[0].tell_id, lost);
  });
}

TEST_F(McpCallTest, MuchTextGoesBothWaysInPieces) {
  const std::string text(8 << 20, 'x');
  Stream stream(*stub_);
  stream.Write(kInitialize);
  stream.Read();
  stream.Write(Send(1, text));
  const std::string json = stream.Read().json();
  EXPECT_TRUE(json.find(text) != std::string::npos);
}

TEST_F(McpCallTest, AClientThatHasNoMoreToSayHearsWhatIsAnsweredAtOnce) {
  script_ = [](FakeTransport&, const std::string&, const std::string&) {};
  Stream stream(*stub_);
  stream.Write(kInitialize);
  const std::string id = stream.Write(Send(1, "slow"));
  stream.Write(Ping(2));
  stream.WritesDone();
  EXPECT_THAT(stream.Read().json(), HasSubstr("protocolVersion"));
  EXPECT_THAT(stream.Read().json(), HasSubstr(R"("id":2)"));
  EXPECT_EQ(stream.Read().json(), "");
  EXPECT_TRUE(stream.Finish().ok());
  ExpectNoOpenCalls();
  OnLoop([&] {
    EXPECT_EQ(store_->FindTell(id)->value().state, TellState::kRunning);
    EXPECT_TRUE(orchestrator_->SettleOpen().ok());
  });
}

TEST_F(McpCallTest, AClientThatReadsLateLosesNothing) {
  constexpr int kPings = 5000;  // Many times what the coordinator keeps for a slow reader.
  Stream stream(*stub_);
  std::thread writer([&] {
    for (int i = 0; i < kPings; ++i) stream.Write(Ping(i));
  });
  for (int i = 0; i < kPings; ++i) {
    ASSERT_THAT(stream.Read().json(), StartsWith(R"({"jsonrpc":"2.0","id":)" + std::to_string(i)));
  }
  writer.join();
}

TEST_F(McpCallTest, ALeavingCoordinatorAnswersWhatWaitsAndEndsTheStream) {
  script_ = [](FakeTransport&, const std::string&, const std::string&) {};
  Stream stream(*stub_);
  stream.Write(kInitialize);
  stream.Read();
  const std::string id = stream.Write(Send(1, "slow"));
  stream.Write(Ping(2));
  stream.Read();
  OnLoop([this] { service_->EndMcp(MakeFailure(v1::FAILURE_DROPPED, "it was stopped")); });
  const v1::McpServerMessage answer = stream.Read();
  EXPECT_EQ(answer.settles(), id);
  EXPECT_THAT(answer.json(), HasSubstr("it was stopped"));
  EXPECT_EQ(stream.Read().json(), "");
  EXPECT_EQ(KindOf(stream.Finish()), v1::FAILURE_DROPPED);
  ExpectNoOpenCalls();
  OnLoop([this] { EXPECT_TRUE(orchestrator_->SettleOpen().ok()); });
}

TEST_F(McpCallTest, AFrontEndThatBreaksTheRulesLosesItsStream) {
  Stream no_id(*stub_), too_long(*stub_);
  no_id.Write(kInitialize, "1");
  EXPECT_EQ(no_id.Read().json(), "");
  EXPECT_EQ(KindOf(no_id.Finish()), v1::FAILURE_BAD_REQUEST);

  too_long.Write(std::string(kMcpMessageBytesMax + 1, 'x'));
  EXPECT_EQ(too_long.Read().json(), "");
  EXPECT_EQ(KindOf(too_long.Finish()), v1::FAILURE_BAD_REQUEST);
  ExpectNoOpenCalls();
}

}  // namespace
}  // namespace iris
