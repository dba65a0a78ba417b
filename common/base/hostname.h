#ifndef IRIS_COMMON_BASE_HOSTNAME_H_
#define IRIS_COMMON_BASE_HOSTNAME_H_

#include <string>

namespace iris {

// The name of this host, as the kernel has it. Empty where it has none.
std::string Hostname();

}  // namespace iris

#endif  // IRIS_COMMON_BASE_HOSTNAME_H_
