#include "coordinator/pool/known_hosts.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "common/loop/event_loop.h"
#include "coordinator/config/config.h"
#include "coordinator/store/sqlite/sqlite_store.h"
#include "coordinator/store/sqlite/store_fixture.h"
#include "coordinator/store/sqlite/testing/failing_disk.h"
#include "coordinator/store/store.h"
#include "coordinator/store/store_queue.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

class KnownHostsTest : public StoreTest {
 protected:
  KnownHostsTest() { Restart(); }

  // Another life of the coordinator.
  void Restart() {
    hosts_.reset();
    queue_.reset();
    store_.reset();
    StoreOptions options = Options();
    options.vfs = disk_.vfs();
    store_ = Opened(options);
    queue_ = std::make_unique<StoreQueue>(loop_, *store_);
    hosts_ = std::make_unique<KnownHosts>(*queue_);
  }
  static Team OnHost(const std::string& destination) {
    return {.name = "gpu",
            .remote = RemoteCommand{
                .text = "ssh " + destination, .program = "ssh", .destination = destination}};
  }

  FailingDisk disk_;
  EventLoop loop_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<StoreQueue> queue_;
  std::unique_ptr<KnownHosts> hosts_;
  const Team gpu_ = OnHost("gpu1");
};

TEST_F(KnownHostsTest, ATeamOnThisMachineIsKnownLikeOthers) {
  const Team local{.name = "here"};
  EXPECT_FALSE(hosts_->HasAnswered(local));
  hosts_->OnAnswer(local);
  Restart();
  EXPECT_TRUE(hosts_->HasAnswered(local));
  Team moved = gpu_;
  moved.name = local.name;
  EXPECT_FALSE(hosts_->HasAnswered(moved));
}

TEST_F(KnownHostsTest, WhoAnsweredIsKnownInTheNextLifeByTheWayToIt) {
  EXPECT_FALSE(hosts_->HasAnswered(gpu_));
  hosts_->OnAnswer(gpu_);
  EXPECT_TRUE(hosts_->HasAnswered(gpu_));
  Restart();
  EXPECT_TRUE(hosts_->HasAnswered(gpu_));
  EXPECT_FALSE(hosts_->HasAnswered(OnHost("gpu2")));
}

TEST_F(KnownHostsTest, NothingOfTheWayIsWrittenDown) {
  const Team secret = OnHost("canary@gpu1");
  hosts_->OnAnswer(secret);
  Restart();
  EXPECT_TRUE(hosts_->HasAnswered(secret));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.path())) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    EXPECT_EQ(bytes.find("canary"), std::string::npos) << entry.path();
  }
}

TEST_F(KnownHostsTest, WhoAnswersEveryDayIsKnownAfterALongLife) {
  for (int day = 0; day < 10; ++day, now_ += absl::Hours(25)) hosts_->OnAnswer(gpu_);
  Restart();
  EXPECT_TRUE(hosts_->HasAnswered(gpu_));
  now_ += Store::kAnswerCounts;
  EXPECT_FALSE(hosts_->HasAnswered(gpu_));
}

TEST_F(KnownHostsTest, AnswersOfADayAreOneWrite) {
  hosts_->OnAnswer(gpu_);
  const uint64_t writes = disk_.writes();
  for (int minute = 0; minute < 24 * 60; ++minute, now_ += absl::Minutes(1)) hosts_->OnAnswer(gpu_);
  EXPECT_EQ(disk_.writes(), writes);
  hosts_->OnAnswer(gpu_);
  EXPECT_GT(disk_.writes(), writes);
}

TEST_F(KnownHostsTest, WhatTheDiskDidNotTakeIsNotedAgain) {
  disk_.Fail(FailingDisk::Trouble::kFull);
  hosts_->OnAnswer(gpu_);
  EXPECT_TRUE(hosts_->HasAnswered(gpu_));
  disk_.Heal();
  const uint64_t writes = disk_.writes();
  hosts_->OnAnswer(gpu_);  // At once: not with every answer.
  EXPECT_EQ(disk_.writes(), writes);
  now_ += absl::Minutes(1);
  hosts_->OnAnswer(gpu_);
  Restart();
  EXPECT_TRUE(hosts_->HasAnswered(gpu_));
}

TEST_F(KnownHostsTest, AClockThatIsSetBackStopsNoNotes) {
  hosts_->OnAnswer(gpu_);
  const uint64_t writes = disk_.writes();
  now_ -= absl::Hours(24 * 365);
  hosts_->OnAnswer(gpu_);
  EXPECT_GT(disk_.writes(), writes);
}

}  // namespace
}  // namespace iris
