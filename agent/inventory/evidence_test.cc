#include "agent/inventory/evidence.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A machine whose files say what a test wants.
class EvidenceTest : public ::testing::Test {
 protected:
  void File(const std::string& path, const std::string& text) {
    const fs::path full = scratch_.path() + path;
    fs::create_directories(full.parent_path());
    std::ofstream(full) << text << "\n";
  }
  void Link(const std::string& path, const std::string& target) {
    const fs::path full = scratch_.path() + path;
    fs::create_directories(full.parent_path());
    fs::create_symlink(target, full);
  }
  void Device(const std::string& name, const std::string& address,
              const std::string& assigned = "0") {
    File(absl::StrCat("/sys/class/net/", name, "/address"), address);
    File(absl::StrCat("/sys/class/net/", name, "/addr_assign_type"), assigned);
    fs::create_directories(scratch_.path() + "/sys/class/net/" + name + "/device");
  }
  // The bus that a Device() is on.
  void Bus(const std::string& name, const std::string& bus) {
    Link(absl::StrCat("/sys/class/net/", name, "/device/subsystem"), "../../../../bus/" + bus);
  }
  Evidence Gathered() const { return GatherEvidence(scratch_.path()); }

  ScratchDir scratch_;
};

TEST_F(EvidenceTest, IsWhatTheMachineSays) {
  File("/etc/machine-id", "0123");
  File("/proc/sys/kernel/random/boot_id", "a-boot");
  Link("/proc/self/ns/pid", "pid:[4026531836]");
  Link("/proc/self/ns/uts", "uts:[4026531838]");
  Device("eth1", "00:1b:21:aa:bb:02");
  Device("eth0", "00:1b:21:aa:bb:01");
  const Evidence evidence = Gathered();
  EXPECT_THAT(evidence.machine, SizeIs(32));
  EXPECT_EQ(evidence.boot_id, "a-boot");
  EXPECT_EQ(evidence.pid_namespace, "pid:[4026531836]");
  EXPECT_EQ(evidence.uts_namespace, "uts:[4026531838]");
  EXPECT_THAT(evidence.hardware, ElementsAre("00:1b:21:aa:bb:01", "00:1b:21:aa:bb:02"));
  File("/etc/machine-id", "4567");
  EXPECT_NE(Gathered().machine, evidence.machine);
}

TEST_F(EvidenceTest, NothingIsKnownOfAnEmptyRoot) {
  EXPECT_EQ(Gathered(), Evidence());
  EXPECT_EQ(MachineId(scratch_.path()), "");
}

TEST_F(EvidenceTest, OnlyAddressesThatDevicesWereMadeWithCount) {
  Device("wlan0", "00:1b:21:aa:bb:03", "1");  // Drawn for privacy.
  Device("bond-port", "00:1b:21:aa:bb:04", "3");
  File("/sys/class/net/docker0/address", "00:1b:21:aa:bb:05");  // No hardware.
  File("/sys/class/net/lo/address", "00:00:00:00:00:00");
  EXPECT_THAT(Gathered().hardware, IsEmpty());
}

TEST_F(EvidenceTest, AddressesThatManyMachinesHaveDoNotCount) {
  Device("a", "02:fc:00:00:00:01");  // Firecracker.
  Device("b", "52:54:00:12:34:56");  // QEMU.
  Device("c", "00:00:00:00:00:00");
  Device("d", "01:1b:21:aa:bb:05");                                            // Multicast.
  Device("e", "80:00:02:08:fe:80:00:00:00:00:00:00:7c:fe:90:03:00:29:26:52");  // InfiniBand.
  Device("f", "");
  Device("g", "../../../../x");
  Device("h", "00:1b:21:aa:bb:xx");
  EXPECT_THAT(Gathered().hardware, IsEmpty());
  Device("i", "52:54:00:9a:17:e0");  // As libvirt draws them, one for each machine.
  EXPECT_THAT(Gathered().hardware, ElementsAre("52:54:00:9a:17:e0"));
}

