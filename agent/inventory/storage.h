#ifndef IRIS_AGENT_INVENTORY_STORAGE_H_
#define IRIS_AGENT_INVENTORY_STORAGE_H_

#include <cstdint>
#include <string>

#include "proto/iris/v1/agent.pb.h"

namespace iris {

// What `path` lies on; STORAGE_UNSPECIFIED if it cannot be told.
v1::StorageClass StorageOf(const std::string& path);

// The class of a file system by its magic number (statfs f_type). What is not known to be in memory
// or on the network counts as a disk.
v1::StorageClass StorageOfMagic(uint32_t magic);

// Builds of the agent that were installed below the agent's data directory. Looks at the few files
// there, on whatever thread asks: the agent writes there on its loop as well.
struct Builds {
  uint32_t count = 0;
  uint64_t bytes = 0;
};
Builds CountBuilds(const std::string& data_dir);

}  // namespace iris

#endif  // IRIS_AGENT_INVENTORY_STORAGE_H_
