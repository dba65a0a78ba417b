#include "agent/session/claim.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "common/process/spawn.h"
#include "common/testing/private_mounts.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

const bool kPrivate = (EnterPrivateMounts(), true);

// Processes that live as long as the test.
class Sleeper {
 public:
  Sleeper() : pid_(*Spawn({.argv = {"/bin/sleep", "600"}, .env = {}, .cwd = "/"})) {}
  ~Sleeper() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Sleeper(const Sleeper&) = delete;
  ProcessId id() const { return {.pid = pid_, .start_time = ProcessStartTime(pid_)}; }

 private:
  const pid_t pid_;
};

class ClaimTest : public ::testing::Test {
 protected:
  static Claim Of(const std::string& host, ProcessId process) {
    return {.host_id = absl::StrCat("id-of-", host),
            .hostname = host,
            .boot_id = absl::StrCat("boot-of-", host),
            .pid_namespace = "pid:[1]",  // As the first one of every boot.
            .process = process,
            .since = absl::FromUnixSeconds(1'700'000'000)};
  }
  static ProcessId Gone() { return {.pid = getpid(), .start_time = 1}; }
  std::string HolderNow() {
    const absl::StatusOr<std::optional<Claim>> claim = ReadClaim(path);
    if (!claim.ok()) return std::string(claim.status().message());
    return claim->has_value() ? absl::StrCat((*claim)->hostname, " ", (*claim)->process.pid)
                              : "nobody";
  }
  std::string Holder(const Claim& claim) {
    return absl::StrCat(claim.hostname, " ", claim.process.pid);
  }
  FailureKind Take(const Claim& ours, bool takeover = false) {
    return KindOf(TakeClaim(path, ours, takeover));
  }
  // What lies beside the claim, but for the lock.
  size_t Leftovers() {
    size_t count = 0;
    for (const fs::directory_entry& entry : fs::directory_iterator(fs::path(path).parent_path())) {
      count += entry.path() != path && entry.path().filename() != "lock" ? 1 : 0;
    }
    return count;
  }
  void SetAge(const std::string& file, absl::Duration age) {
    const timespec then = absl::ToTimespec(absl::Now() - age);
    const timespec times[] = {then, then};
    ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  }

  const ScratchDir scratch;
  const std::string config = scratch.File("claude");
  const std::string path = ClaimPath(config, "4f6d");
  const Sleeper keeper, other_keeper;
};

TEST_F(ClaimTest, AFreeSessionIsClaimedByOneWholeFile) {
  EXPECT_EQ(HolderNow(), "nobody");
  const Claim ours = Of("gpu1", keeper.id());
  ASSERT_EQ(Take(ours), v1::FAILURE_UNSPECIFIED);
  const Claim found = **ReadClaim(path);
  EXPECT_EQ(found.host_id, ours.host_id);
  EXPECT_EQ(found.hostname, "gpu1");
  EXPECT_EQ(found.boot_id, "boot-of-gpu1");
  EXPECT_EQ(found.pid_namespace, "pid:[1]");
  EXPECT_EQ(found.process.pid, ours.process.pid);
  EXPECT_EQ(found.process.start_time, ours.process.start_time);
  EXPECT_EQ(found.since, ours.since);
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  EXPECT_EQ(Leftovers(), 0u);
  EXPECT_EQ(Take(ours), v1::FAILURE_UNSPECIFIED);  // It still is.
}

TEST_F(ClaimTest, AnotherHostIsToldWhoSinceWhenAndWhatToDo) {
  ASSERT_EQ(Take(Of("gpu1", Gone())), v1::FAILURE_UNSPECIFIED);  // Gone there, for all we know.
  std::optional<Claim> who;
  const absl::Status refused = TakeClaim(path, Of("gpu2", keeper.id()), false, &who);
  EXPECT_EQ(KindOf(refused), v1::FAILURE_WRONG_HOST);
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr("session 4f6d runs on gpu1"), HasSubstr("2023-11-14 22:13:20 UTC"),
                    HasSubstr("cannot be seen from gpu2")));
  EXPECT_THAT(ToProto(refused).fix(), HasSubstr("`iris takeover TEAM`"));
  ASSERT_TRUE(who.has_value());
  EXPECT_EQ(who->hostname, "gpu1");
  EXPECT_EQ(HolderNow(), Holder(Of("gpu1", Gone())));
}

TEST_F(ClaimTest, ATakeoverTakesItAndThenTheOtherHostIsTheOneThatIsRefused) {
  const Claim first = Of("gpu1", keeper.id()), second = Of("gpu2", other_keeper.id());
  ASSERT_EQ(Take(first), v1::FAILURE_UNSPECIFIED);
  std::optional<Claim> taken;
  EXPECT_TRUE(TakeClaim(path, second, /*takeover=*/true, &taken).ok());
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->hostname, "gpu1");
  EXPECT_EQ(HolderNow(), Holder(second));
  EXPECT_EQ(Take(first), v1::FAILURE_WRONG_HOST);
  EXPECT_EQ(Leftovers(), 0u);
}

