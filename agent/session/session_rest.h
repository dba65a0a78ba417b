#ifndef IRIS_AGENT_SESSION_SESSION_REST_H_
#define IRIS_AGENT_SESSION_SESSION_REST_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/session/loop_timer.h"
#include "agent/session/rest_notes.h"
#include "agent/session/saved_session.pb.h"
#include "agent/session/session.h"
#include "agent/session/unopened_sessions.h"
#include "common/loop/event_loop.h"

namespace iris {

// Nothing runs or waits in it, nothing is open, and all that happened was acknowledged.
bool IsClean(const Session& session);

// Notes for the next agent which sessions of this one rest: now and then those that came to rest,
// and at the end all. Lives on the process loop.
//
//   asked for ── (clean, and all of it written, when it is looked at) ──▶ noted ── asked for ──▶ …
class SessionRest {
 public:
  using Sessions = std::map<std::string, std::unique_ptr<Session>>;

  // Of these sessions, which outlive this; notes in the file `path`.
  SessionRest(EventLoop& loop, std::string path, std::string boot_id, absl::Duration look_every,
              const Sessions& open, const UnopenedSessions& unopened)
      : notes_(std::move(path), std::move(boot_id)),
        look_every_(look_every),
        open_(open),
        unopened_(unopened),
        timer_(loop) {}

  // What earlier agents have noted. Once, before all else; every session of them is unopened or
  // asked for then.
  RestNotes::ById Load() { return notes_.Load(); }
  // Before anything of the session is changed.
  void OnAskedFor(const std::string& session_id);
  // The agent leaves, and has asked for nothing more. What still waits for its claim to be looked
  // at or dropped is not noted: the next agent opens it, and drops the claim if it is there.
  void NoteAll() { notes_.WriteAnew(All(/*at_end=*/true)); }

 private:
  void Look();
  std::vector<saved::Resting> All(bool at_end) const;

  RestNotes notes_;
  const absl::Duration look_every_;
  const Sessions& open_;
  const UnopenedSessions& unopened_;
  LoopTimer timer_;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_SESSION_REST_H_