TEST_F(EvidenceTest, WhatIsPluggedInDoesNotCount) {
  Device("enx001b21aabb06", "00:1b:21:aa:bb:06");
  Bus("enx001b21aabb06", "usb");
  Device("thunderbolt", "00:1b:21:aa:bb:07");
  Bus("thunderbolt", "pci");
  File("/sys/class/net/thunderbolt/device/removable", "removable");
  EXPECT_THAT(Gathered().hardware, IsEmpty());
  Device("built-in", "00:1b:21:aa:bb:08");
  Bus("built-in", "pci");
  File("/sys/class/net/built-in/device/removable", "fixed");
  Device("soldered", "00:1b:21:aa:bb:09");
  Bus("soldered", "platform");
  EXPECT_THAT(Gathered().hardware, ElementsAre("00:1b:21:aa:bb:08", "00:1b:21:aa:bb:09"));
}

// Its only device is Hyper-V's, with another address every time.
TEST_F(EvidenceTest, WslIsTheSameMachineAtItsNextStart) {
  File("/proc/sys/kernel/random/boot_id", "a-boot");
  Device("eth0", "00:15:5d:3c:1a:07");
  Bus("eth0", "vmbus");
  const Evidence before = Gathered();
  EXPECT_THAT(before.hardware, IsEmpty());
  File("/proc/sys/kernel/random/boot_id", "another-boot");
  Device("eth0", "00:15:5D:91:E2:4B");
  EXPECT_FALSE(Contradicts(before, Gathered()));
}

TEST_F(EvidenceTest, ALaptopIsTheSameMachineAtAnotherDock) {
  File("/proc/sys/kernel/random/boot_id", "a-boot");
  Device("dock", "00:1b:21:aa:bb:06");
  Bus("dock", "usb");
  Device("wlan0", "00:1b:21:aa:bb:03", "3");
  const Evidence before = Gathered();
  File("/proc/sys/kernel/random/boot_id", "another-boot");
  Device("dock", "00:1b:21:aa:bb:07");
  EXPECT_FALSE(Contradicts(before, Gathered()));
}

TEST_F(EvidenceTest, IsBounded) {
  for (int i = 10; i < 10 + static_cast<int>(kHardwareMax) + 5; ++i) {
    Device(absl::StrCat("eth", i), absl::StrCat("00:1b:21:aa:bb:", i));
  }
  EXPECT_THAT(Gathered().hardware, SizeIs(kHardwareMax));
}

Evidence Bare() {
  return {.machine = "m",
          .boot_id = "boot 1",
          .pid_namespace = "pid:[4026531836]",
          .uts_namespace = "uts:[4026531838]",
          .hardware = {"a", "b"}};
}

Evidence Rebooted() {
  Evidence evidence = Bare();
  evidence.boot_id = "boot 2";
  return evidence;
}

TEST(JudgementTest, OneBootIsOneMachineWhateverItsDevices) {
  Evidence now = Bare();
  now.hardware = {"c"};
  EXPECT_FALSE(Contradicts(Bare(), now));
  EXPECT_TRUE(IsSurelySame(Bare(), now));
}

TEST(JudgementTest, OverARebootOneDeviceMustStay) {
  Evidence now = Rebooted();
  now.hardware = {"b", "c"};
  EXPECT_FALSE(Contradicts(Bare(), now));
  EXPECT_TRUE(IsSurelySame(Bare(), now));
  now.hardware = {"c"};
  EXPECT_TRUE(Contradicts(Bare(), now));
  EXPECT_FALSE(IsSurelySame(Bare(), now));
}

TEST(JudgementTest, WhereNobodyCanTellItIsNeither) {
  Evidence now = Rebooted();
  now.hardware = {};
  EXPECT_FALSE(Contradicts(Bare(), now));
  EXPECT_FALSE(IsSurelySame(Bare(), now));
  EXPECT_FALSE(Contradicts(Evidence(), Evidence()));
  EXPECT_FALSE(IsSurelySame(Evidence(), Evidence()));
}

TEST(JudgementTest, AnotherMachineIdOrNoneIsNotSurelyTheSame) {
  Evidence before = Bare(), now = Rebooted();
  now.machine = "n";
  EXPECT_FALSE(IsSurelySame(before, now));
  before.machine = now.machine = "";
  EXPECT_FALSE(IsSurelySame(before, now));
}

TEST(JudgementTest, ContainersOfOneMachineAreNotSurelyTheSame) {
  for (const Evidence& before : {Bare(), Rebooted()}) {
    Evidence now = Bare();
    now.pid_namespace = "pid:[4026532836]";
    EXPECT_FALSE(IsSurelySame(before, now));
    now = Bare();
    now.uts_namespace = "uts:[4026532838]";
    EXPECT_FALSE(IsSurelySame(before, now));
  }
}

}  // namespace
}  // namespace iris
