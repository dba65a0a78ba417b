#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "agent/inventory/evidence.h"
#include "common/base/fnv.h"
#include "common/base/small_file.h"

namespace iris {
namespace {

constexpr size_t kDevicesMax = 256;                           // Looked at.
constexpr uint32_t kMulticast = 1, kLocallyAdministered = 2;  // Of the first octet.
constexpr int kZerosOfCounting = 3;

std::string OneLine(const std::string& path) {
  return std::string(absl::StripAsciiWhitespace(ReadSmallFile(path, 256)));
}

std::string LinkTarget(const std::string& path) {
  char target[256];
  const ssize_t n = readlink(path.c_str(), target, sizeof(target));
  return std::string(target, n > 0 ? static_cast<size_t>(n) : 0);
}

// Not what every virtual machine of a kind has: addresses that somebody made by counting
// (Firecracker's 02:fc:00:00:00:01), and those that QEMU gives where nobody says another. Nor what
// Hyper-V gives: WSL2's is another one at every start.
bool TellsMachinesApart(const std::string& address) {
  const std::vector<std::string> octets = absl::StrSplit(address, ':');
  if (octets.size() != 6) return false;
  int zeros = 0;
  uint32_t first = 0;
  for (size_t i = 0; i < octets.size(); ++i) {
    uint32_t octet = 0;
    if (octets[i].size() != 2 || !absl::SimpleHexAtoi(octets[i], &octet)) return false;
    if (octet == 0) ++zeros;
    if (i == 0) first = octet;
  }
  if ((first & kMulticast) != 0 || zeros == 6) return false;
  if (absl::StartsWithIgnoreCase(address, "00:15:5d:")) return false;
  if ((first & kLocallyAdministered) == 0) return true;
  return zeros < kZerosOfCounting && !absl::StartsWith(address, "52:54:00:12:34:");
}

// "0": the address that the device was made with. Others are drawn anew at any time (privacy), or
// belong to somebody else (bonds).
bool IsPermanent(const std::string& device) {
  const std::string assigned = OneLine(device + "/addr_assign_type");
  return assigned.empty() || assigned == "0";
}

// Docks, adapters and telephones come and go, and go from one machine to the next. (`removable` is
// what the kernel says of PCI devices behind Thunderbolt.)
bool IsPluggedIn(const std::string& device) {
  return absl::EndsWith(LinkTarget(device + "/device/subsystem"), "/usb") ||
         OneLine(device + "/device/removable") == "removable";
}

std::vector<std::string> Hardware(const std::string& root) {
  const std::string devices = root + "/sys/class/net";
  DIR* const listing = opendir(devices.c_str());
  if (listing == nullptr) return {};
  std::set<std::string> found;
  size_t looked_at = 0;
  while (const dirent* entry = readdir(listing)) {
    if (++looked_at > kDevicesMax) break;
    const std::string device = absl::StrCat(devices, "/", entry->d_name);
    // What programs made (bridges, containers' ends, tunnels) has none.
    if (access((device + "/device").c_str(), F_OK) != 0 || !IsPermanent(device)) continue;
    if (IsPluggedIn(device)) continue;
    const std::string address = OneLine(device + "/address");
    if (TellsMachinesApart(address)) found.insert(address);
  }
  closedir(listing);
  std::vector<std::string> hardware(found.begin(), found.end());
  if (hardware.size() > kHardwareMax) hardware.resize(kHardwareMax);
  return hardware;
}

bool IsKnownAndSame(const std::string& before, const std::string& now) {
  return !before.empty() && before == now;
}

bool ShareHardware(const Evidence& before, const Evidence& now) {
  return std::find_first_of(before.hardware.begin(), before.hardware.end(), now.hardware.begin(),
                            now.hardware.end()) != before.hardware.end();
}

}  // namespace

std::string MachineId(const std::string& root) {
  const std::string id = OneLine(root + "/etc/machine-id");
  return !id.empty() ? id : OneLine(root + "/var/lib/dbus/machine-id");
}

Evidence GatherEvidence(const std::string& root) {
  const std::string machine_id = MachineId(root);
  return {.machine = machine_id.empty() ? "" : FnvHex128(absl::StrCat("machine\n", machine_id)),
          .boot_id = OneLine(root + "/proc/sys/kernel/random/boot_id"),
          .pid_namespace = LinkTarget(root + "/proc/self/ns/pid"),
          .uts_namespace = LinkTarget(root + "/proc/self/ns/uts"),
          .hardware = Hardware(root)};
}

bool Contradicts(const Evidence& before, const Evidence& now) {
  if (IsKnownAndSame(before.boot_id, now.boot_id)) return false;
  return !before.hardware.empty() && !now.hardware.empty() && !ShareHardware(before, now);
}

bool IsSurelySame(const Evidence& before, const Evidence& now) {
  // Containers of one machine have its boot, often its machine id, and may see its devices.
  if (!IsKnownAndSame(before.pid_namespace, now.pid_namespace)) return false;
  if (!IsKnownAndSame(before.uts_namespace, now.uts_namespace)) return false;
  if (IsKnownAndSame(before.boot_id, now.boot_id)) return true;
  return IsKnownAndSame(before.machine, now.machine) && ShareHardware(before, now);
}

}  // namespace iris
