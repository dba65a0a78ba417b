#ifndef IRIS_AGENT_SESSION_AUTH_LINKS_H_
#define IRIS_AGENT_SESSION_AUTH_LINKS_H_

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace iris {

// One path for each link by which coordinators reach this host, where the sessions of that link
// find the ssh agent that it lends (`ssh -A`). A connection's own socket goes with the connection;
// a child lives longer. The path is a symbolic link to the socket of the newest connection of that
// link which lives, and is gone while none does. Never one for two links: what one lends is not
// for the sessions of others.
//
// Nothing is made before something is lent. Lives on the process loop.
class AuthLinks {
 public:
  // Of one link; those before them are as good as gone.
  static constexpr size_t kSocketsMax = 8;

  // Whether somebody listens at a path, without asking him: sshd would ask the lender.
  using IsAlive = std::function<bool(const std::string& socket)>;

  // `directory`: absolute; is made, 0700. `host` tells ours there from those of other hosts that
  // share it. What an earlier life of the agent left there is taken over, or removed.
  AuthLinks(std::string directory, absl::string_view host, IsAlive is_alive = SomebodyListens);
  ~AuthLinks();  // Removes ours.
  AuthLinks(const AuthLinks&) = delete;
  AuthLinks& operator=(const AuthLinks&) = delete;

  // A connection of `link`, newer than all that were named before, lends `socket`. What is no name
  // of a link or no path is passed over.
  void Lend(absl::string_view link, const std::string& socket);

  // Where sessions of that link find it, whether something is there now or not. Empty: no name of a
  // link, or the path would be too long for a socket's.
  std::string PathOf(absl::string_view link) const;

  // Forgets sockets whose connections have ended. To be called every few seconds.
  void Look();

  // By what the kernel says of sockets; true where it says nothing.
  static bool SomebodyListens(const std::string& socket);

 private:
  struct Lent {
    std::deque<std::string> sockets;  // Newest last.
    std::string points_to;            // Empty: nowhere.
  };

  void TakeOver();
  void Point(const std::string& path, Lent& lent);
  bool MakeDirectory() const;

  const std::string directory_;
  const std::string prefix_;  // Of our names in it.
  const IsAlive is_alive_;
  std::map<std::string, Lent> lent_;  // By path.
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_AUTH_LINKS_H_
