#ifndef IRIS_COORDINATOR_STORE_SQLITE_SCHEMA_STEPS_H_
#define IRIS_COORDINATOR_STORE_SQLITE_SCHEMA_STEPS_H_

namespace iris {

// How files of versions before 18 are brought there: step N makes version N + 1 of version N, and
// 0 is a file without anything. Steps that were released are never changed.
//
// Times are Unix milliseconds, ids lower-case UUIDs. A tell's text and answer are blobs: an answer
// may be cut in the middle of a character. `settled_seq` numbers tells in the order they were
// settled.
inline constexpr const char* kSchemaSteps[] = {
    R"sql(
CREATE TABLE coordinator (
  id TEXT NOT NULL
) STRICT;
CREATE TABLE sessions (
  session_id TEXT PRIMARY KEY,
  from_team TEXT NOT NULL,
  to_team TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER,
  message_count INTEGER NOT NULL DEFAULT 0,
  status TEXT NOT NULL DEFAULT 'active',
  UNIQUE (from_team, to_team)
) STRICT;
CREATE TABLE tells (
  tell_id TEXT PRIMARY KEY,
  session_id TEXT NOT NULL REFERENCES sessions (session_id),
  text BLOB NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'settled')),
  kind INTEGER,
  detail TEXT,
  fix TEXT,
  answer BLOB,
  accepted_at INTEGER NOT NULL,
  settled_at INTEGER,
  settled_seq INTEGER UNIQUE,
  settled_bytes INTEGER
) STRICT;
CREATE INDEX tells_kept ON tells (settled_seq DESC, settled_bytes) WHERE settled_seq IS NOT NULL;
CREATE INDEX tells_open ON tells (state) WHERE state != 'settled';
)sql",
    // How far sessions were read, and what open tells have been answered by then.
    R"sql(
CREATE TABLE marks (
  session_id TEXT PRIMARY KEY REFERENCES sessions (session_id) ON DELETE CASCADE,
  journal_id TEXT NOT NULL,
  incarnation TEXT NOT NULL,
  seq INTEGER NOT NULL,
  in_flight TEXT NOT NULL,
  any_text INTEGER NOT NULL,
  result BLOB NOT NULL,
  broken TEXT NOT NULL,
  skips_line INTEGER NOT NULL
) STRICT;
CREATE TABLE pieces (
  tell_id TEXT NOT NULL REFERENCES tells (tell_id) ON DELETE CASCADE,
  bytes BLOB NOT NULL
) STRICT;
CREATE INDEX pieces_of ON pieces (tell_id);
CREATE TRIGGER pieces_of_settled AFTER UPDATE OF state ON tells WHEN NEW.state = 'settled'
BEGIN
  DELETE FROM pieces WHERE tell_id = NEW.tell_id;
END;
)sql",
    // Which outcomes nobody has fetched, and since when by the age clock: in a table of its own,
    // since changing a row of `tells` writes its text and answer anew. What an earlier version
    // settled counts as fetched: it did not say. `dropped`: text and answer are gone.
    R"sql(
ALTER TABLE coordinator ADD COLUMN age_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE coordinator ADD COLUMN age_saved_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tells ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tells ADD COLUMN preview TEXT NOT NULL DEFAULT '';
ALTER TABLE tells ADD COLUMN answer_preview TEXT NOT NULL DEFAULT '';
UPDATE tells SET preview = substr(CAST(text AS TEXT), 1, 30),
  answer_preview = coalesce(substr(CAST(answer AS TEXT), 1, 30), '');
CREATE TABLE unfetched (
  tell_id TEXT PRIMARY KEY REFERENCES tells (tell_id) ON DELETE CASCADE,
  settled_age_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
DROP INDEX tells_kept;
CREATE INDEX tells_kept ON tells (settled_seq, tell_id, settled_bytes)
  WHERE settled_seq IS NOT NULL AND dropped = 0;
CREATE INDEX tells_dropped ON tells (settled_seq, tell_id) WHERE dropped = 1;
)sql",
    // The end of an answer, by the result line: it may be long, and marks are written often.
    R"sql(
CREATE TABLE mark_ends (
  session_id TEXT PRIMARY KEY REFERENCES sessions (session_id) ON DELETE CASCADE,
  bytes BLOB NOT NULL
) STRICT;
INSERT INTO mark_ends SELECT session_id, result FROM marks WHERE length(result) > 0;
ALTER TABLE marks DROP COLUMN result;
ALTER TABLE marks ADD COLUMN last_text INTEGER NOT NULL DEFAULT 0;
ALTER TABLE marks ADD COLUMN structured_bytes INTEGER NOT NULL DEFAULT 0;
)sql",
    // When a team's host answered last, by the way to it that was configured then.
    R"sql(
