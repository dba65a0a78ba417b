#ifndef IRIS_COMMON_BASE_SAME_FILE_H_
#define IRIS_COMMON_BASE_SAME_FILE_H_

#include <string>

namespace iris {

// Whether `path` leads to the file that is open as `fd`: it was not removed or replaced meanwhile.
bool IsSameFile(const std::string& path, int fd);

}  // namespace iris

#endif  // IRIS_COMMON_BASE_SAME_FILE_H_
