#include "agent/app/host_record.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/journal/files.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

using nlohmann::json;

constexpr size_t kRecordBytesMax = 4096;
constexpr size_t kIdBytes = 32;

std::string PathIn(const std::string& folder) { return absl::StrCat(folder, "/identity"); }

std::string Encode(const HostRecord& record) {
  const json fields = {{"id", record.id},
                       {"machine", record.evidence.machine},
                       {"boot_id", record.evidence.boot_id},
                       {"pid_namespace", record.evidence.pid_namespace},
                       {"uts_namespace", record.evidence.uts_namespace},
                       {"hardware", record.evidence.hardware}};
  return fields.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string Word(const json& fields, const char* name) {
  const auto found = fields.find(name);
  return found != fields.end() && found->is_string() ? found->get<std::string>() : "";
}

std::vector<std::string> Words(const json& fields, const char* name) {
  std::vector<std::string> words;
  const auto found = fields.find(name);
  if (found == fields.end() || !found->is_array()) return words;
  for (const json& word : *found) {
    if (word.is_string() && words.size() < kHardwareMax) words.push_back(word.get<std::string>());
  }
  return words;
}

}  // namespace

bool IsHostId(absl::string_view text) {
  return text.size() == kIdBytes && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

absl::StatusOr<std::optional<HostRecord>> ReadHostRecord(const std::string& folder) {
  const std::string path = PathIn(folder);
  const absl::StatusOr<std::string> text = ReadWholeFile(path, kRecordBytesMax);
  if (absl::IsNotFound(text.status())) return std::optional<HostRecord>();
  if (!text.ok()) return text.status();
  const json fields = json::parse(text->begin(), text->end(), nullptr, /*allow_exceptions=*/false);
  const std::string id = fields.is_object() ? Word(fields, "id") : "";
  if (!IsHostId(id)) return absl::DataLossError(absl::StrCat(path, " is no record"));
  return std::optional<HostRecord>(
      HostRecord{.id = id,
                 .evidence = {.machine = Word(fields, "machine"),
                              .boot_id = Word(fields, "boot_id"),
                              .pid_namespace = Word(fields, "pid_namespace"),
                              .uts_namespace = Word(fields, "uts_namespace"),
                              .hardware = Words(fields, "hardware")}});
}

absl::Status WriteHostRecord(const std::string& folder, const HostRecord& record) {
  return ReplaceFile(PathIn(folder), Encode(record));
}

}  // namespace iris
