#include "coordinator/config_file/config_text.h"

#include "absl/strings/str_cat.h"
#include "coordinator/config/refuse.h"

namespace iris {

std::string KeyPath(absl::string_view parent, absl::string_view key) {
  const std::string printable = Shown(key);
  return parent.empty() ? printable : absl::StrCat(parent, ".", printable);
}

}  // namespace iris
