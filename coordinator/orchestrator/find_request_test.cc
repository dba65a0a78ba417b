#include "coordinator/orchestrator/find_request.h"

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

std::vector<v1::PendingRequest> Requests(const std::vector<std::string>& ids) {
  std::vector<v1::PendingRequest> requests;
  for (const std::string& id : ids) requests.emplace_back().set_request_id(id);
  return requests;
}

class FindRequestTest : public ::testing::Test {
 protected:
  absl::StatusOr<FoundRequest> Find(const std::string& id) const {
    return FindRequest({{.from = "cli", .to = "app", .requests = &app_},
                        {.from = "app", .to = "web", .requests = &web_},
                        {.from = "cli", .to = "web", .requests = &web_again_}},
                       id);
  }
  std::string FixFor(const std::string& id) const { return ToProto(Find(id).status()).fix(); }

  std::vector<v1::PendingRequest> app_ = Requests({"1234567", "12345678", "abcdef"});
  std::vector<v1::PendingRequest> web_ = Requests({"1234567"});
  std::vector<v1::PendingRequest> web_again_;
};

TEST_F(FindRequestTest, TheBeginningOfAnIdIsEnough) {
  const absl::StatusOr<FoundRequest> found = Find("abcd");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->session, 0u);
  EXPECT_EQ(found->request->request_id(), "abcdef");
}

TEST_F(FindRequestTest, AWholeIdIsMeantWhateverElseOfItsSessionBeginsSo) {
  const absl::StatusOr<FoundRequest> found = Find("app:1234567");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->request->request_id(), "1234567");
}

TEST_F(FindRequestTest, SeveralTeamsAreToldApart) {
  EXPECT_EQ(FixFor("1234567"), "Say whose: app:1234567 or web:1234567");
  EXPECT_EQ(Find("web:1234")->session, 1u);
}

TEST_F(FindRequestTest, ConversationsOfOneTeamAreToldApartByWhoAsked) {
  web_again_ = Requests({"1234567"});
  EXPECT_THAT(FixFor("web:1234567"), HasSubstr("app:web:1234567 or cli:web:1234567"));
  EXPECT_EQ(Find("cli:web:1234567")->session, 2u);
}

TEST_F(FindRequestTest, WhatIsShortOrNobodysOrSeveralOfOneSessionIsRefused) {
  EXPECT_EQ(FixFor("123"), "Give 4 characters of the id or more.");
  EXPECT_EQ(FixFor("ffff"), "`iris answer` lists what waits.");
  EXPECT_EQ(FixFor("app:1234"), "Give more of it.");
  EXPECT_EQ(KindOf(Find("ffff").status()), v1::FAILURE_BAD_REQUEST);
}

}  // namespace
}  // namespace iris
