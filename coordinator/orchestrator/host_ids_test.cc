#include "coordinator/orchestrator/host_ids.h"

#include <string>

#include "common/base/ids.h"
#include "coordinator/orchestrator/limit_wait.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(HostIdsTest, ATellThatWasNeverPutOffHasItsOwnId) {
  HostIds ids;
  const std::string tell_id = NewUuid();
  ids.Note(tell_id, 0);
  EXPECT_EQ(ids.TellOf(tell_id), tell_id);
}

TEST(HostIdsTest, TheIdAfterAWaitIsTheTells) {
  HostIds ids;
  const std::string tell_id = NewUuid();
  ids.Note(tell_id, 1);
  EXPECT_EQ(ids.TellOf(IdOnHost(tell_id, 1)), tell_id);
  EXPECT_EQ(ids.TellOf(tell_id), tell_id);
}

TEST(HostIdsTest, WhatIsForgottenIsNobodys) {
  HostIds ids;
  const std::string tell_id = NewUuid();
  ids.Note(tell_id, 1);
  ids.Note(tell_id, 2);
  ids.Forget(tell_id, 1);
  EXPECT_EQ(ids.TellOf(IdOnHost(tell_id, 1)), IdOnHost(tell_id, 1));
  EXPECT_EQ(ids.TellOf(IdOnHost(tell_id, 2)), tell_id);
  ids.Clear();
  EXPECT_EQ(ids.TellOf(IdOnHost(tell_id, 2)), IdOnHost(tell_id, 2));
}

}  // namespace
}  // namespace iris
