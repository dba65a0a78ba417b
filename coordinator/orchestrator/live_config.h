#ifndef IRIS_COORDINATOR_ORCHESTRATOR_LIVE_CONFIG_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_LIVE_CONFIG_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
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
// others. While the file as it is cannot be used, the last one that could be, with the same
// variables, stays in force. Not thread-safe.
class LiveConfig {
 public:
  // Reads the file, with `env` for its ${VAR}.
  using Loader = std::function<absl::StatusOr<Config>(const EnvLookup& env)>;

  LiveConfig(std::string path, Loader load) : path_(std::move(path)), load_(std::move(load)) {}

  // Looks at the file's size, time and inode, and loads it where they differ from the last look.
  // What it returns stays as it is. `asker`: null is this process itself. While the file does not
  // load, the loader is asked each time: it may be mended beside the file. FAILURE_BAD_REQUEST, the
  // loader's: it does not load, and never did with the asker's variables; or it is the asker alone
  // for whom it does not, above all where the asker does not have a variable that it names.
  absl::StatusOr<std::shared_ptr<const Config>> Current(const SharedEnvironment& asker = nullptr);
  // Of the last Current(), for its asker: why the file as it was then is not in force, and what was
  // read before is. OK: it is, or Current() has said why nothing is.
  const absl::Status& problem() const { return problem_; }

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
    bool is_before = false;  // Of the file as it was before `stamp_`.

    bool IsFor(const SharedEnvironment& asker) const;
  };
  Stamp Look() const;
  // Null: there is none for that one.
  std::shared_ptr<const Config> Find(const SharedEnvironment& asker, bool is_before);
  // What the asker gets where the file does not load, which is `why`.
  absl::StatusOr<std::shared_ptr<const Config>> LastGood(const SharedEnvironment& asker,
                                                         const absl::Status& why);

  const std::string path_;
  const Loader load_;
  bool looked_ = false;
  Stamp stamp_;
  std::list<Loaded> loaded_;  // Of files that could be used; what was asked for last is the first.
  absl::Status problem_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_LIVE_CONFIG_H_
