#include "agent/app/host_folder.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/app/host_record.h"
#include "agent/inventory/evidence.h"
#include "agent/inventory/host_facts.h"
#include "common/base/scoped_fd.h"
#include "common/endpoint/data_lock.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// What a machine says of itself, as a host with some name.
HostFacts Machine(char machine, char name = 'a', int boot = 1) {
  HostFacts facts;
  facts.place = std::string(32, name);
  facts.evidence = {.machine = "an image",
                    .boot_id = absl::StrCat("boot ", boot, " of ", std::string(1, machine)),
                    .pid_namespace = "pid:[4026531836]",
                    .uts_namespace = "uts:[4026531838]",
                    .hardware = {absl::StrCat("00:1b:21:aa:bb:0", std::string(1, machine))}};
  return facts;
}

class HostFolderTest : public ::testing::Test {
 protected:
  HostFolderTest() { fs::create_directory(hosts_); }

  // One life of the agent, with a session. Returns its host's id, or as what it does not start.
  std::string Live(const HostFacts& facts, const std::string& session = "") {
    const HostFolder folder = ChooseHostFolder(hosts_, facts);
    news_ = folder.news;
    path_ = folder.path;
    if (mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST) return "mkdir";
    const absl::StatusOr<ScopedFd> lock = LockData(path_ + "/agent.lock");
    if (!lock.ok()) return std::string(lock.status().message());
    const absl::StatusOr<std::string> id = SettleHostId(path_, facts);
    status_ = id.status();
    if (!id.ok()) return std::string(id.status().message());
    if (!session.empty()) fs::create_directory(path_ + "/sessions/" + session);
    return *id;
  }
  static std::vector<std::string> Names(const std::string& path) {
    std::vector<std::string> names;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(path, ignored)) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }
  std::vector<std::string> Sessions() const { return Names(path_ + "/sessions"); }
  std::string Folder(char name) const { return absl::StrCat(hosts_, "/", std::string(32, name)); }
  HostRecord Record(char name) const {
    const absl::StatusOr<std::optional<HostRecord>> record = ReadHostRecord(Folder(name));
    return record.ok() && record->has_value() ? **record : HostRecord();
  }
  // What an older build made.
  void MakeOldFolder(char name, const std::string& session) {
    fs::create_directories(Folder(name) + "/sessions/" + session);
    chmod(Folder(name).c_str(), 0700);
    chmod((Folder(name) + "/sessions").c_str(), 0700);
  }

  ScratchDir scratch_;
  const std::string hosts_ = scratch_.File("hosts");
  std::string path_;
  std::vector<std::string> news_;
  absl::Status status_;
};

TEST_F(HostFolderTest, ANewHostMakesItsIdUp) {
  const std::string id = Live(Machine('1'));
  EXPECT_TRUE(IsHostId(id)) << id;
  EXPECT_NE(id, std::string(32, 'a'));
  EXPECT_EQ(path_, Folder('a'));
  EXPECT_EQ(Record('a').id, id);
  EXPECT_EQ(Record('a').evidence, Machine('1').evidence);
  EXPECT_THAT(Names(path_), UnorderedElementsAre("identity", "agent.lock", "sessions"));
  // Another one that looks the same makes up another one.
  fs::remove_all(Folder('a'));
  EXPECT_NE(Live(Machine('1')), id);
  EXPECT_THAT(news_, IsEmpty());
}

TEST_F(HostFolderTest, TheIdStaysOverLivesOfTheAgentAndBoots) {
  const std::string id = Live(Machine('1'), "s");
  EXPECT_EQ(Live(Machine('1')), id);
  EXPECT_EQ(Live(Machine('1', 'a', /*boot=*/2)), id);
  EXPECT_EQ(Record('a').evidence.boot_id, "boot 2 of 1");
  EXPECT_THAT(Sessions(), ElementsAre("s"));
  EXPECT_THAT(news_, IsEmpty());
}