TEST_F(ClaimTest, WhatIsGoneOnThisHostCountsForNothing) {
  ASSERT_EQ(Take(Of("gpu1", Gone())), v1::FAILURE_UNSPECIFIED);
  EXPECT_EQ(Take(Of("gpu1", keeper.id())), v1::FAILURE_UNSPECIFIED);
  EXPECT_EQ(HolderNow(), Holder(Of("gpu1", keeper.id())));
  // Of before the last boot, whatever has its pid now.
  Claim now = Of("gpu1", other_keeper.id());
  now.boot_id = "next boot";
  EXPECT_EQ(Take(now), v1::FAILURE_UNSPECIFIED);
  EXPECT_EQ(HolderNow(), Holder(now));
}

TEST_F(ClaimTest, WhatRunsOnThisHostIsNotTakenFromUnderIt) {
  ASSERT_EQ(Take(Of("gpu1", keeper.id())), v1::FAILURE_UNSPECIFIED);
  for (const bool takeover : {false, true}) {
    const absl::Status refused = TakeClaim(path, Of("gpu1", other_keeper.id()), takeover);
    EXPECT_EQ(KindOf(refused), v1::FAILURE_WRONG_HOST);
    EXPECT_THAT(std::string(refused.message()),
                HasSubstr(absl::StrCat("another agent on gpu1, pid ", keeper.id().pid)));
  }
  EXPECT_EQ(HolderNow(), Holder(Of("gpu1", keeper.id())));
}

// The data directory was removed, or is another one by now.
TEST_F(ClaimTest, AHostThatHasAnotherIdByNowKnowsItsClaimByTheBoot) {
  Claim now = Of("gpu1", other_keeper.id());
  now.host_id = "a new id";
  ASSERT_EQ(Take(Of("gpu1", keeper.id())), v1::FAILURE_UNSPECIFIED);
  for (const bool takeover : {false, true}) {
    const absl::Status refused = TakeClaim(path, now, takeover);
    EXPECT_EQ(KindOf(refused), v1::FAILURE_WRONG_HOST);
    EXPECT_THAT(std::string(refused.message()),
                HasSubstr(absl::StrCat("another agent on gpu1, pid ", keeper.id().pid)));
  }
  fs::remove(path);
  ASSERT_EQ(Take(Of("gpu1", Gone())), v1::FAILURE_UNSPECIFIED);
  EXPECT_EQ(Take(now), v1::FAILURE_UNSPECIFIED);
  EXPECT_EQ(HolderNow(), Holder(now));
}

TEST_F(ClaimTest, WithoutABootTheIdAloneSaysWhichHostItIs) {
  Claim before = Of("gpu1", Gone()), now = Of("gpu2", keeper.id());
  before.boot_id = now.boot_id = "";
  ASSERT_EQ(Take(before), v1::FAILURE_UNSPECIFIED);
  EXPECT_EQ(Take(now), v1::FAILURE_WRONG_HOST);
  now.host_id = before.host_id;
  EXPECT_EQ(Take(now), v1::FAILURE_UNSPECIFIED);
}

TEST_F(ClaimTest, AnotherPidNamespaceIsAnotherHost) {
  ASSERT_EQ(Take(Of("gpu1", Gone())), v1::FAILURE_UNSPECIFIED);
  Claim beside = Of("gpu1", keeper.id());
  beside.pid_namespace = "pid:[2]";
  const absl::Status refused = TakeClaim(path, beside, false);
  EXPECT_EQ(KindOf(refused), v1::FAILURE_WRONG_HOST);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("another container of gpu1 (pid:[1])"));
  EXPECT_EQ(Take(beside, /*takeover=*/true), v1::FAILURE_UNSPECIFIED);
}

TEST_F(ClaimTest, OnlyOursIsDroppedAndOnlyWhenNothingRuns) {
  ASSERT_EQ(Take(Of("gpu1", keeper.id())), v1::FAILURE_UNSPECIFIED);
  DropClaim(path, Of("gpu2", {}));
  DropClaim(path, Of("gpu1", {}));
  EXPECT_EQ(HolderNow(), Holder(Of("gpu1", keeper.id())));
  Claim dead = Of("gpu2", Gone());
  ASSERT_EQ(Take(dead, /*takeover=*/true), v1::FAILURE_UNSPECIFIED);
  DropClaim(path, Of("gpu1", {}));
  EXPECT_EQ(HolderNow(), Holder(dead));
  DropClaim(path, Of("gpu2", {}));
  EXPECT_EQ(HolderNow(), "nobody");
  DropClaim(path, Of("gpu2", {}));
  EXPECT_EQ(Leftovers(), 0u);
}

