#ifndef IRIS_COORDINATOR_STORE_STORED_H_
#define IRIS_COORDINATOR_STORE_STORED_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "coordinator/kept/read_mark.h"
#include "proto/iris/v1/coordinator.pb.h"

// What goes into a store, and what comes out of it.
namespace iris {

// One conversation of the caller `from` with the team `to`.
struct StoredSession {
  std::string session_id;  // UUID; claude's session id.
  std::string from;
  std::string to;
  absl::Time created_at;
  absl::Time last_used_at = absl::InfinitePast();  // When a tell was last accepted or settled.
  uint64_t message_count = 0;                      // Tells settled.
  bool is_new = false;                             // GetOrCreateSession() has just made it.
};

enum class TellState { kQueued, kRunning, kSettled };

// A tell to be stored.
struct NewTell {
  std::string tell_id;
  std::string session_id;
  std::string text;
  // Queued, or running where the team gets it at once: then MarkRunning() does nothing.
  TellState state = TellState::kQueued;
  bool wait_for_limit = false;  // As in TellSpec.
  bool wait_for_host = false;   // Likewise.
  std::string way;              // As in StoredTell; must hold no secret.
};

struct StoredTell {
  std::string tell_id;
  std::string session_id;
  std::string from;  // The session's.
  std::string to;
  std::string text;
  TellState state = TellState::kQueued;
  absl::Time accepted_at;
  bool wait_for_limit = false;                   // As in TellSpec.
  bool wait_for_host = false;                    // Likewise.
  std::string way;                               // The sender's WayVariables(); empty: not known.
  absl::Time not_before = absl::InfinitePast();  // As in Postponement, the last one.
  int limit_waits = 0;                           // Likewise.
  absl::Time settled_at = absl::InfinitePast();
  absl::Status outcome;         // Once settled.
  std::string answer;           // Once settled; with a failure the partial text.
  size_t structured_bytes = 0;  // The last ones of the answer are JSON.
  v1::TurnAccount account;      // What its turn cost, once settled; all unset: not known.
  bool fetched = false;         // Somebody was given the outcome.
  bool dropped = false;         // Text and answer are gone; the outcome says why.
};

// What was read of a session since its last checkpoint, to be stored at once.
struct Checkpoint {
  std::string session_id;
  ReadMark mark;
  std::string tell_id;       // The open tell that it belongs to; empty: no text.
  bool void_before = false;  // What is stored of the tell's text does not count.
  size_t text_at = 0;        // Where in the tell's text `text` begins: behind what is stored of it.
  absl::string_view text;
};

// How an open tell ended, to be stored.
struct Settlement {
  std::string tell_id;
  absl::Status outcome;
  absl::string_view answer;     // With a failure the partial text.
  size_t structured_bytes = 0;  // The last ones of it are JSON.
  v1::TurnAccount account;      // As in StoredTell.
  std::string cancel_on_host;   // As `id_on_host` of NoteCancel(), which is done too; empty: not.
  // So many of the first bytes of `answer` are what the tell's checkpoints have stored: they need
  // not be written again.
  size_t stored_bytes = 0;
};

// A running tell is to be queued again; what was stored of its text does not count.
struct Postponement {
  std::string tell_id;
  absl::Time not_before;  // To the millisecond.
  int waits = 0;          // So often it was put off, with this one.
};

// A tell without its text and answer.
struct StoredTellSummary {
  std::string tell_id;
  std::string from;
  std::string to;
  TellState state = TellState::kQueued;
  bool fetched = false;
  bool dropped = false;
  absl::Status outcome;       // Once settled.
  uint64_t answer_bytes = 0;  // Once settled.
  absl::Time accepted_at;
  absl::Time settled_at = absl::InfinitePast();
  std::string preview;         // How the text begins: ≤ 120 bytes, whole characters.
  std::string answer_preview;  // How the answer begins, likewise; once settled.
  v1::TurnAccount account;     // As in StoredTell.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_STORED_H_
