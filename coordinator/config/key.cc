#include "coordinator/config/key.h"

#include <utility>

namespace iris {

absl::string_view NameOf(const Key& key) { return key.path.substr(key.path.rfind('.') + 1); }

absl::Status StoreValue(const Key& key, KeyValue value, const KeyTarget& target) {
  if (key.apply != nullptr) return key.apply(std::move(value), target);
  if (key.check != nullptr) {
    if (absl::Status status = key.check(value, target.home); !status.ok()) return status;
  }
  target.team->remote_options.own[std::string(NameOf(key))] = {.text = std::move(value.text),
                                                               .written = std::move(value.written),
                                                               .number = value.number,
                                                               .flag = value.flag,
                                                               .names_host = key.names_host};
  return absl::OkStatus();
}

}  // namespace iris
