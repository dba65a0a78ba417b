#include "coordinator/link/way_digest.h"

#include "common/base/sha256.h"
#include "coordinator/config/config.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(WayDigestTest, ItIsWhatStoresHaveAlready) {
  const RemoteCommand remote = {
      .text = "ssh gpu1", .program = "ssh", .options = {}, .destination = "gpu1"};
  RemoteOptions options;
  options.port = 2222;
  options.agent_dir = "/scratch/iris";
  EXPECT_EQ(DigestOfWay(remote, options), Sha256Hex("ssh gpu1\n2222\n/scratch/iris"));
}

TEST(WayDigestTest, WhatDoesNotDecideWhichHostIsMeantChangesNothing) {
  RemoteCommand remote;
  remote.text = "ssh gpu1";
  RemoteOptions options;
  const std::string before = DigestOfWay(remote, options);
  options.link_mode = RemoteOptions::LinkMode::kStdio;
  options.identity = "/home/me/.ssh/other";
  EXPECT_EQ(DigestOfWay(remote, options), before);
  remote.text = "ssh gpu2";
  EXPECT_NE(DigestOfWay(remote, options), before);
}

}  // namespace
}  // namespace iris
