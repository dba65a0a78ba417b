#include "common/endpoint/listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/endpoint/peer.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

constexpr int kBacklog = 128;
// Without descriptors to accept with, the listener would be readable without end.
constexpr absl::Duration kPauseWithoutFds = absl::Milliseconds(200);

class UnixListener : public Listener {
 public:
  UnixListener(EventLoop& loop, std::string path, MakeHello make_hello, OnConnection on_connection)
      : loop_(loop),
        path_(std::move(path)),
        make_hello_(std::move(make_hello)),
        on_connection_(std::move(on_connection)) {}
  ~UnixListener() override { StopAccepting(); }

  absl::Status Bind();
  absl::Status AdoptBound(ScopedFd listening, const Bound& bound);

  Bound bound() const override {
    return {.fd = listening_.get(), .device = bound_.st_dev, .inode = bound_.st_ino};
  }
  size_t waiting() const override { return waiting_.size(); }
  void StopAccepting() override;

 private:
  absl::Status WatchForConnections();
  void Accept();
  void PauseAccepting();
  void Greet(ScopedFd fd);
  void OnFirstByteOrEnd(int fd);
  void UnlinkOwnSocket();

  EventLoop& loop_;
  const std::string path_;
  MakeHello make_hello_;
  OnConnection on_connection_;
  ScopedFd listening_;
  struct stat bound_ = {};  // The socket's file, to know it again.
  EventLoop::TimerId resume_ = 0;
  absl::flat_hash_map<int, ScopedFd> waiting_;  // By descriptor.
};

absl::Status Trouble(absl::string_view what, const std::string& path) {
  return SystemFailure(v1::FAILURE_STORAGE, errno, absl::StrCat(what, " ", path));
}

absl::Status UnixListener::Bind() {
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  if (path_.size() >= sizeof(address.sun_path)) {
    return MakeFailure(v1::FAILURE_STORAGE,
                       absl::StrCat("the socket path ", path_, " is too long"));
  }
  memcpy(address.sun_path, path_.data(), path_.size());
  ScopedFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return Trouble("socket for", path_);
  if (unlink(path_.c_str()) != 0 && errno != ENOENT) return Trouble("remove the stale", path_);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return Trouble("bind", path_);
  }
  // Nobody can connect before listen(), so the mode of the first moment does not matter.
  if (chmod(path_.c_str(), 0600) != 0) return Trouble("chmod", path_);
  if (lstat(path_.c_str(), &bound_) != 0) return Trouble("stat", path_);
  if (listen(fd.get(), kBacklog) != 0) return Trouble("listen on", path_);
  listening_ = std::move(fd);
  return WatchForConnections();
}

absl::Status UnixListener::WatchForConnections() {
  const absl::Status watched =
      loop_.Watch(listening_.get(), {.readable = true}, [this](EventLoop::Ready) { Accept(); });
  return watched.ok() ? watched : Exhausted(watched, absl::StrCat("cannot listen on ", path_));
}

absl::Status UnixListener::AdoptBound(ScopedFd listening, const Bound& bound) {
  int listens = 0;
  socklen_t size = sizeof(listens);
  if (getsockopt(listening.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 ||
      listens == 0) {
    return MakeFailure(v1::FAILURE_INTERNAL, "what was handed over is no socket that listens");
  }
  listening_ = std::move(listening);
  bound_.st_dev = bound.device;
  bound_.st_ino = bound.inode;
  return WatchForConnections();
}

void UnixListener::Accept() {
  constexpr int kAcceptedAtOnceMax = 64;  // Others on the loop get their turn.
  for (int i = 0; i < kAcceptedAtOnceMax; ++i) {
    ScopedFd fd(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd) {
      Greet(std::move(fd));
      if (!listening_) return;  // A callback stopped us.
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      LogWarn("cannot accept on ", path_, ": ", strerror(errno));
      return PauseAccepting();
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return;
    }
  }
}

void UnixListener::PauseAccepting() {
  loop_.ChangeInterest(listening_.get(), {});
  resume_ = loop_.After(kPauseWithoutFds, [this] {
    resume_ = 0;
    loop_.ChangeInterest(listening_.get(), {.readable = true});
  });
}

void UnixListener::Greet(ScopedFd fd) {
  if (absl::Status status = CheckClient(fd.get()); !status.ok()) {
    LogWarn("refused a connection: ", status.message());
    return;
  }
  if (waiting_.size() >= kWaitingMax) {
    LogWarn("refused a connection: ", kWaitingMax, " wait already");
    return;
  }
  const int number = fd.get();
  // First: who is greeted is served. Who is not tries again (Dial()).
  const absl::Status watched = loop_.Watch(
      number, {.readable = true}, [this, number](EventLoop::Ready) { OnFirstByteOrEnd(number); });
  if (!watched.ok()) return LogWarn("refused a connection: ", watched.message());
  const std::string hello = make_hello_();
  // A fresh socket's buffer takes all of a hello (64 KiB at most) at once.
  const ssize_t n = send(number, hello.data(), hello.size(), MSG_NOSIGNAL);
  if (n != static_cast<ssize_t>(hello.size())) return loop_.Unwatch(number);
  waiting_[number] = std::move(fd);
}

void UnixListener::OnFirstByteOrEnd(int number) {
  char byte;
  const ssize_t n = recv(number, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  loop_.Unwatch(number);
  const auto found = waiting_.find(number);
  ScopedFd fd = std::move(found->second);
  waiting_.erase(found);
  if (n > 0) on_connection_(std::move(fd));
}

void UnixListener::StopAccepting() {
  if (resume_ != 0) loop_.Cancel(std::exchange(resume_, 0));
  if (listening_) {
    UnlinkOwnSocket();
    loop_.Unwatch(listening_.get());
    listening_.Reset();
  }
  for (const auto& [number, fd] : waiting_) loop_.Unwatch(number);
  waiting_.clear();
}

// The directory may have gone with a logout and come back with a socket of somebody else.
void UnixListener::UnlinkOwnSocket() {
  struct stat there;
  if (lstat(path_.c_str(), &there) == 0 && there.st_dev == bound_.st_dev &&
      there.st_ino == bound_.st_ino) {
    unlink(path_.c_str());
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> Listener::Start(EventLoop& loop, const Endpoint& endpoint,
                                                          MakeHello make_hello,
                                                          OnConnection on_connection) {
  auto listener = std::make_unique<UnixListener>(loop, endpoint.socket, std::move(make_hello),
                                                 std::move(on_connection));
  if (absl::Status status = listener->Bind(); !status.ok()) return status;
  return std::unique_ptr<Listener>(std::move(listener));
}

absl::StatusOr<std::unique_ptr<Listener>> Listener::Adopt(EventLoop& loop, const Endpoint& endpoint,
                                                          ScopedFd listening, Bound bound,
                                                          MakeHello make_hello,
                                                          OnConnection on_connection) {
  auto listener = std::make_unique<UnixListener>(loop, endpoint.socket, std::move(make_hello),
                                                 std::move(on_connection));
  absl::Status status = listener->AdoptBound(std::move(listening), bound);
  if (!status.ok()) return status;
  return std::unique_ptr<Listener>(std::move(listener));
}

}  // namespace iris
