#ifndef IRIS_COORDINATOR_CONFIG_FILE_LOAD_CONFIG_H_
#define IRIS_COORDINATOR_CONFIG_FILE_LOAD_CONFIG_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "coordinator/config/config.h"
#include "coordinator/config/config_source.h"

namespace iris {

struct RemoteKind;

inline constexpr size_t kConfigBytesMax = 1 << 20;

// Where the configuration is: $IRIS_CONFIG, else config.json, config.yaml or config.yml in
// $IRIS_HOME, else in ${XDG_CONFIG_HOME:-~/.config}/iris. Where none of the three is there, it is
// config.json. FAILURE_BAD_REQUEST: IRIS_CONFIG or IRIS_HOME is not absolute, no home directory is
// known, or two of the three are there.
absl::StatusOr<std::string> ConfigPath(const EnvLookup& env, absl::string_view home);

// Reads and checks the file at `source.path`: YAML if its name ends in .yaml or .yml, else JSON.
// Refuses rather than guesses: a configuration that loads is honoured to the letter.
// FAILURE_BAD_REQUEST: somebody else may write it (CheckTrustedPath()), no regular file of at most
// kConfigBytesMax is there, or something in it is wrong. The detail begins with
// "FILE:LINE: KEY PATH: " as far as they are known, and the failure carries a fix of its own: show
// both to the person and stop. Where several keys are wrong, each has such a line of the detail,
// with its fix. (A file that is no JSON or YAML, and one that holds a secret, has one error.)
absl::StatusOr<Config> LoadConfig(const ConfigSource& source);

// The part of LoadConfig() that does not touch the file system. `readable_by_others`: whether
// anyone but the file's owner may read it; then it must not hold a secret.
absl::StatusOr<Config> ParseConfig(absl::string_view text, const ConfigSource& source,
                                   bool readable_by_others);
// The same where hosts are of these kinds, and not of RemoteKinds().
absl::StatusOr<Config> ParseConfig(absl::string_view text, const ConfigSource& source,
                                   bool readable_by_others, absl::Span<const RemoteKind> kinds);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_FILE_LOAD_CONFIG_H_