TEST_F(HostFolderTest, AHostOfAnOlderBuildKeepsItsId) {
  MakeOldFolder('a', "s");
  EXPECT_EQ(Live(Machine('1')), std::string(32, 'a'));
  EXPECT_EQ(Live(Machine('1', 'a', 2)), std::string(32, 'a'));
  EXPECT_EQ(Record('a').evidence, Machine('1', 'a', 2).evidence);
  EXPECT_THAT(Sessions(), ElementsAre("s"));
}

TEST_F(HostFolderTest, WhatAFailedStartLeftIsNoOldersFolder) {
  fs::create_directory(Folder('a'));
  std::ofstream(Folder('a') + "/agent.log") << "cannot start\n";
  const std::string id = Live(Machine('1'));
  EXPECT_TRUE(IsHostId(id)) << id;
  EXPECT_NE(id, std::string(32, 'a'));
}

TEST_F(HostFolderTest, ACloneIsAHostOfItsOwnAndLeavesTheSessionsAlone) {
  const std::string original = Live(Machine('1'), "s");
  const std::string clone = Live(Machine('2'), "t");
  EXPECT_TRUE(IsHostId(clone)) << clone;
  EXPECT_NE(clone, original);
  EXPECT_THAT(news_, ElementsAre(HasSubstr("another one")));
  EXPECT_THAT(Sessions(), ElementsAre("t"));
  EXPECT_THAT(Names(Folder('a') + "." + original + "/sessions"), ElementsAre("s"));
  EXPECT_EQ(Live(Machine('2', 'a', 2)), clone);
  EXPECT_THAT(news_, IsEmpty());
}

TEST_F(HostFolderTest, AnOlderBuildsHostThatIsClonedLaterIsToldApart) {
  MakeOldFolder('a', "s");
  const std::string original = Live(Machine('1'));
  EXPECT_NE(Live(Machine('2')), original);
}

// Diskless hosts with one home, one machine id, and no hostname of their own.
TEST_F(HostFolderTest, MachinesThatTakeTurnsAtOnePlaceFindEachItsOwn) {
  const std::string one = Live(Machine('1'), "s");
  const std::string two = Live(Machine('2'), "t");
  for (int boot = 1; boot < 4; ++boot) {
    EXPECT_EQ(Live(Machine('1', 'a', boot)), one);
    EXPECT_THAT(Sessions(), ElementsAre("s"));
    EXPECT_EQ(Live(Machine('2', 'a', boot)), two);
    EXPECT_THAT(Sessions(), ElementsAre("t"));
  }
  EXPECT_THAT(Names(hosts_), SizeIs(2));
}

TEST_F(HostFolderTest, WhatIsSetAsideIsBounded) {
  for (char machine = '1'; machine <= '9'; ++machine) Live(Machine(machine));
  EXPECT_THAT(Names(hosts_), SizeIs(9));  // Its own, and 8.
  Live(Machine('a'));
  Live(Machine('b'));
  EXPECT_THAT(Names(hosts_), SizeIs(9));
}

// An agent is about to make it its own again.
TEST_F(HostFolderTest, WhatIsSetAsideAndHeldIsNotRemoved) {
  const std::string aside = absl::StrCat(Folder('a'), ".", Live(Machine('1'), "s"));
  Live(Machine('2'));
  const absl::StatusOr<ScopedFd> held = LockData(aside + "/agent.lock");
  ASSERT_TRUE(held.ok()) << held.status();
  for (char machine = 'a'; machine <= 't'; ++machine) Live(Machine(machine));
  EXPECT_THAT(Names(aside + "/sessions"), ElementsAre("s"));
  EXPECT_THAT(Names(hosts_), SizeIs(9));  // Its own, and 8.
}

