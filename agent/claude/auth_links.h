#ifndef IRIS_AGENT_CLAUDE_AUTH_LINKS_H_
#define IRIS_AGENT_CLAUDE_AUTH_LINKS_H_

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
// Nothing is made before something is lent. Lives on the process loop, where it looks at the eight
// sockets of a link, by lstat() and a connect() that nobody notices: a network file system that
// hangs holds it up only while something there is being lent.
class AuthLinks {
 public:
  // Of one link; those before them are as good as gone.
  static constexpr size_t kSocketsMax = 8;

  // Whether somebody whom we trust listens at a path, without asking him: sshd would ask the
  // lender.
  using IsAlive = std::function<bool(const std::string& socket)>;
  // Whether what a path leads to lies on a network file system, which may hang.
  using IsOnNetwork = std::function<bool(const std::string& path)>;

  // `directory`: absolute; is made, 0700. `host` tells ours there from those of other hosts that
  // share it. What an earlier life of the agent left there is taken over, or removed. What lies on
  // the network is looked at when it is lent, and never again. Null: nothing does.
  AuthLinks(std::string directory, absl::string_view host, IsAlive is_alive = OurAgentListens,
            IsOnNetwork is_on_network = nullptr);
  ~AuthLinks();  // Removes ours.
  AuthLinks(const AuthLinks&) = delete;
  AuthLinks& operator=(const AuthLinks&) = delete;

  // A connection of `link`, newer than all that were named before, lends `socket`. What is no name
  // of a link, no path, or not alive is passed over.
  void Lend(absl::string_view link, const std::string& socket);

  // What a child of `link` is to be told, where its connection lends `own`: the lasting path where
  // that leads somewhere, or where `own` is gone and only a later connection can help; else `own`.
  std::string SocketFor(absl::string_view link, const std::string& own) const;

  // The lasting path, whether something is there now or not. Empty: no name of a link, or the path
  // would be too long for a socket's.
  std::string PathOf(absl::string_view link) const;

  // Forgets sockets whose connections have ended. To be called every few seconds.
  void Look();

  // Whether a path leads, by whatever symbolic links and in whatever network namespace, to a stream
  // socket that is open, is ours, and lies in a directory where no other account but root can put
  // another in its place.
  static bool OurAgentListens(const std::string& socket);

 private:
  struct Socket {
    std::string path;
    bool on_network = false;
  };
  struct Lent {
    std::deque<Socket> sockets;  // Newest last; never empty.
    std::string points_to;       // Empty: nowhere.
    std::string not_shown;       // Where it should point and could not; logged once.
  };

  void TakeOver();
  void Point(const std::string& path, Lent& lent);
  bool MakeDirectory() const;
  bool OnNetwork(const std::string& path) const;

  const std::string directory_;
  const std::string prefix_;  // Of our names in it.
  const IsAlive is_alive_;
  const IsOnNetwork is_on_network_;
  std::map<std::string, Lent> lent_;  // By path.
};

}  // namespace iris

#endif  // IRIS_AGENT_CLAUDE_AUTH_LINKS_H_
