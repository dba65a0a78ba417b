// Tells as lists show them: without their texts and answers.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "coordinator/store/sqlite/sqlite_store.h"
#include "coordinator/store/sqlite/tell_row.h"

namespace iris {
namespace {

// CROSS: in the order of the tells, so that those behind the newest are not looked at.
constexpr absl::string_view kSummaryColumns =
    "SELECT tell_id, from_team, to_team, state, accepted_at, texts.head, settled_at, "
    "CASE piece_bytes WHEN 0 THEN length(outcomes.head) ELSE piece_bytes END + "
    "length(outcomes.rest), dropped, fetched, outcomes.head, "
    "kind, detail, fix, limit_resets_at, nothing_ran, account "
    "FROM tells CROSS JOIN sessions ON sessions.n = session "
    "CROSS JOIN texts ON texts.tell = tells.n LEFT JOIN outcomes ON outcomes.tell = tells.n ";

StoredTellSummary SummaryFromRow(const Statement& row) {
  StoredTellSummary summary{.tell_id = row.Bytes(0),
                            .from = row.Bytes(1),
                            .to = row.Bytes(2),
                            .state = static_cast<TellState>(row.Int(3)),
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

absl::StatusOr<std::vector<StoredTellSummary>> SqliteStore::SummariesOf(Statement& query) {
  std::vector<StoredTellSummary> summaries;
  while (true) {
    const absl::StatusOr<bool> row = query.Step();
    if (!row.ok()) return row.status();
    if (!*row) return summaries;
    summaries.push_back(SummaryFromRow(query));
  }
}

absl::StatusOr<std::vector<StoredTellSummary>> SqliteStore::Summaries(absl::string_view from,
                                                                      bool all) {
  absl::StatusOr<Statement> query = database_->Prepare(
      absl::StrCat(kSummaryColumns, "WHERE ", all ? "TRUE " : "(settled_seq = 0 OR fetched = 0) ",
                   "AND (?1 = '' OR from_team = ?1) ORDER BY tells.n DESC LIMIT 1000"));
  if (!query.ok()) return query.status();
  query->BindText(from);
  absl::StatusOr<std::vector<StoredTellSummary>> newest_first = SummariesOf(*query);
  if (newest_first.ok()) std::reverse(newest_first->begin(), newest_first->end());
  return newest_first;
}

absl::StatusOr<absl::optional<StoredTellSummary>> SqliteStore::FindSummary(
    absl::string_view tell_id) {
  const absl::StatusOr<KnownTells*> known = Known();
  if (!known.ok()) return known.status();
  const KnownTells::Tell* const tell = (*known)->Find(tell_id);
  if (tell == nullptr) return absl::optional<StoredTellSummary>();
  absl::StatusOr<Statement> query =
      database_->Prepare(absl::StrCat(kSummaryColumns, "WHERE tells.n = ?"));
  if (!query.ok()) return query.status();
  query->Bind(tell->number);
  absl::StatusOr<std::vector<StoredTellSummary>> found = SummariesOf(*query);
  if (!found.ok()) return found.status();
  if (found->empty()) return absl::optional<StoredTellSummary>();
  return absl::make_optional(std::move(found->front()));
}

absl::StatusOr<std::vector<Store::WaitingAnswer>> SqliteStore::Unfetched(absl::string_view from) {
  std::vector<WaitingAnswer> answers;
  const absl::StatusOr<KnownTells*> known = Known();
  if (!known.ok()) return known.status();
  if ((*known)->unfetched().empty()) return answers;
  absl::StatusOr<Statement> query =
      database_->Prepare("SELECT n, to_team FROM sessions WHERE from_team = ?");
  if (!query.ok()) return query.status();
  query->BindText(from);
  std::map<int64_t, std::string> teams;  // By session.
  while (true) {
    const absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    teams[query->Int(0)] = query->Bytes(1);
  }
  std::set<int64_t> in_order;
  for (const auto& [seq, tell] : (*known)->unfetched()) {
    if (teams.count((*known)->At(tell).session) > 0) in_order.insert(tell);
  }
  for (const int64_t number : in_order) {
    const KnownTells::Tell& tell = (*known)->At(number);
    answers.push_back({.tell_id = tell.id, .to = teams.at(tell.session)});
  }
  return answers;
}

}  // namespace iris
