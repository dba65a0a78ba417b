// What clients do that are not as strict as the protocol: they are understood where it is clear
// what they mean. And for whom they speak.

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/mcp/session_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class McpClientsTest : public McpSessionTest {
 protected:
  void OpenOf(const std::string& version) {
    session_ = NewSession(client_);
    Initialize(*session_, version);
    client_.answers.clear();
    client_.settled.clear();
  }
  // A line of the client, as it is written.
  std::string SayText(const std::string& text) {
    const std::string id = NewUuid();
    session_->Take({.id = id, .incoming = ParseMcp(text)});
    return id;
  }
  static std::vector<Json> IdsOf(const Json& answers) {
    std::vector<Json> ids;
    for (const Json& answer : answers) ids.push_back(answer.at("id"));
    return ids;
  }
};

TEST_F(McpClientsTest, ALoneSurrogateInAMessageReachesTheTeamAsAReplacement) {
  Open();
  std::string line = SendTo(5, "cut emoji HALF end").dump();
  line.replace(line.find("HALF"), 4, R"(\ud83d)");
  const std::string id = SayText(line);
  EXPECT_EQ(desk_.open.at(id).spec.text, "cut emoji \xEF\xBF\xBD end");
}

TEST_F(McpClientsTest, WhatCannotBeReadIsAnsweredUnderItsId) {
  Open();
  SayText(R"({"method":"tools/call","params":{"x":NaN},"jsonrpc":"2.0","id":"a"})");
  ASSERT_EQ(client_.answers.size(), 1u);
  EXPECT_EQ(client_.answers[0]["id"], "a");
  EXPECT_EQ(CodeOf(client_.answers[0]), kParseError);
}

TEST_F(McpClientsTest, NullAndEmptyTextAreNotGiven) {
  Open();
  for (const Json& nothing : {Json(nullptr), Json("")}) {
    client_.answers.clear();
    Say(*session_, Request(1, "ping", nothing));
    Say(*session_, Request(2, "tools/list", {{"cursor", nothing}}));
    Say(*session_, CallOf(3, "list_teams", nothing));
    ASSERT_EQ(client_.answers.size(), 3u);
    for (const Json& answer : client_.answers) EXPECT_TRUE(answer.contains("result")) << answer;

    const std::string id =
        Say(*session_, SendTo(4, "x", {{"timeout", nothing}, {"waitForLimit", nothing}}));
    EXPECT_FALSE(desk_.open.at(id).spec.wait_for_limit);
    EXPECT_TRUE(desk_.open.at(id).spec.asker_waits);
    desk_.Settle(id, absl::OkStatus(), "done");
    client_.answers.clear();
    Say(*session_, CallOf(5, "team_status", {{"fromTeam", "web"}, {"team", nothing}}));
    EXPECT_FALSE(client_.answers.at(0)["result"].value("isError", false));
  }
  const std::string id =
      Say(*session_, SendTo(6, "x", {{"persist", nullptr}, {"ttlDays", nullptr}}));
  EXPECT_TRUE(desk_.open.contains(id));
}

TEST_F(McpClientsTest, ParametersBeyondAHundredAreRefusedWhateverTheyAre) {
  Open();
  const auto with_nulls = [](size_t nulls) {
    Json more = Json::object();
    for (size_t i = 0; i < nulls; ++i) more["x" + std::to_string(i)] = nullptr;
    return more;
  };
  // Beside the three that are given.
  const std::string id = Say(*session_, SendTo(1, "x", with_nulls(97)));
  EXPECT_TRUE(desk_.open.contains(id));
  EXPECT_THAT(Answered(SendTo(2, "x", with_nulls(98))), HasSubstr("more than 100 parameters"));
}

TEST_F(McpClientsTest, NumbersAndFlagsAsTextAreRead) {
  Open();
  for (const char* minus_one : {"-1", " -1 ", "-1.0", "-1e0"}) {
    EXPECT_EQ(Answered(SendTo(1, "x", {{"timeout", minus_one}})).size(), 36u) << minus_one;
  }
  const std::string waits = Say(*session_, SendTo(2, "x", {{"timeout", "20000"}}));
  EXPECT_FALSE(desk_.open.at(waits).spec.asker_waits);
  EXPECT_TRUE(desk_.followed(waits));
  const std::string yes = Say(*session_, SendTo(3, "x", {{"waitForLimit", "True"}})),
                    no = Say(*session_, SendTo(4, "x", {{"waitForLimit", "false"}}));
  EXPECT_TRUE(desk_.open.at(yes).spec.wait_for_limit);
  EXPECT_FALSE(desk_.open.at(no).spec.wait_for_limit);
  EXPECT_THAT(Answered(SendTo(5, "x", {{"timeout", "1e300"}})), HasSubstr("timeout must be"));
}