// The folder of machine 1 comes back from a copy while the first one is in use.
TEST_F(HostFolderTest, AnEarlierCopyThatIsHeldIsNotReplaced) {
  const std::string id = Live(Machine('1'), "s");
  const std::string aside = absl::StrCat(Folder('a'), ".", id);
  fs::copy(Folder('a'), aside, fs::copy_options::recursive);
  {
    const absl::StatusOr<ScopedFd> held = LockData(aside + "/agent.lock");
    ASSERT_TRUE(held.ok()) << held.status();
    Live(Machine('2'));
    EXPECT_EQ(KindOf(status_), v1::FAILURE_STORAGE);
    EXPECT_THAT(Names(aside + "/sessions"), ElementsAre("s"));
    EXPECT_EQ(Record('a').id, id);
  }
  Live(Machine('2'), "t");
  EXPECT_TRUE(status_.ok()) << status_;
  EXPECT_THAT(Sessions(), ElementsAre("t"));
}

TEST_F(HostFolderTest, OneWhoseAgentRunsIsNotSetAside) {
  Live(Machine('1'), "s");
  const absl::StatusOr<ScopedFd> running = LockData(Folder('a') + "/agent.lock");
  ASSERT_TRUE(running.ok());
  EXPECT_THAT(Live(Machine('2')), HasSubstr("is held by"));
  EXPECT_THAT(Names(hosts_), SizeIs(1));
}

TEST_F(HostFolderTest, OneThatCannotBeSetAsideIsNotUsed) {
  const std::string original = Live(Machine('1'), "s");
  // Whoever settles without having chosen.
  EXPECT_EQ(KindOf(SettleHostId(Folder('a'), Machine('2')).status()), v1::FAILURE_STORAGE);
  EXPECT_EQ(Record('a').id, original);
}

TEST_F(HostFolderTest, AHostThatIsRenamedWhileItRunsTakesItsFolderAlong) {
  const std::string id = Live(Machine('1', 'a'), "s");
  EXPECT_EQ(Live(Machine('1', 'b')), id);
  EXPECT_EQ(path_, Folder('b'));
  EXPECT_THAT(Sessions(), ElementsAre("s"));
  EXPECT_THAT(news_, ElementsAre(HasSubstr("another name")));
  EXPECT_THAT(Names(hosts_), SizeIs(1));
  EXPECT_EQ(Live(Machine('1', 'b', 2)), id);
  EXPECT_EQ(Live(Machine('1', 'a', 2)), id);  // And back.
}

TEST_F(HostFolderTest, AndOverAReboot) {
  const std::string id = Live(Machine('1', 'a'), "s");
  EXPECT_EQ(Live(Machine('1', 'b', 2)), id);
  EXPECT_THAT(Sessions(), ElementsAre("s"));
  EXPECT_EQ(Record('b').evidence, Machine('1', 'b', 2).evidence);
}

TEST_F(HostFolderTest, NothingIsTakenOnWeakerEvidence) {
  const std::string id = Live(Machine('1', 'a'), "s");
  std::vector<HostFacts> strangers = {Machine('2', 'b'),  // A renamed clone.
                                      Machine('1', 'c', 2), Machine('1', 'd', 3), Machine('1', 'e'),
                                      Machine('1', 'f')};
  strangers[1].evidence.hardware = {};
  strangers[2].evidence.machine = "another image";
  strangers[3].evidence.pid_namespace = "pid:[4026532836]";
  strangers[4].evidence.uts_namespace = "uts:[4026532838]";
  for (const HostFacts& stranger : strangers) {
    EXPECT_NE(Live(stranger), id) << stranger.place;
    EXPECT_THAT(Sessions(), IsEmpty());
  }
  EXPECT_EQ(Live(Machine('1', 'a')), id);
}

TEST_F(HostFolderTest, AFolderWithoutARecordIsNobodysToTake) {
  MakeOldFolder('a', "s");
  Live(Machine('1', 'b'));
  EXPECT_EQ(path_, Folder('b'));
  EXPECT_THAT(Sessions(), IsEmpty());
}

