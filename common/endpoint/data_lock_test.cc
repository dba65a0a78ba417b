#include "common/endpoint/data_lock.h"

#include <unistd.h>

#include <fstream>
#include <string>

#include "common/testing/scratch_dir.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

class DataLockTest : public ::testing::Test {
 protected:
  ScratchDir scratch_;
  const std::string path_ = scratch_.File("lock");
};

TEST_F(DataLockTest, IsForOneWhoSaysWhereItListens) {
  EXPECT_FALSE(FindDataHolder(path_).has_value());
  absl::StatusOr<ScopedFd> lock = LockData(path_);
  ASSERT_TRUE(lock.ok()) << lock.status();
  EXPECT_EQ(FindDataHolder(path_)->pid, getpid());
  EXPECT_EQ(FindDataHolder(path_)->socket, "");
  NoteSocket(*lock, "/run/user/1000/iris/agent.sock");
  NoteSocket(*lock, "/tmp/s");
  EXPECT_EQ(FindDataHolder(path_)->socket, "/tmp/s");
  EXPECT_EQ(FindDataHolder(path_)->pid, getpid());
  EXPECT_TRUE(FindDataHolder(path_)->is_on_this_host());
  EXPECT_TRUE(absl::IsAlreadyExists(LockData(path_).status()));
  lock->Reset();
  EXPECT_FALSE(FindDataHolder(path_).has_value());  // What it noted counts no more.
}

TEST_F(DataLockTest, AHolderOnAnotherHostIsKnown) {
  const absl::StatusOr<ScopedFd> lock = LockData(path_);
  std::ofstream(path_) << "17\n23\nelsewhere\n/tmp/s\n";
  EXPECT_FALSE(FindDataHolder(path_)->is_on_this_host());
}

TEST_F(DataLockTest, LeadsToTheOtherSocket) {
  const Endpoint endpoint = {.dir = scratch_.File(""), .socket = scratch_.File("s"), .lock = ""};
  LeadTo("/tmp/other", endpoint);
  char to[64] = "";
  ASSERT_GT(readlink(endpoint.socket.c_str(), to, sizeof(to) - 1), 0);
  EXPECT_STREQ(to, "/tmp/other");
  LeadTo(endpoint.socket, endpoint);
  ASSERT_GT(readlink(endpoint.socket.c_str(), to, sizeof(to) - 1), 0);
  EXPECT_STREQ(to, "/tmp/other");
}

}  // namespace
}  // namespace iris
