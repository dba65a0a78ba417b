// Where agents are.

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "coordinator/store/sqlite/sqlite_store.h"

namespace iris {

absl::Status SqliteStore::NotePlaced(const Placed& agent) {
  return Write([&]() -> absl::Status {
    absl::StatusOr<Statement> note = database_->Prepare(
        "INSERT OR REPLACE INTO placed (place, name, way, at) VALUES (?, ?, ?, ?)");
    if (!note.ok()) return note.status();
    note->BindText(agent.place).BindText(agent.name).BindBytes(agent.way).Bind(NowMs());
    if (absl::Status noted = note->Finish(); !noted.ok()) return noted;
    return Run(
        "DELETE FROM placed WHERE place IN "
        "(SELECT place FROM placed ORDER BY at DESC LIMIT -1 OFFSET ?)",
        {kPlacedMax});
  });
}

absl::Status SqliteStore::NoteTriedPlaces(const std::vector<std::string>& places) {
  const int64_t now_ms = NowMs();
  return Write([&]() -> absl::Status {
    for (const std::string& place : places) {
      absl::StatusOr<Statement> note =
          database_->Prepare("UPDATE placed SET tried_at = ? WHERE place = ?");
      if (!note.ok()) return note.status();
      absl::Status noted = note->Bind(now_ms).BindText(place).Finish();
      if (!noted.ok()) return noted;
    }
    return absl::OkStatus();
  });
}

absl::Status SqliteStore::ForgetPlaced(absl::string_view place) {
  return Write([&]() -> absl::Status {
    // What an agent had under way ends with it. A place is what marks call a host.
    for (const char* what :
         {"DELETE FROM placed WHERE place = ?", "DELETE FROM cancels WHERE host = ?"}) {
      absl::StatusOr<Statement> forget = database_->Prepare(what);
      if (!forget.ok()) return forget.status();
      if (absl::Status done = forget->BindText(place).Finish(); !done.ok()) return done;
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<Store::Placed>> SqliteStore::AllPlaced() {
  absl::StatusOr<Statement> query =
      database_->Prepare("SELECT place, name, way, at FROM placed ORDER BY tried_at, at DESC");
  if (!query.ok()) return query.status();
  std::vector<Placed> all;
  while (true) {
    const absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) return all;
    all.push_back({.place = query->Bytes(0),
                   .name = query->Bytes(1),
                   .way = query->Bytes(2),
                   .at = absl::FromUnixMillis(query->Int(3))});
  }
}

}  // namespace iris
