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

// The configuration as it stands in its file: read again when somebody changed the file. While the
// file as it is cannot be used, the last one that could be stays in force. Not thread-safe.
class LiveConfig {
 public:
  using Loader = std::function<absl::StatusOr<Config>(const std::string& path)>;

  LiveConfig(std::string path, Loader load) : path_(std::move(path)), load_(std::move(load)) {}

  // Looks at the file's size, time and inode, and loads it where they differ from the last look.
  // What it returns stays as it is. While the file does not load, the loader is asked each time: it
  // may be mended beside the file. FAILURE_BAD_REQUEST, the loader's: it does not load, and never
  // did.
  absl::StatusOr<std::shared_ptr<const Config>> Current();
  // By the last look: why the file as it was then is not in force, and what was read before is. OK:
  // it is.
  const absl::Status& problem() const { return problem_; }

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
  std::shared_ptr<const Config> current_;  // The last that could be used; may be null.
  absl::Status problem_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_LIVE_CONFIG_H_
