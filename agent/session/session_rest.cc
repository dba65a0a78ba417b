#include "agent/session/session_rest.h"

#include <optional>
#include <utility>

#include "agent/journal/journal.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {
namespace {

// What the next agent has to know of one that is clean. Nothing: its files do not have all of it.
std::optional<saved::Resting> NoteOf(const std::string& session_id, const Session& session) {
  const std::optional<Journal::Tail> tail = session.journal().tail();
  if (!tail.has_value() || session.lease().has_child()) return std::nullopt;
  v1::SessionInfo info = session.Info();
  // What is so only in this life of the agent.
  info.set_state(v1::SESSION_NO_CHILD);
  info.clear_claim();
  info.clear_idle_ms();
  saved::Resting resting;
  resting.set_session_id(session_id);
  resting.set_info(info.SerializeAsString());
  resting.set_used_age_ms(absl::ToInt64Milliseconds(session.used_at()));
  resting.set_claim(session.claim().path());
  resting.set_journal_bytes(session.journal().bytes());
  resting.set_last_segment(tail->first_seq);
  resting.set_last_segment_bytes(tail->bytes);
  return resting;
}

}  // namespace

bool IsClean(const Session& session) {
  return session.deserted() && !session.active() && !session.journal().has_unacknowledged();
}

void SessionRest::OnAskedFor(const std::string& session_id) {
  notes_.Leave(session_id);
  if (!timer_.is_set()) timer_.Set(look_every_, [this] { Look(); });
}

void SessionRest::Look() {
  std::vector<saved::Resting> rest;
  bool all_rest = true;
  for (const auto& [id, session] : open_) {
    if (notes_.Has(id)) continue;
    std::optional<saved::Resting> note;
    // While it still does something by itself, its claim is not dropped yet, for example.
    if (IsClean(*session) && session->WhyNoHandover().empty()) note = NoteOf(id, *session);
    all_rest = all_rest && note.has_value();
    if (note.has_value()) rest.push_back(*std::move(note));
  }
  notes_.Add(rest);
  if (notes_.is_long()) notes_.WriteAnew(All(/*at_end=*/false));
  if (!all_rest) timer_.Set(look_every_, [this] { Look(); });
}

std::vector<saved::Resting> SessionRest::All(bool at_end) const {
  std::vector<saved::Resting> all;
  for (const auto& [id, resting] : unopened_.all()) all.push_back(resting);
  for (const auto& [id, session] : open_) {
    std::optional<saved::Resting> note;
    // A claim that is still to be dropped may stay, where its disk hangs and the agent is killed:
    // the next one opens the session, and drops it.
    const bool rests = at_end ? IsClean(*session) && !session->claim().is_busy() : notes_.Has(id);
    if (rests) note = NoteOf(id, *session);
    if (note.has_value()) all.push_back(*std::move(note));
  }
  return all;
}

}  // namespace iris
