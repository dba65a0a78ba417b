// Tells as lists show them: without their texts and answers.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "coordinator/store/sqlite/sqlite_store.h"
#include "coordinator/store/sqlite/tell_row.h"

namespace iris {
namespace {

constexpr absl::string_view kSummaryColumns =
    "SELECT tell_id, from_team, to_team, state, accepted_at, preview, settled_at, length(answer), "
    "dropped, unfetched.tell_id IS NULL, answer_preview, "
    "kind, detail, fix, limit_resets_at, nothing_ran, account "
    "FROM tells JOIN sessions USING (session_id) LEFT JOIN unfetched USING (tell_id) ";

StoredTellSummary SummaryFromRow(const Statement& row) {
  StoredTellSummary summary{.tell_id = row.Bytes(0),
                            .from = row.Bytes(1),
                            .to = row.Bytes(2),
                            .state = TellStateFor(row.Bytes(3)),
                            .accepted_at = absl::FromUnixMillis(row.Int(4)),
                            .preview = row.Bytes(5)};
  if (summary.state != TellState::kSettled) return summary;
  summary.settled_at = absl::FromUnixMillis(row.Int(6));
  summary.answer_bytes = static_cast<uint64_t>(row.Int(7));
  summary.dropped = row.Int(8) != 0;
  summary.fetched = row.Int(9) != 0;
  summary.answer_preview = row.Bytes(10);
  summary.outcome = OutcomeFromRow(row, 11);
  summary.account = AccountFromRow(row, 16);
  return summary;
}

}  // namespace

absl::StatusOr<std::vector<StoredTellSummary>> SqliteStore::SummariesWhere(
    absl::string_view condition, std::initializer_list<absl::string_view> values) {
  absl::StatusOr<Statement> query =
      database_->Prepare(absl::StrCat(kSummaryColumns, "WHERE ", condition));
  if (!query.ok()) return query.status();
  for (const absl::string_view value : values) query->BindText(value);
  std::vector<StoredTellSummary> summaries;
  while (true) {
    const absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) return summaries;
    summaries.push_back(SummaryFromRow(*query));
  }
}

absl::StatusOr<std::vector<StoredTellSummary>> SqliteStore::Summaries(absl::string_view from,
                                                                      bool all) {
  absl::StatusOr<std::vector<StoredTellSummary>> newest_first = SummariesWhere(
      absl::StrCat(all ? "TRUE " : "(state != 'settled' OR unfetched.tell_id IS NOT NULL) ",
                   "AND (?1 = '' OR from_team = ?1) ORDER BY tells.rowid DESC LIMIT 1000"),
      {from});
  if (newest_first.ok()) std::reverse(newest_first->begin(), newest_first->end());
  return newest_first;
}

absl::StatusOr<absl::optional<StoredTellSummary>> SqliteStore::FindSummary(
    absl::string_view tell_id) {
  absl::StatusOr<std::vector<StoredTellSummary>> found = SummariesWhere("tell_id = ?", {tell_id});
  if (!found.ok()) return found.status();
  if (found->empty()) return absl::optional<StoredTellSummary>();
  return absl::make_optional(std::move(found->front()));
}

absl::StatusOr<std::vector<Store::WaitingAnswer>> SqliteStore::Unfetched(absl::string_view from) {
  absl::StatusOr<Statement> query = database_->Prepare(
      "SELECT tells.tell_id, to_team FROM unfetched JOIN tells USING (tell_id) "
      "JOIN sessions USING (session_id) "
      "WHERE from_team = ? AND dropped = 0 ORDER BY tells.rowid");
  if (!query.ok()) return query.status();
  query->BindText(from);
  std::vector<WaitingAnswer> answers;
  while (true) {
    const absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) return answers;
    answers.push_back({.tell_id = query->Bytes(0), .to = query->Bytes(1)});
  }
}

}  // namespace iris
