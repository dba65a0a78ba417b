#ifndef IRIS_AGENT_INVENTORY_HOST_FACTS_H_
#define IRIS_AGENT_INVENTORY_HOST_FACTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "agent/inventory/evidence.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// What does not change while the agent lives. Empty strings where the host does not say.
struct HostFacts {
  // 32 hex digits, a hash of machine id and hostname: names this host's folder in hosts/, where
  // homes are shared. It is no identity: clones have the same one, a renamed host has another one.
  std::string place;
  Evidence evidence;
  std::string hostname;
  std::string user;
  std::string home;     // The account's; absolute.
  std::string program;  // Absolute path of this program.
};

HostFacts GatherHostFacts();

// HostFacts::program alone.
std::string OurProgram();

// The hello of this agent's life, complete but for socket_path. Reads the environment: PATH,
// LC_ALL, LC_CTYPE, LANG. `host_id`: DataDir::host_id.
v1::Hello MakeHello(const HostFacts& facts, const std::string& host_id, uint32_t build_number,
                    const std::string& incarnation, const std::string& data_dir);

// The environment of this process without what is the daemon's own business.
std::vector<std::string> ChildEnvironment();

// Memory of this process that is resident, in bytes; 0 if unknown.
uint64_t ResidentBytes();

}  // namespace iris

#endif  // IRIS_AGENT_INVENTORY_HOST_FACTS_H_
