#include "agent/app/data_dir.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

class DataDirTest : public ::testing::Test {
 protected:
  DataDirTest() { unsetenv("XDG_DATA_HOME"); }
  ~DataDirTest() override { unsetenv("XDG_DATA_HOME"); }

  HostFacts Facts() const {
    HostFacts facts;
    facts.host_id = "0123";
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
