#ifndef IRIS_COORDINATOR_CONFIG_SCHEMA_H_
#define IRIS_COORDINATOR_CONFIG_SCHEMA_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "coordinator/config/config.h"

namespace iris {

// The one table of the configuration's keys. The loader walks a file by it, docs/CONFIG.md is made
// of it, and config_key_test.cc has a row for each of its rows.

enum class KeyType { kText, kMilliseconds, kNumber, kFlag, kTextList, kVariables };

inline constexpr size_t kTeamsMax = 1000;

// A value of the key's type and within its bounds, variables expanded. Only what belongs to that
// type is set; kMilliseconds is `number`.
struct KeyValue {
  std::string text;
  std::string written;  // The text as it stands in the file.
  int64_t number = 0;
  bool flag = false;
  std::vector<std::string> list;
  std::vector<EnvSetting> variables;  // Sorted by name.
};

// What one value is stored in. `team` is null for a key of the settings.
struct KeyTarget {
  Settings* settings;
  Team* team;
  absl::string_view home;  // What ~/ stands for on this machine.
};

struct Key {
  absl::string_view path;  // "teams.*.remoteOptions.port"; '*' stands for the team's name.
  KeyType type;
  int64_t min;  // Inclusive: of a number its value, of text its bytes, of a list its entries.
  int64_t max;
  bool required;                   // In a team.
  absl::string_view form;          // What text must look like, for people; empty = anything.
  absl::string_view default_text;  // For people; empty = none.
  absl::string_view description;   // For people: one or two sentences.
  // Stores the value. FAILURE_BAD_REQUEST: the text is not of the form.
  absl::Status (*apply)(KeyValue value, const KeyTarget& target);
};

// In the order of the document.
absl::Span<const Key> Schema();

// nullptr: no such key.
const Key* FindKey(absl::string_view path);

// True if keys stand below `path`: "settings", "teams", "teams.*", "teams.*.remoteOptions", and "".
bool HasKeysBelow(absl::string_view path);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_SCHEMA_H_
