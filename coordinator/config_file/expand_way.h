#ifndef IRIS_COORDINATOR_CONFIG_FILE_EXPAND_WAY_H_
#define IRIS_COORDINATOR_CONFIG_FILE_EXPAND_WAY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "coordinator/config/config.h"
#include "coordinator/config/config_source.h"

namespace iris {

// A way to a host that was kept as it is written, `written` of `remote` and all that is written of
// `options`: fills in what these stand for with the variables of `env`, as the loader does;
// whatever they stood for before is gone. `programs`: what `remote` may begin with besides ssh.
// `home` as in ConfigSource. FAILURE_BAD_REQUEST: a variable is not set, or what is written with it
// is no way; both stay as they were then.
absl::Status ExpandWay(const EnvLookup& env, absl::string_view home,
                       absl::Span<const std::string> programs, RemoteCommand& remote,
                       RemoteOptions& options);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_FILE_EXPAND_WAY_H_
