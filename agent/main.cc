// iris-agent: the one program on a host. See Usage.
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "agent/app/bridge.h"
#include "agent/app/build_info.h"
#include "agent/app/complain.h"
#include "agent/app/offer.h"
#include "agent/app/options.h"
#include "agent/app/serve.h"
#include "agent/process/keeper.h"
#include "common/version/version.h"

namespace {

constexpr int kBadUsage = 2;

// Tests build the agent with another number too (BUILD.bazel).
#ifdef IRIS_TEST_BUILD_NUMBER
constexpr uint32_t kOurBuildNumber = IRIS_TEST_BUILD_NUMBER;
#else
constexpr uint32_t kOurBuildNumber = iris::kBuildNumber;
#endif

constexpr char kUsage[] = R"(usage:
  iris-agent serve  [--home DIR] [--data DIR]   be the agent of this account on this host
  iris-agent bridge [--home DIR] [--data DIR]   join stdin and stdout to it; start it if need be
  iris-agent upgrade [--home DIR]                ask the one that runs to become this build, in place
  iris-agent version
  iris-agent keeper PROGRAM CWD ARGS...         (started by serve)

  --home DIR  an agent of its own for this home; its data goes there too
  --data DIR  where it keeps its data; else $XDG_DATA_HOME/iris or ~/.local/share/iris

exit codes: 0 done (serve: also where one serves already; bridge: stdin ended;
                     upgrade: also where none runs, or none that is older)
            1 failed, one line on stderr says why   2 wrong arguments
            3 bridge: the agent closed the connection
)";

void Print(int fd, absl::string_view text) { (void)!write(fd, text.data(), text.size()); }

}  // namespace

int main(int argc, char** argv) {
  // Debian's Abseil looks at every lock for one: 5 % of the CPU. Tests keep that.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "version" || command == "--version") {
    Print(STDOUT_FILENO, absl::StrCat(iris::VersionLine(kOurBuildNumber), "\n"));
    return 0;
  }
  if (command == "help" || command == "--help") {
    Print(STDOUT_FILENO, kUsage);
    return 0;
  }
  // Where keeper_start_linux.cc has nothing for this processor.
  if (command == "keeper") return iris::KeeperMain(argc, argv, environ);
  if (command != "serve" && command != "bridge" && command != "upgrade") {
    Print(STDERR_FILENO, kUsage);
    return kBadUsage;
  }
  absl::StatusOr<iris::Options> options =
      iris::ParseOptions(std::vector<std::string>(argv + 2, argv + argc));
  if (!options.ok()) {
    iris::Complain(options.status());
    return kBadUsage;
  }
  options->build_number = kOurBuildNumber;
  if (command == "upgrade") return iris::RunUpgrade(*options);
  return command == "serve" ? iris::RunServe(*options) : iris::RunBridge(*options);
}
