#include "common/endpoint/lock_holder.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/hostname.h"
#include "common/process/spawn.h"
#include "common/testing/scratch_dir.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

class LockHolderTest : public ::testing::Test {
 protected:
  LockHolderTest() : fd_(open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {}

  LockHolder After(const std::string& note) {
    std::ofstream(path_, std::ios::trunc) << note;
    return ReadHolder(fd_.get());
  }

  const ScratchDir scratch_;
  const std::string path_ = scratch_.File("lock");
  const ScopedFd fd_;
};

TEST_F(LockHolderTest, SaysWhoItIsAndWhereItListens) {
  EXPECT_EQ(ReadHolder(fd_.get()).pid, 0);
  NoteHolder(fd_, "/run/user/1000/iris/coordinator.sock");
  NoteHolder(fd_, "/tmp/s");
  const LockHolder holder = ReadHolder(fd_.get());
  EXPECT_EQ(holder.pid, getpid());
  EXPECT_EQ(holder.socket, "/tmp/s");
  EXPECT_EQ(holder.hostname, Hostname());
  EXPECT_TRUE(holder.is_on_this_host());
}

TEST_F(LockHolderTest, WhoeverReadsWhileItNotesASocketSeesWhoItIs) {
  NoteHolder(fd_, "");
  std::atomic<bool> over = false;
  std::thread writer([&] {
    for (int i = 0; i < 20'000; ++i) NoteHolder(fd_, i % 2 == 0 ? "" : "/tmp/s");
    over = true;
  });
  int reads = 0, nobody = 0;
  for (; !over; ++reads) nobody += ReadHolder(fd_.get()).pid != getpid() ? 1 : 0;
  writer.join();
  EXPECT_EQ(nobody, 0) << "of " << reads;
  EXPECT_GT(reads, 0);
}

// The pid may be anybody's by now.
TEST_F(LockHolderTest, ANoteThatOutlivedItsProcessSaysNothing) {
  const uint64_t started = ProcessStartTime(getpid());
  const std::string rest = absl::StrCat("\n", Hostname(), "\n/tmp/s\n");
  EXPECT_EQ(After(absl::StrCat(getpid(), "\n", started, rest)).pid, getpid());
  for (const std::string& note :
       {absl::StrCat(getpid(), "\n", started - 1, rest), absl::StrCat(getpid(), "\n0", rest),
        absl::StrCat(getpid(), "\n", rest), absl::StrCat("0\n", started, rest),
        absl::StrCat("-1\n", started, rest), std::string("\n\n\n\n"), std::string("17"),
        std::string()}) {
    EXPECT_EQ(After(note).pid, 0) << note;
    EXPECT_EQ(After(note).socket, "") << note;
  }
}

TEST_F(LockHolderTest, OnAnotherHostItIsWhoItSays) {
  const LockHolder holder = After("17\n23\nelsewhere\n/tmp/s\n");
  EXPECT_EQ(holder.pid, 17);
  EXPECT_EQ(holder.hostname, "elsewhere");
  EXPECT_FALSE(holder.is_on_this_host());
}

TEST_F(LockHolderTest, OnAHostThatWasRenamedMeanwhileItIsTheSameProcess) {
  NoteHolder(fd_, "/tmp/s");
  const std::string pids = ReadHolder(fd_.get()).pids;
  ASSERT_NE(pids, "");
  const std::string started = absl::StrCat(ProcessStartTime(getpid()));
  const LockHolder holder =
      After(absl::StrCat(getpid(), "\n", started, "\nbefore\n/tmp/s\n", pids, "\n"));
  EXPECT_TRUE(holder.is_on_this_host());
  EXPECT_EQ(holder.pid, getpid());
  EXPECT_EQ(holder.socket, "/tmp/s");
  // One that is gone is gone, whatever the host's name was.
  EXPECT_EQ(After(absl::StrCat(getpid(), "\n1\nbefore\n/tmp/s\n", pids, "\n")).pid, 0);
  for (const std::string& others : {pids + "0", pids.substr(1), std::string()}) {
    EXPECT_FALSE(After(absl::StrCat("17\n23\nbefore\n/tmp/s\n", others, "\n")).is_on_this_host());
  }
}

// Containers with one home, or clones of a machine.
TEST_F(LockHolderTest, OnAnotherHostOfTheSameNameItIsWhoItSays) {
  NoteHolder(fd_, "/tmp/s");
  const std::string others = ReadHolder(fd_.get()).pids + "0";
  const std::string note = absl::StrCat("17\n23\n", Hostname(), "\n/tmp/s\n");
  const LockHolder holder = After(absl::StrCat(note, others, "\n"));
  EXPECT_FALSE(holder.is_on_this_host());
  EXPECT_EQ(holder.pid, 17);
  EXPECT_EQ(holder.socket, "/tmp/s");
  // Of an older build nothing else is known.
  EXPECT_EQ(After(note).pid, 0);
}

// As who reads while another socket is noted may see them.
TEST_F(LockHolderTest, WhatRunsHereIsOfThisHostAlsoWhereItsPidsAreNotWhole) {
  NoteHolder(fd_, "/tmp/s");
  const std::string pids = ReadHolder(fd_.get()).pids;
  const std::string note = absl::StrCat(getpid(), "\n", ProcessStartTime(getpid()), "\n",
                                        Hostname(), "\n/tmp/s\n", pids.substr(1), "\n");
  EXPECT_TRUE(After(note).is_on_this_host());
  EXPECT_EQ(After(note).pid, getpid());
}

}  // namespace
}  // namespace iris
