#include "coordinator/config/key_value.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/environment/environment.h"
#include "coordinator/config/expand.h"
#include "coordinator/config/refuse.h"

namespace iris {
namespace {

using nlohmann::json;

constexpr int64_t kEntryBytesMax = 4096;
constexpr int64_t kVariableNameBytesMax = 128;

bool InRange(const Key& key, int64_t number) { return number >= key.min && number <= key.max; }

// What to do about a number or a flag that is written as `text`: "30m", "5000".
std::string FixForText(const Key& key, absl::string_view text) {
  int64_t number = 0;
  absl::Duration duration;
  if (key.type == KeyType::kMilliseconds && absl::ParseDuration(text, &duration) &&
      InRange(key, absl::ToInt64Milliseconds(duration))) {
    return absl::StrCat("Write ", absl::ToInt64Milliseconds(duration), ": times are milliseconds.");
  }
  const bool is_number = key.type != KeyType::kFlag && absl::SimpleAtoi(text, &number);
  const bool is_flag = key.type == KeyType::kFlag && (text == "true" || text == "false");
  if ((is_number && InRange(key, number)) || is_flag) {
    return absl::StrCat("Write ", text, ", without quotes.");
  }
  return absl::StrCat("Write ", ValueForm(key), ".");
}

absl::Status WrongType(const Key& key, const json& value) {
  if (value.is_null()) {
    // In YAML a bare ~ is one, too.
    const bool is_path = absl::StrContains(key.form, "~/");
    return Refuse("has no value", absl::StrCat("Write ", ValueForm(key), ", or remove the key",
                                               is_path ? "; the home directory is ~/." : "."));
  }
  const bool one_word = key.type != KeyType::kText && key.type != KeyType::kTextList;
  return Refuse(absl::StrCat("has the wrong type (", value.type_name(), ")"),
                one_word && value.is_string() ? FixForText(key, value.get_ref<const std::string&>())
                                              : absl::StrCat("Write ", ValueForm(key), "."));
}

// Expanded, and without control characters; `has_lines`: but for line breaks and tabs.
absl::StatusOr<std::string> ReadPlainText(const std::string& raw, int64_t bytes_max, bool has_lines,
                                          const EnvLookup& env) {
  absl::StatusOr<std::string> text = ExpandVariables(raw, env);
  if (!text.ok()) return text.status();
  if (static_cast<int64_t>(text->size()) > bytes_max) {
    return Refuse(absl::StrCat("is longer than ", bytes_max, " bytes"), "Shorten it.");
  }
  if (std::any_of(text->begin(), text->end(), [has_lines](char c) {
        return absl::ascii_iscntrl(c) && !(has_lines && (c == '\n' || c == '\t'));
      })) {
    return Refuse("holds a control character", "Remove it (\\n, \\t, \\u0000 and the like).");
  }
  return text;
}

absl::StatusOr<std::string> ReadText(const Key& key, const std::string& raw, int64_t bytes_min,
                                     int64_t bytes_max, const EnvLookup& env) {
  absl::StatusOr<std::string> text =
      ReadPlainText(raw, bytes_max, key.path == "teams.*.description", env);
  if (text.ok() && text->empty() && bytes_min > 0) {
    return Refuse("is empty", absl::StrCat("Write ", ValueForm(key), ", or remove the key."));
  }
  return text;
}

// The number or flag that `value` is, or that its text is once its variables are in. What a
// variable holds is not shown: it may be the wrong one.
absl::StatusOr<json> WithVariables(const Key& key, const json& value, const EnvLookup& env) {
  if (!value.is_string() || !absl::StrContains(value.get_ref<const std::string&>(), "${")) {
    return json(value);
  }
  absl::StatusOr<std::string> text =
      ReadPlainText(value.get_ref<const std::string&>(), kEntryBytesMax, /*has_lines=*/false, env);
  if (!text.ok()) return text.status();
  int64_t number = 0;
  if (key.type != KeyType::kFlag && absl::SimpleAtoi(*text, &number)) return json(number);
  if (key.type == KeyType::kFlag && (*text == "true" || *text == "false")) {
    return json(*text == "true");
  }
  return Refuse("does not fit with what its variables hold",
                absl::StrCat("Have them hold ", ValueForm(key), "."));
}

// For a time that is too short, and would not be if it were seconds.
absl::optional<std::string> FixForSeconds(const Key& key, int64_t number) {
  const bool may_be_seconds = key.type == KeyType::kMilliseconds && number > 0 &&
                              number < key.min && InRange(key, number * 1000);
  if (!may_be_seconds) return absl::nullopt;
  return absl::StrCat(key.seconds_note.empty() ? "Times are milliseconds" : key.seconds_note,
                      ": for ", number, " seconds write ", number * 1000, ".");
}

absl::StatusOr<int64_t> ReadNumber(const Key& key, const json& value) {
  if (!value.is_number()) return WrongType(key, value);
  absl::optional<std::string> fix;
  if (value.is_number_integer()) {
    // What is beyond int64 wraps to a negative number, and no key takes one.
    const auto number = value.get<int64_t>();
    if (InRange(key, number)) return number;
    fix = FixForSeconds(key, number);
  }
  return Refuse(absl::StrCat(value.dump(), " is out of range"),
                fix.value_or(absl::StrCat("Write ", ValueForm(key), ".")));
}

absl::StatusOr<bool> ReadFlag(const Key& key, const json& value) {
  if (!value.is_boolean()) return WrongType(key, value);
  return value.get<bool>();
}

absl::StatusOr<std::vector<std::string>> ReadList(const Key& key, const json& value,
                                                  const EnvLookup& env) {
  if (!value.is_array()) return WrongType(key, value);
  if (static_cast<int64_t>(value.size()) > key.max) {
    return Refuse(absl::StrCat("has more than ", key.max, " entries"), "Shorten it.");
  }
  std::vector<std::string> list;
  for (const json& entry : value) {
    if (!entry.is_string()) return WrongType(key, entry);
    absl::StatusOr<std::string> text =
        ReadText(key, entry.get_ref<const std::string&>(), 1, kEntryBytesMax, env);
    if (!text.ok()) return text.status();
    list.push_back(*std::move(text));
  }
  return list;
}

// Stores `read` in `field` of the result.
template <typename T>
absl::StatusOr<KeyValue> Store(absl::StatusOr<T> read, T KeyValue::*field) {
  if (!read.ok()) return read.status();
  KeyValue value;
  value.*field = *std::move(read);
  return value;
}

}  // namespace

absl::StatusOr<KeyValue> ReadKeyValue(const Key& key, const json& value, const EnvLookup& env) {
  switch (key.type) {
    case KeyType::kText: {
      if (!value.is_string()) return WrongType(key, value);
      const std::string& written = value.get_ref<const std::string&>();
      absl::StatusOr<KeyValue> read =
          Store(ReadText(key, written, key.min, key.max, env), &KeyValue::text);
      if (read.ok()) read->written = written;
      return read;
    }
    case KeyType::kMilliseconds:
    case KeyType::kNumber:
    case KeyType::kFlag: {
      const absl::StatusOr<json> typed = WithVariables(key, value, env);
      if (!typed.ok()) return typed.status();
      if (key.type == KeyType::kFlag) return Store(ReadFlag(key, *typed), &KeyValue::flag);
      return Store(ReadNumber(key, *typed), &KeyValue::number);
    }
    case KeyType::kTextList:
      return Store(ReadList(key, value, env), &KeyValue::list);
    case KeyType::kVariables:
      break;  // Read one by one: each has a place of its own.
  }
  return WrongType(key, value);
}

absl::Status CheckVariable(absl::string_view name) {
  if (!IsVariableName(name) || static_cast<int64_t>(name.size()) > kVariableNameBytesMax) {
    return Refuse("is not the name of a variable",
                  absl::StrCat("Use letters, digits and '_', not beginning with a digit, at most ",
                               kVariableNameBytesMax, "."));
  }
  if (StaysBehind(name)) {
    return Refuse(absl::StrCat(name, " is what claude and Iris tell the processes below them by"),
                  "Remove it.");
  }
  return absl::OkStatus();
}

absl::StatusOr<EnvSetting> ReadVariable(const std::string& name, const json& value,
                                        const EnvLookup& env) {
  if (absl::Status status = CheckVariable(name); !status.ok()) return status;
  if (!value.is_string()) {
    return Refuse(absl::StrCat("has the wrong type (", value.type_name(), ")"),
                  "Write a string, also for a number: \"1\".");
  }
  const std::string& written = value.get_ref<const std::string&>();
  absl::StatusOr<std::string> text =
      ReadPlainText(written, kEntryBytesMax, /*has_lines=*/true, env);
  if (!text.ok()) return text.status();
  return EnvSetting{.name = name, .written = written, .value = *std::move(text)};
}

std::string ValueForm(const Key& key) {
  const std::string form = key.form.empty() ? "" : absl::StrCat(": ", key.form);
  switch (key.type) {
    case KeyType::kText:
      return absl::StrCat("a string", form);
    case KeyType::kMilliseconds:
      return absl::StrCat("a whole number of milliseconds, ", key.min, "–", key.max);
    case KeyType::kNumber:
      return absl::StrCat("a whole number, ", key.min, "–", key.max);
    case KeyType::kFlag:
      return "true or false";
    case KeyType::kTextList:
      return absl::StrCat("a list of strings", form);
    case KeyType::kVariables:
      return absl::StrCat("an object of strings", form);
  }
  return "";
}

}  // namespace iris
