#ifndef IRIS_AGENT_INVENTORY_EVIDENCE_H_
#define IRIS_AGENT_INVENTORY_EVIDENCE_H_

#include <cstddef>
#include <string>
#include <vector>

namespace iris {

inline constexpr size_t kHardwareMax = 16;

// On which machine a process runs, as far as that can be told from what lies there. Empty: unknown.
struct Evidence {
  std::string machine;        // A digest of the machine id. Clones and diskless hosts share one.
  std::string boot_id;        // /proc/sys/kernel/random/boot_id
  std::string pid_namespace;  // "pid:[4026531836]"; the first one of every boot has that number.
  std::string uts_namespace;  // "uts:[4026531838]", as above: within it, one hostname at a time.
  // The addresses of network devices that are hardware, sorted, ≤ kHardwareMax: as they were made
  // with, and neither those that many machines have, nor those that another start or another dock
  // would change.
  std::vector<std::string> hardware;

  friend bool operator==(const Evidence&, const Evidence&) = default;
};

// Of this process. `root` goes before every path, for tests.
Evidence GatherEvidence(const std::string& root = "");

// /etc/machine-id, or D-Bus's; empty where there is none.
std::string MachineId(const std::string& root = "");

// `now` was not gathered on the machine that `before` was. False also where nobody can tell.
bool Contradicts(const Evidence& before, const Evidence& now);

// Both were gathered on one machine, outside of containers or in the same one: in one boot, or by
// machine id and hardware. False also where nobody can tell.
bool IsSurelySame(const Evidence& before, const Evidence& now);

}  // namespace iris

#endif  // IRIS_AGENT_INVENTORY_EVIDENCE_H_
