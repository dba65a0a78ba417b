#ifndef IRIS_COORDINATOR_CONFIG_KEY_H_
#define IRIS_COORDINATOR_CONFIG_KEY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "coordinator/config/config.h"

namespace iris {

// What a table of keys is made of: the one of every team's keys (schema.h), and those of the kinds
// of hosts (coordinator/reach).

enum class KeyType { kText, kMilliseconds, kNumber, kFlag, kTextList, kVariables };

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
  int64_t min = 0;  // Inclusive: of a number its value, of text its bytes, of a list its entries.
  int64_t max = 0;
  bool required = false;                // In a team.
  absl::string_view form = {};          // What text must look like, for people; empty = anything.
  absl::string_view default_text = {};  // For people; empty = none.
  absl::string_view description = {};   // For people: one or two sentences.
  // Stores the value. FAILURE_BAD_REQUEST: the text is not of the form. Null: a key that one kind
  // of host has, whose value is kept in RemoteOptions::own; text, a time, a number or a flag.
  absl::Status (*apply)(KeyValue value, const KeyTarget& target) = nullptr;
  // Of such a key, may be null: brings what ReadKeyValue() took into its form. FAILURE_BAD_REQUEST:
  // it is not of the form. `home` as in KeyTarget.
  absl::Status (*check)(KeyValue& value, absl::string_view home) = nullptr;
  // Of such a key: another value may be another host. It stays so over builds (DigestOfWay()).
  bool names_host = false;
  // Of a time that people are used to give in seconds: how they are told; empty = as of any time.
  absl::string_view seconds_note = {};
};

// A key that iris-mcp or this one's design knows and this version does not serve. Refusing it is
// better than accepting it and doing nothing.
struct RefusedKey {
  absl::string_view path;  // As Key::path. What stands below it is refused with it.
  absl::string_view why;   // "not needed here: …" or "not built yet".
  absl::string_view fix;   // What to do instead: one sentence.
};

// "port" of "teams.*.remoteOptions.port".
absl::string_view NameOf(const Key& key);

// Stores what was read for `key` where that belongs. FAILURE_BAD_REQUEST: it is not of the form.
absl::Status StoreValue(const Key& key, KeyValue value, const KeyTarget& target);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_KEY_H_
