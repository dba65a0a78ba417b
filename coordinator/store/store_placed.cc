// Where agents are.

#include <string>
#include <vector>

#include "coordinator/store/store.h"

namespace iris {

absl::Status Store::NotePlaced(const Placed& agent) {
  Transaction transaction(*database_);
  if (!transaction.begun().ok()) return transaction.begun();
  const int64_t now_ms = NowMs();
  absl::StatusOr<Statement> note =
      database_->Prepare("INSERT OR REPLACE INTO placed (place, name, way, at) VALUES (?, ?, ?, ?)");
  if (!note.ok()) return note.status();
  note->BindText(agent.place).BindText(agent.name).BindBytes(agent.way).Bind(now_ms);
  if (absl::Status noted = note->Finish(); !noted.ok()) return noted;
  absl::Status forgotten =
      Run("DELETE FROM placed WHERE at < ?", {now_ms - absl::ToInt64Milliseconds(kPlacedCounts)});
  if (!forgotten.ok()) return forgotten;
  forgotten = Run("DELETE FROM placed WHERE place IN "
                  "(SELECT place FROM placed ORDER BY at DESC LIMIT -1 OFFSET ?)",
                  {kPlacedMax});
  if (!forgotten.ok()) return forgotten;
  return transaction.Commit();
}

absl::Status Store::ForgetPlaced(absl::string_view place) {
  absl::StatusOr<Statement> forget = database_->Prepare("DELETE FROM placed WHERE place = ?");
  if (!forget.ok()) return forget.status();
  return forget->BindText(place).Finish();
}

absl::StatusOr<std::vector<Store::Placed>> Store::AllPlaced() {
  absl::StatusOr<Statement> query =
      database_->Prepare("SELECT place, name, way FROM placed WHERE at >= ? ORDER BY at DESC");
  if (!query.ok()) return query.status();
  query->Bind(NowMs() - absl::ToInt64Milliseconds(kPlacedCounts));
  std::vector<Placed> all;
  while (true) {
    const absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) return all;
    all.push_back({.place = query->Bytes(0), .name = query->Bytes(1), .way = query->Bytes(2)});
  }
}

}  // namespace iris
