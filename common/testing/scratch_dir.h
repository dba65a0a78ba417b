#ifndef IRIS_COMMON_TESTING_SCRATCH_DIR_H_
#define IRIS_COMMON_TESTING_SCRATCH_DIR_H_

#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace iris {

// An empty directory of 0700 with a short path (a UNIX socket's fits below it), removed with all
// that it holds at the end of the test.
class ScratchDir {
 public:
  ScratchDir() {
    char path[] = "/tmp/iris-test-XXXXXX";
    if (mkdtemp(path) == nullptr) std::abort();
    path_ = path;
  }
  ~ScratchDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;

  const std::string& path() const { return path_; }
  // path()/`name`.
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace iris

#endif  // IRIS_COMMON_TESTING_SCRATCH_DIR_H_
