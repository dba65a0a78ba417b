#include "coordinator/config_file/walk_errors.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/config/refuse.h"
#include "coordinator/config/unset_variable.h"

namespace iris {

void WalkErrors::Add(int line, absl::Status status, bool is_unset_variable) {
  ++count_;
  if (is_unset_variable) ++unset_variables_;
  if (!full()) kept_.push_back({line, std::move(status)});
}

absl::Status WalkErrors::Together() && {
  absl::Status all = count_ == 1 ? kept_[0].status : Listed();
  return unset_variables_ == count_ ? MarkUnsetVariable(std::move(all)) : all;
}

absl::Status WalkErrors::Listed() {
  std::stable_sort(kept_.begin(), kept_.end(),
                   [](const Error& a, const Error& b) { return a.line < b.line; });
  std::string detail;
  const size_t shown = std::min(kept_.size(), kShownMax);
  for (size_t i = 0; i < shown; ++i) {
    const Failure failure = ToProto(kept_[i].status);
    absl::StrAppend(&detail, i == 0 ? "" : "\n", failure.detail(), " (", failure.fix(), ")");
  }
  if (shown < count_) absl::StrAppend(&detail, "\nand ", count_ - shown, " more");
  return Refuse(detail, absl::StrCat("Correct all ", count_, " of them."));
}

}  // namespace iris
