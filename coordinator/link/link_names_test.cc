#include "coordinator/link/link_names.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;

class LinkNamesTest : public ::testing::Test {
 protected:
  void Add(const std::string& key, const std::string& written, const std::string& team) {
    v1::LinkStatus& link = links_.emplace_back();
    link.set_key(key);
    link.set_id("link-" + std::to_string(links_.size()));
    if (!team.empty()) link.add_teams(team);
    written_.push_back(written);
  }
  std::vector<std::string> Names() {
    DistinguishLinks(written_, links_);
    std::vector<std::string> names;
    for (const v1::LinkStatus& link : links_) names.push_back(link.key());
    return names;
  }
  std::vector<v1::LinkStatus> links_;
  std::vector<std::string> written_;
};

TEST_F(LinkNamesTest, WhatIsAloneKeepsItsName) {
  Add("local", "local", "here");
  Add("me@gpu:22", "gpu", "a");
  EXPECT_THAT(Names(), ElementsAre("local", "me@gpu:22"));
}

TEST_F(LinkNamesTest, TwoAliasesAreToldApartByTheirNames) {
  Add("me@127.0.0.1:22", "gpu-a", "a");
  Add("me@gpu:22", "gpu", "x");
  Add("me@127.0.0.1:22", "gpu-b", "b");
  EXPECT_THAT(Names(),
              ElementsAre("me@127.0.0.1:22 (gpu-a)", "me@gpu:22", "me@127.0.0.1:22 (gpu-b)"));
}

TEST_F(LinkNamesTest, TwoWaysToOneDestinationAreToldApartByTheirTeams) {
  Add("me@gpu:22", "gpu", "with-keys");
  Add("me@gpu:22", "gpu", "without");
  EXPECT_THAT(Names(), ElementsAre("me@gpu:22 (with-keys)", "me@gpu:22 (without)"));
}

TEST_F(LinkNamesTest, OneThatNoTeamHasIsToldApartByItsId) {
  Add("me@gpu:22", "gpu", "");
  Add("me@gpu:22", "gpu", "a");
  EXPECT_THAT(Names(), ElementsAre("me@gpu:22 (link-1)", "me@gpu:22 (link-2)"));
}

}  // namespace
}  // namespace iris
