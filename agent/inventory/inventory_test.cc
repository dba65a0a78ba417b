#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "agent/inventory/account.h"
#include "agent/inventory/host_facts.h"
#include "agent/inventory/storage.h"
#include "agent/inventory/survival.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::MatchesRegex;
using ::testing::Not;

TEST(AccountTest, IsFoundByUidAmongOddLines) {
  const std::string passwd =
      "root:x:0:0:root:/root:/bin/sh\n\nbroken:x\nbad:x:abc:1::/home/bad:/bin/sh\n"
      "me:x:1000:1000:Me, myself:/home/me:/bin/zsh";
  EXPECT_EQ(FindAccount(passwd, 1000).user, "me");
  EXPECT_EQ(FindAccount(passwd, 1000).home, "/home/me");
  EXPECT_EQ(FindAccount(passwd, 0).home, "/root");
  EXPECT_EQ(FindAccount(passwd, 7).user, "");
}

TEST(AccountTest, HomeOfTheEnvironmentLeadsUnlessItIsNonsense) {
  setenv("HOME", "/somewhere/else", 1);
  EXPECT_EQ(OurAccount().home, "/somewhere/else");
  setenv("HOME", "relative", 1);
  EXPECT_EQ(OurAccount().home, FindAccount("root:x:0:0:root:/root:/bin/sh\n", 0).home);
  EXPECT_EQ(OurAccount().user, "root");
}

TEST(StorageTest, MemoryNetworkAndDiskAreToldApart) {
  EXPECT_EQ(StorageOfMagic(0x01021994), v1::STORAGE_TMPFS);
  EXPECT_EQ(StorageOfMagic(0x6969), v1::STORAGE_NETWORK);
  EXPECT_EQ(StorageOfMagic(0xFF534D42), v1::STORAGE_NETWORK);
  EXPECT_EQ(StorageOfMagic(0xEF53), v1::STORAGE_DISK);
  EXPECT_EQ(StorageOf("/nonexistent"), v1::STORAGE_UNSPECIFIED);
  EXPECT_EQ(StorageOf("/dev/shm"), v1::STORAGE_TMPFS);
}

// A host whose files say what a test wants.
class SurvivalTest : public ::testing::Test {
 protected:
  void File(const std::string& path, const std::string& text) {
    const std::filesystem::path full = scratch_.path() + path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << text;
  }
  bool Survives() const { return SurvivesLogout(scratch_.path(), "me"); }

  ScratchDir scratch_;
};

TEST_F(SurvivalTest, ALoginsScopeSurvivesUnlessTheAdministratorSaysNo) {
  File("/proc/self/cgroup", "0::/user.slice/user-1000.slice/session-4.scope\n");
  EXPECT_TRUE(Survives());
  File("/etc/systemd/logind.conf", "[Login]\n#KillUserProcesses=yes\n");
  EXPECT_TRUE(Survives());
  File("/etc/systemd/logind.conf", "[Login]\nKillUserProcesses = yes\n");
  EXPECT_FALSE(Survives());
  File("/etc/systemd/logind.conf.d/50-local.conf", "[Login]\nKillUserProcesses=no\n");
  EXPECT_TRUE(Survives());
}

TEST_F(SurvivalTest, TheUsersServicesSurviveOnlyWhereTheAccountLingers) {
  File("/proc/self/cgroup", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope\n");
  EXPECT_FALSE(Survives());
  File("/var/lib/systemd/linger/me", "");
  EXPECT_TRUE(Survives());
}

TEST_F(SurvivalTest, WithoutSystemdThereIsNothingToEndIt) {
  EXPECT_TRUE(Survives());
  File("/proc/self/cgroup", "0::/\n");
  EXPECT_TRUE(Survives());
}

TEST(HostFactsTest, NameThisHostAndThisProgram) {
  const HostFacts facts = GatherHostFacts();
  EXPECT_THAT(facts.place, MatchesRegex("[0-9a-f]{32}"));
  EXPECT_EQ(facts.place, GatherHostFacts().place);
  EXPECT_EQ(facts.evidence, GatherHostFacts().evidence);
  EXPECT_THAT(facts.evidence.boot_id, MatchesRegex("[0-9a-f-]{36}"));
  EXPECT_THAT(facts.evidence.pid_namespace, MatchesRegex("pid:\\[[0-9]+\\]"));
  EXPECT_THAT(facts.evidence.uts_namespace, MatchesRegex("uts:\\[[0-9]+\\]"));
  EXPECT_THAT(facts.program, MatchesRegex("/.*inventory_test"));
}

TEST(HostFactsTest, TheHelloCarriesThemWithinItsBounds) {
  std::string path;
  while (path.size() < (40u << 10)) path += "/usr/local/some/where/bin:";
  setenv("PATH", path.c_str(), 1);
  unsetenv("LC_ALL");
  setenv("LC_CTYPE", "", 1);
  setenv("LANG", "C.UTF-8", 1);
  const v1::Hello hello = MakeHello(GatherHostFacts(), "this host", 7, "life", "/dev/shm");
  EXPECT_EQ(hello.host_id(), "this host");
  EXPECT_EQ(hello.build_number(), 7u);
  EXPECT_EQ(hello.protocol().min(), 1u);
  EXPECT_EQ(hello.incarnation(), "life");
  EXPECT_EQ(hello.pid(), getpid());
  EXPECT_GT(hello.pid_start_time(), 0u);
  EXPECT_EQ(hello.locale(), "C.UTF-8");
  EXPECT_LE(hello.path().size(), 32u << 10);
  EXPECT_THAT(hello.path(), MatchesRegex(".*/usr/local/some/where/bin"));
  EXPECT_EQ(hello.storage(), v1::STORAGE_TMPFS);
  EXPECT_EQ(hello.data_dir(), "/dev/shm");
  EXPECT_THAT(hello.survives(), Contains(v1::SURVIVES_LINK));
  EXPECT_THAT(hello.survives(), Not(Contains(v1::SURVIVES_REBOOT)));
  EXPECT_LT(hello.SerializeAsString().size(), 64u << 10);
}

TEST(HostFactsTest, ChildrenDoNotInheritWhatADaemonIsToldBy) {
  clearenv();
  setenv("A", "1", 1);
  setenv("IRIS_READY_FD", "3", 1);
  setenv("IRIS_DAEMON", "1", 1);
  EXPECT_THAT(ChildEnvironment(), ElementsAre("A=1"));
}

TEST(HostFactsTest, MemoryIsCounted) { EXPECT_GT(ResidentBytes(), 1u << 20); }

}  // namespace
}  // namespace iris
