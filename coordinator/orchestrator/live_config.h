#ifndef IRIS_COORDINATOR_ORCHESTRATOR_LIVE_CONFIG_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_LIVE_CONFIG_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/config/config.h"

namespace iris {

// The configuration as it stands in its file: read again when somebody changed the file. Not
// thread-safe.
class LiveConfig {
 public:
  using Loader = std::function<absl::StatusOr<Config>(const std::string& path)>;

  LiveConfig(std::string path, Loader load) : path_(std::move(path)), load_(std::move(load)) {}

  // Looks at the file's size, time and inode, and loads it where they differ from the last look.
  // What it returns stays as it is. FAILURE_BAD_REQUEST: the file as it is now does not load; the
  // error is the loader's, who is asked each time then: it may be mended beside the file.
  absl::StatusOr<std::shared_ptr<const Config>> Current();

  const std::string& path() const { return path_; }

 private:
  struct Stamp {
    bool exists = false;
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    int64_t modified_ns = 0;
    int64_t changed_ns = 0;  // Nobody can set it back.

    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  Stamp Look() const;

  const std::string path_;
  const Loader load_;
  bool loaded_ = false;
  Stamp stamp_;
  absl::StatusOr<std::shared_ptr<const Config>> current_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_LIVE_CONFIG_H_
