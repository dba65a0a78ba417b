#include "coordinator/app/stale_sockets.h"

#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>

#include "common/endpoint/listener.h"
#include "common/loop/event_loop.h"
#include "common/testing/scratch_dir.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(StaleSocketsTest, OnlySocketsOfSshAtWhichNobodyListensAreRemoved) {
  const ScratchDir scratch;
  EventLoop loop;
  const auto listen = [&](const std::string& name) {
    return Listener::Start(
               loop, {.dir = scratch.File(""), .socket = scratch.File(name), .lock = ""},
               [] { return ""; }, [](ScopedFd) {})
        .value();
  };
  const auto alive = listen("f01234567");
  // One that is killed leaves its file.
  for (const char* name : {"f89abcdef", "c89abcdef", "other"}) {
    const auto killed = listen(name);
    ASSERT_EQ(link(scratch.File(name).c_str(), scratch.File("kept").c_str()), 0);
    killed->StopAccepting();
    ASSERT_EQ(rename(scratch.File("kept").c_str(), scratch.File(name).c_str()), 0);
  }
  for (const char* name : {"f00000000", "l00000000", "laughing"}) {
    std::ofstream(scratch.File(name)) << "no socket";
  }
  SweepStaleSockets(scratch.File(""));
  const auto exists = [&](const char* name) {
    return access(scratch.File(name).c_str(), F_OK) == 0;
  };
  EXPECT_TRUE(exists("f01234567"));
  EXPECT_FALSE(exists("f89abcdef"));
  EXPECT_FALSE(exists("c89abcdef"));
  EXPECT_TRUE(exists("other"));
  EXPECT_TRUE(exists("f00000000"));
  EXPECT_FALSE(exists("l00000000"));
  EXPECT_TRUE(exists("laughing"));
  SweepStaleSockets(scratch.File("not there"));
}

}  // namespace
}  // namespace iris