TEST_F(ClaimTest, WhatWasCutOffIsGivenTimeAndThenReplaced) {
  fs::create_directories(fs::path(path).parent_path());
  for (const std::string text : {"", "{\"host_id\":\"x\"", "[1]\n"}) {
    std::ofstream(path) << text;
    EXPECT_EQ(Take(Of("gpu1", keeper.id())), v1::FAILURE_WRONG_HOST) << text;
    SetAge(path, absl::Seconds(11));
    EXPECT_EQ(Take(Of("gpu1", keeper.id())), v1::FAILURE_UNSPECIFIED) << text;
    EXPECT_EQ(HolderNow(), Holder(Of("gpu1", keeper.id())));
    fs::remove(path);
  }
  EXPECT_EQ(Leftovers(), 0u);
}

TEST_F(ClaimTest, WhatMakersLeftIsSweptAfterADay) {
  ASSERT_EQ(Take(Of("gpu1", keeper.id())), v1::FAILURE_UNSPECIFIED);
  const std::string left = path + "-0123456789abcdef.tmp";
  std::ofstream(left) << "{";
  SweepClaims(path, absl::Now());
  EXPECT_TRUE(fs::exists(left));
  SetAge(left, absl::Hours(25));
  SetAge(path, absl::Hours(25));
  SweepClaims(path, absl::Now());
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(path));
}

// As many hosts, or agents of one host, as want it at the same moment.
class ClaimRaceTest : public ClaimTest {
 protected:
  int WinnersOf(const std::vector<Claim>& claims) {
    std::atomic<int> ready = 0, winners = 0;
    std::vector<std::thread> threads;
    for (const Claim& claim : claims) {
      threads.emplace_back([&, claim] {
        for (++ready; ready < static_cast<int>(claims.size());) {
        }
        if (TakeClaim(path, claim, /*takeover=*/false).ok()) ++winners;
      });
    }
    for (std::thread& thread : threads) thread.join();
    return winners;
  }
  const std::vector<Sleeper> keepers = std::vector<Sleeper>(4);
};

TEST_F(ClaimRaceTest, OfManyHostsOneWins) {
  for (int round = 0; round < 50; ++round) {
    std::vector<Claim> claims;
    for (int i = 0; i < 4; ++i) claims.push_back(Of(absl::StrCat("gpu", i), keepers[i].id()));
    EXPECT_EQ(WinnersOf(claims), 1);
    fs::remove(path);
  }
}

TEST_F(ClaimRaceTest, OfManyWhoReplaceADeadOneOneWins) {
  for (int round = 0; round < 50; ++round) {
    ASSERT_EQ(Take(Of("gpu1", Gone())), v1::FAILURE_UNSPECIFIED);
    std::vector<Claim> claims;
    for (int i = 0; i < 4; ++i) claims.push_back(Of("gpu1", keepers[i].id()));
    EXPECT_EQ(WinnersOf(claims), 1);
    fs::remove(path);
  }
  EXPECT_EQ(Leftovers(), 0u);
}

TEST_F(ClaimTest, WhatIsKnownToBeGoneElsewhereIsRemovedAndNothingElse) {
  Claim there = Of("gpu1", {.pid = 7, .start_time = 8});
  there.pid_namespace = "pid:[2]";
  ASSERT_EQ(Take(there), v1::FAILURE_UNSPECIFIED);
  Claim other = there;
  other.process.start_time = 9;
  DropClaimOf(path, other);
  other = there;
  other.pid_namespace = "pid:[3]";
  DropClaimOf(path, other);
  other = there;
  other.boot_id = "another boot";
  DropClaimOf(path, other);
  other = there;
  other.host_id = "another host";
  other.boot_id = "its boot";
  DropClaimOf(path, other);
  EXPECT_EQ(HolderNow(), "gpu1 7");
  DropClaimOf(path, there);
  EXPECT_EQ(HolderNow(), "nobody");
  DropClaimOf(path, there);
}

TEST_F(ClaimTest, WhereClaudeCannotWriteThereIsNothingToClaim) {
  fs::create_directories(config);
  MountEmpty(config, "", /*noexec=*/false, /*read_only=*/true);
  EXPECT_EQ(Take(Of("gpu1", keeper.id())), v1::FAILURE_UNSPECIFIED);
  EXPECT_EQ(HolderNow(), "nobody");
  UnmountEmpty(config);
}

TEST_F(ClaimTest, AFullDiskIsSaid) {
  fs::create_directories(config + "/projects/.iris");
  MountEmpty(config + "/projects/.iris", "mode=0700,nr_inodes=1");
  EXPECT_EQ(Take(Of("gpu1", keeper.id())), v1::FAILURE_STORAGE);
  UnmountEmpty(config + "/projects/.iris");
}

}  // namespace
}  // namespace iris
