#include "coordinator/link/attempt_notes.h"

namespace iris {

void NoteAttempts(PlacedAgents* placed, const std::string& name, const SshTarget& target,
                  HostLinkOptions& options) {
  if (placed == nullptr) return;
  const std::string place = PlaceOfAttempt(target, options.identity);
  options.on_attempt = [placed, place, name, target] { placed->NoteAttempt(place, name, target); };
  options.on_attempt_end = [placed, place](bool may_have_started) {
    placed->NoteAttemptEnd(place, may_have_started);
  };
  options.on_unused_agent = [placed, place, name, target](const v1::Hello& hello) {
    placed->Note(PlaceOf(hello), name, target);
    placed->Forget(place);
  };
}

}  // namespace iris
