#ifndef IRIS_COORDINATOR_STORE_TELL_ROW_H_
#define IRIS_COORDINATOR_STORE_TELL_ROW_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"
#include "coordinator/store/database.h"
#include "coordinator/store/store.h"

namespace iris {

inline TellState TellStateFor(absl::string_view name) {
  if (name == "queued") return TellState::kQueued;
  return name == "running" ? TellState::kRunning : TellState::kSettled;
}

// The columns kind, detail and fix, from `column` on.
inline absl::Status OutcomeFromRow(const Statement& row, int column) {
  Failure failure;
  failure.set_kind(static_cast<FailureKind>(row.Int(column)));
  failure.set_detail(row.Bytes(column + 1));
  failure.set_fix(row.Bytes(column + 2));
  return FromProto(failure);
}

// How a text begins: ≤ 120 bytes, without a character that is cut off.
inline absl::string_view Preview(absl::string_view text) {
  constexpr size_t kPreviewBytesMax = 120;
  return Utf8Prefix(text, kPreviewBytesMax);
}

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_TELL_ROW_H_
