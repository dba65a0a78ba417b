#ifndef IRIS_COMMON_VERSION_VERSION_H_
#define IRIS_COMMON_VERSION_VERSION_H_

#include <cstdint>

namespace iris {

inline constexpr char kVersion[] = "0.1.0";

// Orders the builds of the agent: one that runs is replaced in place by one with a higher number
// (docs/adr/0005). Raised by hand with every release, and whenever agents that run should become
// this one at once.
inline constexpr uint32_t kBuildNumber = 6;

// Protocol versions between coordinator and agent that this build speaks (Hello.protocol).
inline constexpr uint32_t kProtocolMin = 1;
inline constexpr uint32_t kProtocolMax = 1;

// The same between front ends and the coordinator (CoordinatorHello).
inline constexpr uint32_t kFrontEndProtocolMin = 2;
inline constexpr uint32_t kFrontEndProtocolMax = 2;

}  // namespace iris

#endif  // IRIS_COMMON_VERSION_VERSION_H_
