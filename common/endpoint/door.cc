#include "common/endpoint/door.h"

#include <unistd.h>

#include <utility>

#include "common/base/same_file.h"
#include "common/log/log.h"

namespace iris {

Door::~Door() { StopAccepting(); }

absl::Status Door::Open(const Endpoint& endpoint, ScopedFd lock) {
  absl::StatusOr<std::unique_ptr<Listener>> listener =
      Listener::Start(loop_, endpoint, Greeting(endpoint),
                      [this](ScopedFd fd) { hooks_.on_connection(std::move(fd)); });
  if (!listener.ok()) return listener.status();
  Add(endpoint, std::move(lock), *std::move(listener));
  return absl::OkStatus();
}

Listener::MakeHello Door::Greeting(const Endpoint& endpoint) {
  return [this, socket = endpoint.socket] { return hooks_.make_hello(socket); };
}

void Door::Add(const Endpoint& endpoint, ScopedFd lock, std::unique_ptr<Listener> listener) {
  places_.push_back({endpoint, std::move(lock), std::move(listener)});
  if (places_.size() > kPlacesMax) places_.erase(places_.begin());
  hooks_.on_open(endpoint.socket);
  if (look_ == 0) Look();
}

absl::Status Door::GoOn(const OpenPlace& place) {
  ScopedFd lock(place.lock_fd);
  absl::StatusOr<std::unique_ptr<Listener>> listener = Listener::Adopt(
      loop_, place.endpoint, ScopedFd(place.bound.fd), place.bound, Greeting(place.endpoint),
      [this](ScopedFd fd) { hooks_.on_connection(std::move(fd)); });
  if (!listener.ok()) return listener.status();
  Add(place.endpoint, std::move(lock), *std::move(listener));
  return absl::OkStatus();
}

std::vector<Door::OpenPlace> Door::OpenPlaces() const {
  std::vector<OpenPlace> open;
  for (const Place& place : places_) {
    open.push_back({place.endpoint, place.lock.get(), place.listener->bound()});
  }
  return open;
}

void Door::Look() {
  look_ = loop_.After(look_every_, [this] {
    Look();
    Follow();
  });
}

void Door::Follow() {
  const absl::StatusOr<Endpoint> now = find_();
  if (!now.ok()) return;  // Nobody else finds it either.
  for (auto place = places_.begin(); place != places_.end(); ++place) {
    if (place->endpoint.socket != now->socket) continue;
    if (IsSameFile(now->lock, place->lock.get()) && access(now->socket.c_str(), F_OK) == 0) return;
    places_.erase(place);  // The directory went, and came back empty.
    break;
  }
  absl::StatusOr<ScopedFd> lock = LockEndpoint(*now);
  const absl::Status opened = lock.ok() ? Open(*now, *std::move(lock)) : lock.status();
  if (opened.ok()) {
    LogInfo("the endpoint is ", now->socket, " now");
  } else if (std::exchange(not_ours_, now->socket) != now->socket) {
    LogWarn("the endpoint is ", now->socket, " now, and not ours: ", opened.message());
  }
}

void Door::StopAccepting() {
  if (look_ != 0) loop_.Cancel(std::exchange(look_, 0));
  for (Place& place : places_) place.listener->StopAccepting();
}

}  // namespace iris
