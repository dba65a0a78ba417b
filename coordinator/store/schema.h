#ifndef IRIS_COORDINATOR_STORE_SCHEMA_H_
#define IRIS_COORDINATOR_STORE_SCHEMA_H_

#include <cstdint>

namespace iris {

// What PRAGMA user_version says of a file with kSchema. 0 is a file without one.
inline constexpr int64_t kSchemaVersion = 1;

// Times are Unix milliseconds, ids lower-case UUIDs. A tell's text and answer are blobs: an answer
// may be cut in the middle of a character. `settled_seq` numbers tells in the order they were
// settled.
inline constexpr char kSchema[] = R"sql(
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
PRAGMA user_version = 1;
)sql";

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_SCHEMA_H_
