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
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
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

  using Clock = std::function<absl::Time()>;

  LiveConfig(std::string path, Loader load, Clock now = absl::Now)
      : path_(std::move(path)), load_(std::move(load)), now_(std::move(now)) {}

  // Looks at the file's size, time and inode, and loads it where they differ from the last look.
  // What it returns stays as it is. `asker`: null is this process itself. While the file does not
  // load, the loader is asked every kAskAgain at most, and for each asker whose variables are
  // others: it may be mended beside the file. FAILURE_BAD_REQUEST, the
  // loader's: it does not load, and never did with the asker's variables; or it is the asker alone
  // for whom it does not, above all where the asker does not have a variable that it names.
  absl::StatusOr<std::shared_ptr<const Config>> Current(const SharedEnvironment& asker = nullptr);
  // Of the last Current(), for its asker: why the file as it was then is not in force, and what was
  // read before is. OK: it is, or Current() has said why nothing is.
  const absl::Status& problem() const { return problem_; }

  const std::string& path() const { return path_; }

  // Askers with different variables that are remembered at a time, and as many for whom the file
  // does not load.
  static constexpr size_t kRememberedMax = 16;
  static constexpr absl::Duration kAskAgain = absl::Seconds(1);

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
  using Variables = std::map<std::string, absl::optional<std::string>>;
  // What the file is with these variables, which are all that it names.
  struct Loaded {
    Variables variables;
    std::shared_ptr<const Config> config;
    bool is_before = false;  // Of the file as it was before `stamp_`.
  };
  // Why it is nothing with these, which are all that the loader asked for.
  struct Failed {
    Variables variables;
    absl::Status why;
    absl::Time at;
  };
  // The asker has these variables, and has not those that are none.
  static bool AreOf(const SharedEnvironment& asker, const Variables& variables);
  Stamp Look() const;
  // What the loader said just now of the file as it is; OK: nothing.
  absl::Status FailedJustNow(const SharedEnvironment& asker) const;
  // Null: there is none for that one.
  std::shared_ptr<const Config> Find(const SharedEnvironment& asker, bool is_before);
  // What the asker gets where the file does not load, which is `why`.
  absl::StatusOr<std::shared_ptr<const Config>> LastGood(const SharedEnvironment& asker,
                                                         const absl::Status& why);

  const std::string path_;
  const Loader load_;
  const Clock now_;
  bool looked_ = false;
  Stamp stamp_;
  std::list<Loaded> loaded_;  // Of files that could be used; what was asked for last is the first.
  std::list<Failed> failed_;  // With the file as it is; the newest is the first.
  absl::Status problem_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_LIVE_CONFIG_H_
