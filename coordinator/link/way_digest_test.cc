#include "coordinator/link/way_digest.h"

#include <string>

#include "common/base/sha256.h"
#include "coordinator/config/config.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(WayDigestTest, ItIsWhatStoresHaveAlready) {
  const RemoteCommand remote = {
      .text = "reach gpu1", .program = "reach", .options = {}, .destination = "gpu1"};
  RemoteOptions options;
  options.own["port"] = {.text = "", .number = 2222, .names_host = true};
  options.agent_dir = "/scratch/iris";
  EXPECT_EQ(DigestOfWay(remote, options), Sha256Hex("reach gpu1\n2222\n/scratch/iris"));
  options.own.clear();
  EXPECT_EQ(DigestOfWay(remote, options), Sha256Hex("reach gpu1\n0\n/scratch/iris"));
}

TEST(WayDigestTest, WhatAKindSaysNamesTheHostIsOfIt) {
  RemoteCommand remote;
  remote.text = "reach gpu1";
  RemoteOptions options;
  options.own["sea"] = {.text = "north", .names_host = true};
  const std::string north = DigestOfWay(remote, options);
  options.own["sea"].text = "south";
  EXPECT_NE(DigestOfWay(remote, options), north);
}

TEST(WayDigestTest, WhatDoesNotDecideWhichHostIsMeantChangesNothing) {
  RemoteCommand remote;
  remote.text = "reach gpu1";
  RemoteOptions options;
  const std::string before = DigestOfWay(remote, options);
  options.own["linkMode"].text = "stdio";
  options.own["identity"].text = "/home/me/keys/other";
  EXPECT_EQ(DigestOfWay(remote, options), before);
  remote.text = "reach gpu2";
  EXPECT_NE(DigestOfWay(remote, options), before);
}

}  // namespace
}  // namespace iris
