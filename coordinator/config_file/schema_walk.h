#ifndef IRIS_COORDINATOR_CONFIG_FILE_SCHEMA_WALK_H_
#define IRIS_COORDINATOR_CONFIG_FILE_SCHEMA_WALK_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "coordinator/config/config.h"
#include "coordinator/config/config_source.h"
#include "coordinator/config_file/config_text.h"
#include "coordinator/reach/remote_kinds.h"

namespace iris {

// "FILE:LINE: KEY PATH", as far as they are known: how every refusal begins.
std::string PlaceOf(const ConfigSource& source, const ConfigText& text, absl::string_view key_path);

// Turns a parsed file into a configuration by the schema's table, and of remoteOptions by that of
// the one of `kinds` that a team's host is of: first every key on its own, then what keys say
// together (defaults from the settings, `remote` with remoteOptions).
// FAILURE_BAD_REQUEST, with place and fix: what is wrong. Where that is more than one thing, the
// detail has a line for each, "PLACE: WHAT (FIX)", in the order of the file, up to a bound.
absl::StatusOr<Config> WalkSchema(const ConfigText& text, const ConfigSource& source,
                                  absl::Span<const RemoteKind> kinds);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_FILE_SCHEMA_WALK_H_
