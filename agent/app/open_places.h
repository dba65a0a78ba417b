#ifndef IRIS_AGENT_APP_OPEN_PLACES_H_
#define IRIS_AGENT_APP_OPEN_PLACES_H_

#include "agent/handover/handover.pb.h"
#include "common/endpoint/door.h"

namespace iris {

// Where a door is open, as one build hands it to the next, and back.
inline handover::Place ToProto(const Door::OpenPlace& open) {
  handover::Place place;
  place.set_dir(open.endpoint.dir);
  place.set_socket(open.endpoint.socket);
  place.set_lock(open.endpoint.lock);
  place.set_lock_fd(open.lock_fd);
  place.set_listening_fd(open.bound.fd);
  place.set_device(open.bound.device);
  place.set_inode(open.bound.inode);
  return place;
}

inline Door::OpenPlace FromProto(const handover::Place& place) {
  return {.endpoint = {.dir = place.dir(), .socket = place.socket(), .lock = place.lock()},
          .lock_fd = place.lock_fd(),
          .bound = {.fd = place.listening_fd(), .device = place.device(), .inode = place.inode()}};
}

}  // namespace iris

#endif  // IRIS_AGENT_APP_OPEN_PLACES_H_
