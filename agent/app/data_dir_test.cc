#include "agent/app/data_dir.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/app/host_folder.h"
#include "agent/handover/handover.pb.h"
#include "common/base/scoped_fd.h"
#include "common/endpoint/data_lock.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class DataDirTest : public ::testing::Test {
 protected:
  DataDirTest() { unsetenv("XDG_DATA_HOME"); }
  ~DataDirTest() override { unsetenv("XDG_DATA_HOME"); }

  HostFacts Facts() const {
    HostFacts facts;
    facts.place = "0123";
    facts.home = scratch_.path();
    return facts;
  }
  std::string Opened(const Options& options) const {
    const absl::StatusOr<DataDir> data = OpenDataDir(options, Facts());
    return data.ok() ? data->path : data.status().ToString();
  }

  ScratchDir scratch_;
};

TEST_F(DataDirTest, TheCommandLineLeadsThenTheHomeThenTheEnvironmentThenTheAccount) {
  setenv("XDG_DATA_HOME", scratch_.File("xdg").c_str(), 1);
  EXPECT_EQ(Opened({.home = scratch_.File("home"), .data = scratch_.File("a/b/")}),
            scratch_.File("a/b"));
  EXPECT_EQ(Opened({.home = scratch_.File("home")}), scratch_.File("home"));
  EXPECT_EQ(Opened({}), scratch_.File("xdg/iris"));
  unsetenv("XDG_DATA_HOME");
  EXPECT_EQ(Opened({}), scratch_.File(".local/share/iris"));
}

TEST_F(DataDirTest, WhereOnePlaceWillNotDoTheNextIsTaken) {
  ASSERT_EQ(mknod(scratch_.File(".local").c_str(), S_IFREG | 0600, 0), 0);
  EXPECT_EQ(Opened({}), scratch_.File(".iris"));
}

TEST_F(DataDirTest, EveryHostHasAPrivateFolderOfItsOwn) {
  const DataDir data = OpenDataDir({}, Facts()).value();
  EXPECT_EQ(data.host, data.path + "/hosts/0123");
  EXPECT_EQ(data.log, data.host + "/agent.log");
  struct stat info = {};
  ASSERT_EQ(stat(data.host.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
  EXPECT_THAT(data.news, IsEmpty());
  EXPECT_EQ(data.host_id, "");
}

TEST_F(DataDirTest, AnAgentThatGoesOnInPlaceKeepsItsFolderOverARenaming) {
  const DataDir data = OpenDataDir({}, Facts()).value();
  std::filesystem::remove_all(data.path);  // Under the agent that runs.
  const absl::StatusOr<DataDir> again = ReopenDataDir(data.host);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->path, data.path);
  EXPECT_EQ(again->host, data.host);
  EXPECT_EQ(again->log, data.log);
  EXPECT_EQ(again->lock, data.lock);
  EXPECT_EQ(again->sessions, data.sessions);
  EXPECT_TRUE(std::filesystem::is_directory(data.host));
  for (const std::string odd : {"", "/", "/hosts", "relative/hosts/x", "/a/hosts/b/c"}) {
    EXPECT_FALSE(ReopenDataDir(odd).ok()) << odd;
  }
}

TEST_F(DataDirTest, WhatThisMachineKeptUnderAnEarlierNameIsTakenOver) {
  HostFacts facts = Facts();
  facts.place = std::string(32, 'a');
  facts.evidence = {.machine = "m",
                    .boot_id = "boot",
                    .pid_namespace = "pid:[4026531836]",
                    .uts_namespace = "uts:[4026531838]",
                    .hardware = {}};
  const DataDir before = OpenDataDir({}, facts).value();
  const absl::StatusOr<std::string> id = SettleHostId(before.host, facts);
  ASSERT_TRUE(id.ok()) << id.status();
  facts.place = std::string(32, 'b');
  const DataDir after = OpenDataDir({}, facts).value();
  EXPECT_EQ(after.host, after.path + "/hosts/" + facts.place);
  EXPECT_THAT(after.news, SizeIs(1));
  EXPECT_EQ(SettleHostId(after.host, facts).value(), *id);
  EXPECT_FALSE(std::filesystem::exists(before.host));
}

// The program that hands over is from before there were records.
class OlderHandoverTest : public DataDirTest {
 protected:
  OlderHandoverTest() {
    facts_.place = std::string(32, 'a');
    before_.set_data_lock(-1);
  }

  HostFacts facts_ = Facts();
  handover::Agent before_;
};

TEST_F(OlderHandoverTest, ItsFolderIsWhereItsLockIsAlsoAfterARenaming) {
  const DataDir old = OpenDataDir({}, facts_).value();
  const absl::StatusOr<ScopedFd> lock = LockData(old.lock);
  ASSERT_TRUE(lock.ok()) << lock.status();
  before_.set_data_lock(lock->get());
  facts_.place = std::string(32, 'b');
  const absl::StatusOr<DataDir> data = DataDirOf(before_, {}, facts_);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->host, old.host);
  EXPECT_EQ(data->host_id, std::string(32, 'a'));
  EXPECT_FALSE(std::filesystem::exists(absl::StrCat(old.path, "/hosts/", facts_.place)));
}

