#include "coordinator/link/attempt_notes.h"

namespace iris {

void NoteAttempts(PlacedAgents* placed, const std::string& name, const RemoteWay& way,
                  HostLinkOptions& options) {
  if (placed == nullptr) return;
  const std::string place = PlaceOfAttempt(way, options.identity);
  options.on_attempt = [placed, place, name, way] { placed->NoteAttempt(place, name, way); };
  options.on_attempt_end = [placed, place](bool may_have_started) {
    placed->NoteAttemptEnd(place, may_have_started);
  };
  options.on_unused_agent = [placed, place, name, way](const v1::Hello& hello) {
    placed->Note(PlaceOf(hello), name, way);
    placed->Forget(place);
  };
}

}  // namespace iris
