#ifndef IRIS_COORDINATOR_STORE_SQLITE_SCHEMA_H_
#define IRIS_COORDINATOR_STORE_SQLITE_SCHEMA_H_

#include <cstdint>
#include <iterator>

#include "coordinator/store/sqlite/schema_steps.h"

namespace iris {

// PRAGMA user_version. A file without anything gets kTables; one of an earlier version takes the
// steps that it lacks, and then kSetAside, kTables and kTakeOver. What version 19 changes comes
// behind them, for both; what was released is never changed.
inline constexpr int64_t kSchemaVersion = 18;
static_assert(std::size(kSchemaSteps) == 17);

// What a tell writes is counted (cost_test.cc), so:
//   - No index is written with it. How tells are found, and which go first, is in memory
//     (KnownTells); a session is found by an index that is written once.
//   - What changes lies apart from texts, which are written once: changing a row writes all of it.
//   - A text is its beginning, which lists show, whole characters of ≤ 120 bytes, and its rest.
//
// Times are Unix milliseconds, ids lower-case UUIDs. Texts are blobs: an answer may be cut in the
// middle of a character.
inline constexpr char kTables[] = R"sql(
CREATE TABLE coordinator (
  id TEXT NOT NULL,
  age_ms INTEGER NOT NULL DEFAULT 0,
  age_saved_at INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE sessions (
  n INTEGER PRIMARY KEY,
  session_id TEXT NOT NULL UNIQUE,
  from_team TEXT NOT NULL,
  to_team TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (from_team, to_team)
) STRICT;

-- What changes of a session with every tell that is settled: when that was last, how many there
-- were, and how far it was read.
CREATE TABLE session_states (
  session INTEGER PRIMARY KEY REFERENCES sessions (n),
  last_used_at INTEGER NOT NULL DEFAULT 0,
  message_count INTEGER NOT NULL DEFAULT 0,
  seq INTEGER NOT NULL DEFAULT 0,
  in_flight TEXT NOT NULL DEFAULT '',
  any_text INTEGER NOT NULL DEFAULT 0,
  last_text INTEGER NOT NULL DEFAULT 0,
  structured_bytes INTEGER NOT NULL DEFAULT 0,
  broken TEXT NOT NULL DEFAULT '',
  skips_line INTEGER NOT NULL DEFAULT 0,
  begun TEXT NOT NULL DEFAULT '',
  account BLOB NOT NULL DEFAULT x'',
  tools INTEGER NOT NULL DEFAULT 0,
  spent_micro_usd INTEGER NOT NULL DEFAULT -1
) STRICT;
-- What seldom does: where that was read; and the end of an answer, by the result line, which may be
-- long.
CREATE TABLE mark_places (
  session INTEGER PRIMARY KEY REFERENCES sessions (n),
  journal_id TEXT NOT NULL,
  incarnation TEXT NOT NULL,
  host TEXT NOT NULL,
  host_name TEXT NOT NULL
) STRICT;
CREATE TABLE mark_ends (
  session INTEGER PRIMARY KEY REFERENCES sessions (n),
  bytes BLOB NOT NULL
) STRICT;

-- In the order of acceptance. `state`: as TellState. `settled_seq`: in the order of settling, 0 is
-- open; `settled_age_ms` is by the age clock. `dropped`: text and answer are gone.
CREATE TABLE tells (
  n INTEGER PRIMARY KEY,
  tell_id TEXT NOT NULL,
  session INTEGER NOT NULL REFERENCES sessions (n),
  state INTEGER NOT NULL,
  accepted_at INTEGER NOT NULL,
  settled_at INTEGER NOT NULL DEFAULT 0,
  settled_seq INTEGER NOT NULL DEFAULT 0,
  settled_bytes INTEGER NOT NULL DEFAULT 0,
  settled_age_ms INTEGER NOT NULL DEFAULT 0,
  fetched INTEGER NOT NULL DEFAULT 0,
  dropped INTEGER NOT NULL DEFAULT 0
) STRICT;
-- `way`: a digest of what its sender had of the variables that the way to its host names; empty:
-- not known.
CREATE TABLE texts (
  tell INTEGER PRIMARY KEY REFERENCES tells (n) ON DELETE CASCADE,
  wait_for_limit INTEGER NOT NULL,
  wait_for_host INTEGER NOT NULL,
  way TEXT NOT NULL,
  head BLOB NOT NULL,
  rest BLOB NOT NULL
) STRICT;
-- How tells ended. `account`: a v1::TurnAccount. `piece_bytes`: where it is not 0, so much of the
-- answer is in `pieces`, and `rest` is behind that; `head` is for lists alone then.
CREATE TABLE outcomes (
  tell INTEGER PRIMARY KEY REFERENCES tells (n) ON DELETE CASCADE,
  kind INTEGER NOT NULL,
  detail TEXT NOT NULL,
  fix TEXT NOT NULL,
  limit_resets_at INTEGER NOT NULL,
  nothing_ran INTEGER NOT NULL,
  account BLOB NOT NULL,
  structured_bytes INTEGER NOT NULL,
  piece_bytes INTEGER NOT NULL,
  head BLOB NOT NULL,
  rest BLOB NOT NULL
) STRICT;
-- What open tells have been answered so far. `place`: the tell's number, and in the lower 32 bits
-- where in the answer the bytes begin: the same piece stored twice is one.
CREATE TABLE pieces (
  place INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL
) STRICT;
-- Who waits for the limit of an account, and how often by now.
CREATE TABLE put_off (
  tell INTEGER PRIMARY KEY REFERENCES tells (n) ON DELETE CASCADE,
  not_before INTEGER NOT NULL,
  waits INTEGER NOT NULL
) STRICT;
-- Who was cancelled, as its host calls it, until that has heard of it; and that host, as in
-- `mark_places`, empty: not known.
CREATE TABLE cancels (
  tell INTEGER PRIMARY KEY REFERENCES tells (n) ON DELETE CASCADE,
  id_on_host TEXT NOT NULL,
  host TEXT NOT NULL
) STRICT;

-- When a team's host answered last, by a digest of the way to it that was configured then.
CREATE TABLE answered (
  team TEXT NOT NULL,
  way TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (team, way)
) STRICT, WITHOUT ROWID;
-- Where agents were seen that were not ended since. `tried_at`: when a stop tried to reach one, 0:
-- never.
CREATE TABLE placed (
  place TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  way BLOB NOT NULL,
  at INTEGER NOT NULL,
  tried_at INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
)sql";

// The tables of version 17 under other names.
inline constexpr char kSetAside[] = R"sql(
DROP TRIGGER pieces_of_settled;
ALTER TABLE coordinator RENAME TO old_coordinator;
ALTER TABLE sessions RENAME TO old_sessions;
ALTER TABLE marks RENAME TO old_marks;
ALTER TABLE mark_ends RENAME TO old_mark_ends;
ALTER TABLE tells RENAME TO old_tells;
ALTER TABLE unfetched RENAME TO old_unfetched;
ALTER TABLE pieces RENAME TO old_pieces;
ALTER TABLE put_off RENAME TO old_put_off;
ALTER TABLE cancels RENAME TO old_cancels;
ALTER TABLE answered RENAME TO old_answered;
ALTER TABLE placed RENAME TO old_placed;
)sql";

// What they have goes into the tables of now. Of a dropped tell the preview is all that there is of
// its text.
inline constexpr char kTakeOver[] = R"sql(
INSERT INTO coordinator SELECT id, age_ms, age_saved_at FROM old_coordinator;
INSERT INTO sessions (session_id, from_team, to_team, created_at)
  SELECT session_id, from_team, to_team, created_at FROM old_sessions ORDER BY rowid;
INSERT INTO session_states
  SELECT n, coalesce(last_used_at, 0), message_count, coalesce(seq, 0), coalesce(in_flight, ''),
    coalesce(any_text, 0), coalesce(last_text, 0), coalesce(structured_bytes, 0),
    coalesce(broken, ''), coalesce(skips_line, 0), coalesce(begun, ''), coalesce(account, x''),
    coalesce(tools, 0), coalesce(spent_micro_usd, -1)
  FROM old_sessions JOIN sessions USING (session_id) LEFT JOIN old_marks USING (session_id);
INSERT INTO mark_places
  SELECT n, journal_id, incarnation, host, host_name FROM old_marks JOIN sessions USING (session_id);
INSERT INTO mark_ends SELECT n, bytes FROM old_mark_ends JOIN sessions USING (session_id);
INSERT INTO tells
  SELECT old_tells.rowid, tell_id, n,
    CASE state WHEN 'queued' THEN 0 WHEN 'running' THEN 1 ELSE 2 END, accepted_at,
    coalesce(settled_at, 0), coalesce(settled_seq, 0), coalesce(settled_bytes, 0),
    coalesce(settled_age_ms, 0), state = 'settled' AND settled_age_ms IS NULL, dropped
  FROM old_tells JOIN sessions USING (session_id) LEFT JOIN old_unfetched USING (tell_id)
  ORDER BY old_tells.rowid;
INSERT INTO texts
  SELECT n, wait_for_limit, wait_for_host, way, head,
    coalesce(substr(text, length(head) + 1), x'')
  FROM (SELECT rowid AS n, wait_for_limit, wait_for_host, way, text,
          CASE WHEN dropped = 1 OR coalesce(substr(text, 1, length(shown)), x'') = shown
          THEN shown ELSE coalesce(substr(text, 1, 120), x'') END AS head
        FROM (SELECT *, rowid, CAST(preview AS BLOB) AS shown FROM old_tells));
INSERT INTO outcomes
  SELECT n, coalesce(kind, 0), coalesce(detail, ''), coalesce(fix, ''), limit_resets_at, nothing_ran,
    account, structured_bytes, 0, head, coalesce(substr(answer, length(head) + 1), x'')
  FROM (SELECT *, rowid AS n,
          CASE WHEN coalesce(substr(answer, 1, length(shown)), x'') = shown
          THEN shown ELSE coalesce(substr(answer, 1, 120), x'') END AS head
        FROM (SELECT *, rowid, CAST(answer_preview AS BLOB) AS shown FROM old_tells
              WHERE state = 'settled'));
INSERT INTO pieces
  SELECT (old_tells.rowid << 32) | at, bytes FROM old_pieces JOIN old_tells USING (tell_id);
INSERT INTO put_off
  SELECT old_tells.rowid, not_before, waits FROM old_put_off JOIN old_tells USING (tell_id);
INSERT INTO cancels
  SELECT old_tells.rowid, id_on_host, host FROM old_cancels JOIN old_tells USING (tell_id);
INSERT INTO answered SELECT team, way, at FROM old_answered;
INSERT INTO placed SELECT place, name, way, at, tried_at FROM old_placed;
DROP TABLE old_pieces;
DROP TABLE old_put_off;
DROP TABLE old_cancels;
DROP TABLE old_unfetched;
DROP TABLE old_mark_ends;
DROP TABLE old_marks;
DROP TABLE old_tells;
DROP TABLE old_sessions;
DROP TABLE old_coordinator;
DROP TABLE old_answered;
DROP TABLE old_placed;
)sql";

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_SQLITE_SCHEMA_H_
