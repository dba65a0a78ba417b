#ifndef IRIS_COORDINATOR_LINK_ATTEMPT_NOTES_H_
#define IRIS_COORDINATOR_LINK_ATTEMPT_NOTES_H_

#include <string>

#include "coordinator/config/config.h"
#include "coordinator/link/host_link.h"
#include "coordinator/link/placed_agents.h"

namespace iris {

// Has `placed` know of the attempts of the link that is made with `options`, which have its
// identity: where this process is killed just when one starts an agent, a later life ends that all
// the same. `name` and `way` as in PlacedAgents::Note(). `placed` outlives the link; null:
// nothing is remembered.
void NoteAttempts(PlacedAgents* placed, const std::string& name, const RemoteWay& way,
                  HostLinkOptions& options);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_ATTEMPT_NOTES_H_
