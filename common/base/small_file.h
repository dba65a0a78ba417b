#ifndef IRIS_COMMON_BASE_SMALL_FILE_H_
#define IRIS_COMMON_BASE_SMALL_FILE_H_

#include <cstddef>
#include <string>

namespace iris {

// The first `bytes_max` bytes of `path`, for files of /proc, /sys and /etc; empty if it cannot be
// read.
std::string ReadSmallFile(const std::string& path, size_t bytes_max);

}  // namespace iris

#endif  // IRIS_COMMON_BASE_SMALL_FILE_H_