TEST_F(McpClientsTest, ABatchIsAnsweredAsOneOnceAllOfItIs) {
  OpenOf("2025-03-26");
  const Json batch = {SendTo(1, "slow"),
                      Request(2, "ping"),
                      {{"jsonrpc", "2.0"}, {"method", "notifications/initialized"}},
                      Request(3, "nonsense"),
                      Json(7)};
  const std::string id = SayText(batch.dump());
  EXPECT_THAT(client_.answers, IsEmpty());
  EXPECT_THAT(client_.settled, IsEmpty());
  EXPECT_THAT(client_.accepted, ElementsAre(id));
  const std::string tell_id = McpMemberId(id, 0);
  ASSERT_TRUE(desk_.open.contains(tell_id));
  desk_.Settle(tell_id, absl::OkStatus(), std::string(100'000, 'x'));
  ASSERT_EQ(client_.answers.size(), 1u);
  EXPECT_THAT(IdsOf(client_.answers[0]), ElementsAre(Json(2), Json(3), Json(), Json(1)));
  EXPECT_THAT(client_.settled, ElementsAre(id));
  EXPECT_THAT(client_.outcomes_of, ElementsAre(tell_id));
  EXPECT_EQ(session_->open_calls(), 0u);
}

TEST_F(McpClientsTest, ABatchWhoseMembersGetNoAnswersGetsNone) {
  OpenOf("2025-03-26");
  const Json cancel = {
      {"jsonrpc", "2.0"}, {"method", "notifications/cancelled"}, {"params", {{"requestId", 1}}}};
  const std::string id = SayText(Json::array({SendTo(1, "x"), cancel}).dump());
  EXPECT_THAT(client_.answers, IsEmpty());
  EXPECT_THAT(client_.settled, ElementsAre(id));
}

TEST_F(McpClientsTest, OfABatchEachMemberIsAcceptedForItself) {
  OpenOf("2025-03-26");
  const Json batch = Json::array({Request(1, "ping"), SendTo(2, "x"), SendTo(3, "y")});
  const std::string id = SayText(batch.dump());
  EXPECT_THAT(client_.accepted, ElementsAre(id, id));
  EXPECT_THAT(client_.accepted_members, ElementsAre(McpMemberId(id, 1), McpMemberId(id, 2)));

  const auto say_again = [&](const std::set<std::string>& members) {
    session_ = NewSession(client_);
    Initialize(*session_, "2025-03-26");
    session_->Take({.id = id,
                    .accepted_before = true,
                    .accepted_members = members,
                    .incoming = ParseMcp(batch.dump())});
  };
  say_again({McpMemberId(id, 2)});
  EXPECT_FALSE(desk_.open.at(McpMemberId(id, 1)).spec.accepted_before);
  EXPECT_TRUE(desk_.open.at(McpMemberId(id, 2)).spec.accepted_before);
  say_again({});
  EXPECT_TRUE(desk_.open.at(McpMemberId(id, 1)).spec.accepted_before) << "it is not known which";
}

TEST_F(McpClientsTest, ABatchWhoseIdIsUnderWayIsRefused) {
  OpenOf("2025-03-26");
  const std::string id = NewUuid();
  const auto take = [&](const std::string& message_id, const Json& batch) {
    session_->Take({.id = message_id, .incoming = ParseMcp(batch.dump())});
  };
  take(id, Json::array({SendTo(1, "x")}));
  // The second has a member more, whose end would come after that of the batch.
  take(id, Json::array({SendTo(2, "y"), SendTo(3, "z"), Request(4, "ping")}));
  ASSERT_EQ(client_.answers.size(), 1u);
  EXPECT_EQ(CodeOf(client_.answers[0]), kInvalidRequest);
  take(McpMemberId(id, 2),
       Json::array({Request(5, "ping"), Request(6, "ping"), Request(7, "ping")}));
  ASSERT_EQ(client_.answers.size(), 2u);
  EXPECT_EQ(CodeOf(client_.answers[1]), kInvalidRequest) << "its members have the ids of others";

  desk_.Settle(McpMemberId(id, 0), absl::OkStatus(), "done");
  ASSERT_EQ(client_.answers.size(), 3u);
  EXPECT_THAT(IdsOf(client_.answers[2]), ElementsAre(Json(1)));
  take(id, Json::array({Request(8, "ping")}));
  EXPECT_THAT(IdsOf(client_.answers.back()), ElementsAre(Json(8))) << "it is over";
}

TEST_F(McpClientsTest, ABatchIsAnsweredAlsoWhereTheCoordinatorLeaves) {
  OpenOf("2025-03-26");
  const std::string id = SayText(Json::array({SendTo(1, "x"), SendTo(2, "y")}).dump());
  session_->Close(MakeFailure(v1::FAILURE_DROPPED, "the coordinator was stopped"));
  ASSERT_EQ(client_.answers.size(), 1u);
  EXPECT_THAT(IdsOf(client_.answers[0]), ElementsAre(Json(1), Json(2)));
  EXPECT_THAT(client_.settled, ElementsAre(id));
}

TEST_F(McpClientsTest, AVersionWithoutBatchesRefusesThem) {
  for (const char* version : {"2024-11-05", "2025-06-18", "2025-11-25"}) {
    OpenOf(version);
    const std::string id = SayText(Json::array({Request(1, "ping")}).dump());
    ASSERT_EQ(client_.answers.size(), 1u);
    EXPECT_EQ(CodeOf(client_.answers[0]), kInvalidRequest);
    EXPECT_EQ(client_.answers[0]["id"], nullptr);
    EXPECT_THAT(client_.settled, ElementsAre(id));
  }
  session_ = NewSession(client_);
  client_.answers.clear();
  client_.opening.clear();
  SayText(Json::array({Request(1, "initialize", {{"protocolVersion", "2025-03-26"}})}).dump());
  EXPECT_EQ(CodeOf(client_.answers.at(0)), kInvalidRequest);
  EXPECT_EQ(client_.opening, "");
}

TEST_F(McpSessionTest, AClientSpeaksForItselfAndNamesNobody) {
  for (const char* caller : {"web", "notes@laptop"}) {
    desk_.caller = caller;
    Open();
    int call = 10;
    for (const Json& from : {Json(nullptr), Json(""), Json(caller)}) {
      const std::string id = Say(*session_, SendTo(++call, "x", {{"fromTeam", from}}));
      EXPECT_EQ(desk_.open.at(id).spec.from.name(), caller) << from;
    }
    Say(*session_, CallOf(4, "team_wake", {{"team", "app"}}));
    EXPECT_EQ(desk_.asked, absl::StrCat(caller, " wakes app"));
    Say(*session_, CallOf(5, "tell_cancel", {{"tellId", "t1"}}));
    EXPECT_EQ(desk_.asked, absl::StrCat(caller, " cancels t1"));
  }
}

TEST_F(McpSessionTest, WhoSpeaksForAnotherIsRefusedAndTheWordsNameNoTeam) {
  desk_.caller = "notes@laptop";
  Open();
  for (const char* from : {"nobody", "cli", "web", "app", "notes@elsewhere"}) {
    EXPECT_EQ(Answered(SendTo(1, "x", {{"toTeam", "app"}, {"fromTeam", from}})),
              absl::StrCat("error: bad_request: you are notes@laptop, and cannot speak for \"",
                           from, "\"\nfix: Leave fromTeam out."));
  }
  for (const char* tool : {"team_wake", "team_sleep", "team_status"}) {
    EXPECT_THAT(Answered(CallOf(1, tool, {{"team", "app"}, {"fromTeam", "web"}})),
                HasSubstr("cannot speak for \"web\""));
  }
  EXPECT_THAT(desk_.open, IsEmpty());
  EXPECT_EQ(desk_.asked, "");
}

TEST_F(McpSessionTest, OfSeveralTeamsWithTheClientsFolderACallMayNameAnyAndNobodyElse) {
  desk_.caller = "app";
  desk_.also = {"web", "docs"};
  Open();
  EXPECT_EQ(desk_.open.at(Say(*session_, SendTo(1, "x", {{"fromTeam", nullptr}}))).spec.from,
            "app");
  EXPECT_EQ(desk_.open.at(Say(*session_, SendTo(2, "x", {{"fromTeam", "docs"}}))).spec.from,
            "docs");
  Say(*session_, CallOf(3, "team_wake", {{"team", "app"}, {"fromTeam", "web"}}));
  EXPECT_EQ(desk_.asked, "web wakes app");
  EXPECT_THAT(Answered(SendTo(4, "x", {{"fromTeam", "gpu"}})),
              HasSubstr("you are app, and cannot speak for \"gpu\""));
}

TEST_F(McpSessionTest, WhereTheFrontEndIsTooOldToSayWhoItIsEachCallDoes) {
  Open();
  for (const char* from : {"nobody", "cli", ""}) {
    EXPECT_THAT(Answered(SendTo(1, "x", {{"fromTeam", from}})),
                AllOf(StartsWith("error: bad_request: fromTeam"), Not(HasSubstr("web")),
                      HasSubstr("Connect the MCP server again")));
  }
  EXPECT_THAT(desk_.open, IsEmpty());
  EXPECT_EQ(desk_.open.at(Say(*session_, SendTo(2, "x"))).spec.from, "web");
}

}  // namespace
}  // namespace iris