TEST_F(HostFolderTest, WhatIsNoHostsFolderIsLeftAlone) {
  Live(Machine('1', 'a'));
  fs::rename(Folder('a'), hosts_ + "/my-copy");
  Live(Machine('1', 'b'));
  EXPECT_TRUE(fs::exists(hosts_ + "/my-copy/identity"));
}

TEST_F(HostFolderTest, AnAgentThatRunsUnderTheEarlierNameKeepsItsFolder) {
  const std::string id = Live(Machine('1', 'a'), "s");
  const absl::StatusOr<ScopedFd> running = LockData(Folder('a') + "/agent.lock");
  ASSERT_TRUE(running.ok());
  // Its lock is what the next one meets.
  EXPECT_EQ(ChooseHostFolder(hosts_, Machine('1', 'b')).path, Folder('a'));
  EXPECT_THAT(Live(Machine('1', 'b')), HasSubstr("is held by"));
  // Held since another boot: it is held elsewhere, and by no process of this machine.
  EXPECT_NE(Live(Machine('1', 'c', 2)), id);
  EXPECT_EQ(path_, Folder('c'));
  EXPECT_EQ(Record('a').id, id);
}

TEST_F(HostFolderTest, OursStaysWhereTheEarlierOneIsFoundToo) {
  const std::string id = Live(Machine('1', 'a'), "s");
  MakeOldFolder('b', "t");
  EXPECT_EQ(Live(Machine('1', 'b')), std::string(32, 'b'));
  EXPECT_THAT(Sessions(), ElementsAre("t"));
  EXPECT_EQ(Record('a').id, id);
}

TEST_F(HostFolderTest, ABrokenRecordMakesItAnotherHostWithTheSameSessions) {
  const std::string id = Live(Machine('1'), "s");
  std::ofstream(Folder('a') + "/identity", std::ios::trunc) << "{\"id\":\"01";
  const std::string next = Live(Machine('1'));
  EXPECT_TRUE(IsHostId(next)) << next;
  EXPECT_NE(next, id);
  EXPECT_NE(next, std::string(32, 'a'));
  EXPECT_THAT(Sessions(), ElementsAre("s"));
  EXPECT_EQ(Live(Machine('1')), next);
}

// Where the next record would be written there is a directory: as a disk that takes nothing.
TEST_F(HostFolderTest, OnADiskThatTakesNothingAKnownHostStartsAndANewOneDoesNot) {
  const std::string id = Live(Machine('1'), "s");
  fs::create_directory(Folder('a') + "/identity.new");
  EXPECT_EQ(Live(Machine('1', 'a', 2)), id);
  EXPECT_EQ(Record('a').evidence.boot_id, "boot 1 of 1");
  fs::create_directories(Folder('b') + "/identity.new");
  Live(Machine('2', 'b'));
  EXPECT_EQ(KindOf(status_), v1::FAILURE_STORAGE);
  EXPECT_THAT(std::string(status_.message()), HasSubstr("cannot be written"));
  EXPECT_FALSE(fs::exists(Folder('b') + "/sessions"));
  fs::remove(Folder('b') + "/identity.new");
  EXPECT_NE(Live(Machine('2', 'b')), std::string(32, 'b'));
  EXPECT_TRUE(status_.ok()) << status_;
}

TEST_F(HostFolderTest, AnAgentThatGoesOnInPlaceIsWhoItWas) {
  const std::string id = Live(Machine('1', 'a'));
  fs::remove_all(Folder('a'));  // Under the agent that runs.
  fs::create_directory(Folder('a'));
  ASSERT_TRUE(KeepHostId(Folder('a'), id, Machine('1', 'b')).ok());
  EXPECT_EQ(Record('a').id, id);
  EXPECT_EQ(Live(Machine('1', 'a')), id);
  EXPECT_EQ(Live(Machine('1', 'b')), id);
}

}  // namespace
}  // namespace iris