TEST_F(OlderHandoverTest, WithoutALockItIsThatOfOurPlace) {
  const absl::StatusOr<DataDir> data = DataDirOf(before_, {}, facts_);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->host, data->path + "/hosts/" + facts_.place);
  EXPECT_EQ(data->host_id, facts_.place);
}

TEST_F(OlderHandoverTest, WhatIsNoLockOfAHostsFolderSaysNothing) {
  const absl::StatusOr<ScopedFd> odd = LockData(scratch_.File("agent.lock"));
  ASSERT_TRUE(odd.ok()) << odd.status();
  before_.set_data_lock(odd->get());
  EXPECT_EQ(DataDirOf(before_, {}, facts_)->host_id, facts_.place);
  const DataDir old = OpenDataDir({}, facts_).value();
  const absl::StatusOr<ScopedFd> removed = LockData(old.lock);
  ASSERT_TRUE(removed.ok()) << removed.status();
  before_.set_data_lock(removed->get());
  std::filesystem::remove_all(old.host);
  facts_.place = std::string(32, 'b');
  EXPECT_EQ(DataDirOf(before_, {}, facts_)->host_id, facts_.place);
}

TEST_F(DataDirTest, AProgramThatHandsOverSaysWhereItIsAndWhoTheHostIs) {
  const DataDir old = OpenDataDir({}, Facts()).value();
  handover::Agent before;
  before.set_data_lock(-1);
  before.set_host_dir(old.host);
  before.set_host_id("an id");
  HostFacts facts = Facts();
  facts.place = std::string(32, 'b');
  const absl::StatusOr<DataDir> data = DataDirOf(before, {}, facts);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->host, old.host);
  EXPECT_EQ(data->host_id, "an id");
}

TEST_F(DataDirTest, TheFailureSaysWhyForEveryPlace) {
  ASSERT_EQ(mknod(scratch_.File(".local").c_str(), S_IFREG | 0600, 0), 0);
  ASSERT_EQ(mkdir(scratch_.File(".iris").c_str(), 0700), 0);
  ASSERT_EQ(chown(scratch_.File(".iris").c_str(), 65534, 65534), 0);
  const absl::Status status = OpenDataDir({}, Facts()).status();
  EXPECT_EQ(KindOf(status), v1::FAILURE_STORAGE);
  EXPECT_THAT(std::string(status.message()), HasSubstr(".local/share/iris: "));
  EXPECT_THAT(std::string(status.message()), HasSubstr(".iris: belongs to nobody (uid 65534)"));
}

TEST_F(DataDirTest, AnAccountWithoutAHomeIsToldSo) {
  const absl::Status status = OpenDataDir({}, HostFacts()).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("no home directory"));
}

}  // namespace
}  // namespace iris