CREATE TABLE answered (
  team TEXT NOT NULL,
  way TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (team, way)
) STRICT, WITHOUT ROWID;
)sql",
    // Which host a mark is of.
    R"sql(
ALTER TABLE marks ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE marks ADD COLUMN host_name TEXT NOT NULL DEFAULT '';
)sql",
    // A piece of an answer is known by where it begins: the same one stored twice is one.
    R"sql(
DROP TRIGGER pieces_of_settled;
DROP INDEX pieces_of;
ALTER TABLE pieces RENAME TO pieces_in_order;
CREATE TABLE pieces (
  tell_id TEXT NOT NULL REFERENCES tells (tell_id) ON DELETE CASCADE,
  at INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  PRIMARY KEY (tell_id, at)
) STRICT;
INSERT INTO pieces SELECT tell_id,
  sum(length(bytes)) OVER (PARTITION BY tell_id ORDER BY rowid) - length(bytes), bytes
  FROM pieces_in_order;
DROP TABLE pieces_in_order;
CREATE TRIGGER pieces_of_settled AFTER UPDATE OF state ON tells WHEN NEW.state = 'settled'
BEGIN
  DELETE FROM pieces WHERE tell_id = NEW.tell_id;
END;
)sql",
    // Of a tell that ended at the limit of an account: when that resets, and whether anything ran.
    R"sql(
ALTER TABLE tells ADD COLUMN limit_resets_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tells ADD COLUMN nothing_ran INTEGER NOT NULL DEFAULT 0;
)sql",
    // How much of the end of an answer is JSON; who waits for the limit of an account where there
    // is one, and those that were put off for it, how often by now.
    R"sql(
ALTER TABLE tells ADD COLUMN structured_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tells ADD COLUMN wait_for_limit INTEGER NOT NULL DEFAULT 0;
CREATE TABLE put_off (
  tell_id TEXT PRIMARY KEY REFERENCES tells (tell_id) ON DELETE CASCADE,
  not_before INTEGER NOT NULL,
  waits INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql",
    // Who was cancelled, as its host calls it, until that has heard of it.
    R"sql(
CREATE TABLE cancels (
  tell_id TEXT PRIMARY KEY REFERENCES tells (tell_id) ON DELETE CASCADE,
  id_on_host TEXT NOT NULL
) STRICT, WITHOUT ROWID;
)sql",
    // Which open tell claude was seen to get, whatever its host remembers of that.
    R"sql(
ALTER TABLE marks ADD COLUMN begun TEXT NOT NULL DEFAULT '';
)sql",
    // Who waits for a host that never answered.
    R"sql(
ALTER TABLE tells ADD COLUMN wait_for_host INTEGER NOT NULL DEFAULT 0;
)sql",
    // Where agents were seen that were not ended since.
    R"sql(
CREATE TABLE placed (
  place TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  way BLOB NOT NULL,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql",
    // What a turn cost and was denied, a v1::TurnAccount; and what is known of that in its middle.
    R"sql(
ALTER TABLE tells ADD COLUMN account BLOB NOT NULL DEFAULT x'';
ALTER TABLE marks ADD COLUMN account BLOB NOT NULL DEFAULT x'';
ALTER TABLE marks ADD COLUMN tools INTEGER NOT NULL DEFAULT 0;
ALTER TABLE marks ADD COLUMN spent_micro_usd INTEGER NOT NULL DEFAULT -1;
)sql",
    // Ways to hosts had the values of variables in them, which may be secrets: those are forgotten,
    // and `answered` has a digest of a way. When a stop tried to reach an agent, 0: never.
    R"sql(
UPDATE placed SET way = x'';
DELETE FROM answered;
ALTER TABLE placed ADD COLUMN tried_at INTEGER NOT NULL DEFAULT 0;
)sql",
    // Which host has what was cancelled, as in `marks`: no other one is to hear of it, nor can say
    // that there is no such message. Empty: not known.
    R"sql(
ALTER TABLE cancels ADD COLUMN host TEXT NOT NULL DEFAULT '';
)sql",
    // A digest of what its sender had of the variables that the way to its host names; empty: not
    // known.
    R"sql(
ALTER TABLE tells ADD COLUMN way TEXT NOT NULL DEFAULT '';
)sql",
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_SQLITE_SCHEMA_STEPS_H_
