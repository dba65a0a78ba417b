#ifndef IRIS_COORDINATOR_STORE_SQLITE_TELL_ROW_H_
#define IRIS_COORDINATOR_STORE_SQLITE_TELL_ROW_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"
#include "coordinator/store/sqlite/database.h"
#include "coordinator/store/sqlite/sqlite_store.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// The columns kind, detail, fix, limit_resets_at and nothing_ran, from `column` on. What whoever
// waited has heard.
inline absl::Status OutcomeFromRow(const Statement& row, int column) {
  const auto kind = static_cast<FailureKind>(row.Int(column));
  if (kind == v1::FAILURE_UNSPECIFIED) return absl::OkStatus();
  const std::string detail = row.Bytes(column + 1), fix = row.Bytes(column + 2);
  v1::RateLimit limit;
  limit.set_resets_at_ms(row.Int(column + 3));
  limit.set_nothing_ran(row.Int(column + 4) != 0);
  return kind == v1::FAILURE_RATE_LIMITED ? MakeRateLimited(detail, limit, fix)
                                          : MakeFailure(kind, detail, fix);
}

// The column account. All unset: nothing is known, or it is damaged.
inline v1::TurnAccount AccountFromRow(const Statement& row, int column) {
  v1::TurnAccount account;
  if (!account.ParseFromString(row.Bytes(column))) account.Clear();
  return account;
}

// An answer that is shorter is written once more when it is whole: then it is in one place.
inline constexpr size_t kKeptAsPiecesBytesMin = 64 << 10;

// How a text begins: ≤ 120 bytes, without a character that is cut off.
inline absl::string_view Preview(absl::string_view text) {
  constexpr size_t kPreviewBytesMax = 120;
  return Utf8Prefix(text, kPreviewBytesMax);
}

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_SQLITE_TELL_ROW_H_
