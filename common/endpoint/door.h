#ifndef IRIS_COMMON_ENDPOINT_DOOR_H_
#define IRIS_COMMON_ENDPOINT_DOOR_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/scoped_fd.h"
#include "common/endpoint/endpoint.h"
#include "common/endpoint/listener.h"
#include "common/loop/event_loop.h"

namespace iris {

// Where a daemon is to be found, for as long as it lives. The endpoint of an account moves:
// /run/user/UID is made by the first login and removed by the last logout, with lock and socket in
// it, while the daemon lives on; a cleaner of /tmp may take them too. So the door looks now and
// then where the endpoint is now, and takes and serves that place too. Lives on `loop`.
class Door {
 public:
  struct Hooks {
    // The framed hello of the daemon found at `socket`.
    std::function<std::string(const std::string& socket)> make_hello;
    // A connection that speaks; as Listener::OnConnection.
    std::function<void(ScopedFd fd)> on_connection;
    // It listens at `socket`, at first and after a move.
    std::function<void(const std::string& socket)> on_open;
  };
  static constexpr size_t kPlacesMax = 4;

  // `find` says where the endpoint is now; it is asked every `look_every`.
  Door(EventLoop& loop, std::function<absl::StatusOr<Endpoint>()> find, absl::Duration look_every,
       Hooks hooks)
      : loop_(loop), find_(std::move(find)), look_every_(look_every), hooks_(std::move(hooks)) {}
  ~Door();

  // Opens at `endpoint`, whose lock the caller took, and follows it from now on.
  // FAILURE_STORAGE: cannot bind.
  absl::Status Open(const Endpoint& endpoint, ScopedFd lock);

  // A place where a door is open, with its descriptors.
  struct OpenPlace {
    Endpoint endpoint;
    int lock_fd = -1;
    Listener::Bound bound;
  };
  // Opens at a place of the door of the program that this process was before, and takes its
  // descriptors. FAILURE_INTERNAL: they are none.
  absl::Status GoOn(const OpenPlace& place);
  // Where it is open, for GoOn() by the next program of this process, in that order. The
  // descriptors stay the door's.
  std::vector<OpenPlace> OpenPlaces() const;

  // Unlinks every socket, closes what waits, and looks no further. The locks are held until the
  // end.
  void StopAccepting();

 private:
  struct Place {
    Endpoint endpoint;
    ScopedFd lock;
    std::unique_ptr<Listener> listener;
  };

  void Look();
  void Follow();
  void Add(const Endpoint& endpoint, ScopedFd lock, std::unique_ptr<Listener> listener);
  Listener::MakeHello Greeting(const Endpoint& endpoint);

  EventLoop& loop_;
  const std::function<absl::StatusOr<Endpoint>()> find_;
  const absl::Duration look_every_;
  const Hooks hooks_;
  std::vector<Place> places_;  // The newest last.
  EventLoop::TimerId look_ = 0;
  std::string not_ours_;  // The socket that was complained about last.
};

}  // namespace iris

#endif  // IRIS_COMMON_ENDPOINT_DOOR_H_
