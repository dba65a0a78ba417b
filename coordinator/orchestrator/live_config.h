#ifndef IRIS_COORDINATOR_ORCHESTRATOR_LIVE_CONFIG_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_LIVE_CONFIG_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "common/environment/environment.h"
#include "coordinator/config/config.h"
#include "coordinator/config/config_source.h"

namespace iris {

// The configuration as it stands in its file, with the variables of whoever asks: read again when
// somebody changed the file, and for every asker whose variables, of those that it names, are
// others. Not thread-safe.
class LiveConfig {
 public:
  // Reads the file, with `env` for its ${VAR}.
  using Loader = std::function<absl::StatusOr<Config>(const EnvLookup& env)>;

  LiveConfig(std::string path, Loader load) : path_(std::move(path)), load_(std::move(load)) {}

  // Looks at the file's size, time and inode, and loads it where they differ from the last look.
  // What it returns stays as it is. `asker`: null is this process itself. FAILURE_BAD_REQUEST: the
  // file as it is now does not load, or names a variable that the asker does not have; the error is
  // the loader's, who is asked each time then: it may be mended beside the file.
  absl::StatusOr<std::shared_ptr<const Config>> Current(const SharedEnvironment& asker = nullptr);

  const std::string& path() const { return path_; }

  // Askers with different variables that are remembered at a time.
  static constexpr size_t kRememberedMax = 16;

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
  // What the file is with these variables, which are all that it names.
  struct Loaded {
    std::map<std::string, absl::optional<std::string>> variables;
    std::shared_ptr<const Config> config;
  };
  Stamp Look() const;

  const std::string path_;
  const Loader load_;
  bool looked_ = false;
  Stamp stamp_;
  std::deque<Loaded> loaded_;  // Of the file as `stamp_` has it; the newest last.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_LIVE_CONFIG_H_
