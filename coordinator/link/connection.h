#ifndef IRIS_COORDINATOR_LINK_CONNECTION_H_
#define IRIS_COORDINATOR_LINK_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/base/scoped_fd.h"
#include "coordinator/link/agent_channel.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// How gRPC's bytes travel (docs/PROTOCOL.md, Links).
enum class LinkMode {
  kLocal,    // A socket of this machine.
  kForward,  // A socket of the host that is led here.
  kStdio,    // The stdin and stdout of a program.
};

// How far an attempt to connect has come.
struct ConnectProgress {
  // Before kUploading and kStarting nothing runs on the host, and no agent has been started there;
  // a failure may follow either at once.
  enum class Stage { kConnecting, kUploading, kStarting };
  Stage stage;
  std::string text;  // "uploading the agent to gpu1 (3.1 MB)"; for people.
  // Of the upload: what the host has, by its own word. Reported at least every second; it grows as
  // often where the network takes anything.
  uint64_t bytes_done = 0;
  uint64_t bytes_total = 0;
  // Of kConnecting: the host has not accepted the login yet, and `text` has what it says, which a
  // person may have to do something about.
  bool host_asks = false;
  // Of kStarting: an agent runs there, whose host's words these are, and this connection is none to
  // it. Null: nobody has greeted.
  std::shared_ptr<const v1::Hello> hello = nullptr;
};

// What a kind of way has to show of its connection, for `iris status`: no other part of Iris acts
// on it.
struct LinkFact {
  std::string name;  // In JSON's form: "clientPid".
  std::string value;
};

// What keeps a wire, a client program for example. The wire fails when it goes; what it needs here
// ends with the object, within a second or so. Not thread-safe.
class WireOwner {
 public:
  virtual ~WireOwner() = default;
  // What people call it: the program's name.
  virtual absl::string_view name() const = 0;
  // Why the connection ended, as far as this knows better than the wire; FAILURE_DROPPED where it
  // does not. Waits up to 1 s for the owner to end. Call once the wire has failed.
  virtual absl::Status WhyEnded() = 0;
};

// A host with an agent that answers.
struct Connection {
  ScopedFd wire;  // Non-blocking; the hello has been read.
  // How the agent is called from here on; empty: by gRPC over `wire`.
  ChannelOpener open_channel = {};
  // The host's words: checked for protocol and length, fit to be shown, not believed.
  v1::Hello hello;
  LinkMode mode = LinkMode::kStdio;
  std::string mode_reason;           // Why not the best one there is; empty if it is.
  std::string remark;                // What is worth mending on the host; our words. Mostly empty.
  std::vector<LinkFact> facts;       // Mostly few.
  std::unique_ptr<WireOwner> owner;  // Null: nothing but the wire is needed.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_CONNECTION_H_
