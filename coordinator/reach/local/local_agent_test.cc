#include "coordinator/reach/local/local_agent.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/ids.h"
#include "common/base/scoped_fd.h"
#include "common/endpoint/endpoint.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "common/version/version.h"
#include "coordinator/link/connection.h"
#include "coordinator/reach/shell/agent_bundle.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {
namespace {

// The socket of an agent on this machine, which greets.
class AgentSocket {
 public:
  explicit AgentSocket(const std::string& path) {
    struct sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path.data(), path.size());
    listener_.Reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(listener_.get(), 16), 0);
    thread_ = std::thread([this] { Accept(); });
  }
  ~AgentSocket() {
    shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }

 private:
  void Accept() {
    v1::Hello hello;
    hello.mutable_protocol()->set_min(kProtocolMin);
    hello.mutable_protocol()->set_max(kProtocolMax);
    hello.set_build_number(kBuildNumber);
    hello.set_incarnation(NewUuid());
    hello.set_host_id("this one");
    const std::string greeting = FrameHello(hello.SerializeAsString());
    while (true) {
      ScopedFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!fd) return;
      EXPECT_EQ(send(fd.get(), greeting.data(), greeting.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(greeting.size()));
      wires_.push_back(std::move(fd));
    }
  }

  ScopedFd listener_;
  std::vector<ScopedFd> wires_;  // For the thread alone.
  std::thread thread_;
};

class LocalAgentTest : public ::testing::Test {
 protected:
  absl::StatusOr<Connection> Connect() {
    const std::atomic<bool> cancelled = false;
    return MakeLocalConnector(*bundle_, scratch_.path())
        ->Connect([this](const ConnectProgress&) { ++told_; }, cancelled);
  }

  const ScratchDir scratch_;
  const std::unique_ptr<AgentBundle> bundle_ = AgentBundle::Find({});
  int told_ = 0;
};

TEST_F(LocalAgentTest, OneThatRunsIsReachedAtItsSocket) {
  const AgentSocket agent(FindEndpoint("agent", scratch_.path())->socket);
  const absl::StatusOr<Connection> connection = Connect();
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_TRUE(connection->wire);
  EXPECT_EQ(connection->hello.host_id(), "this one");
  EXPECT_EQ(connection->mode, LinkMode::kLocal);
  EXPECT_EQ(connection->owner, nullptr);
  EXPECT_EQ(told_, 0) << "nothing was started";
  EXPECT_EQ(LocalAgentHello(scratch_.path())->host_id(), "this one");
}

TEST_F(LocalAgentTest, WhereNoneRunsOneIsStartedFromTheBundle) {
  EXPECT_FALSE(LocalAgentHello(scratch_.path()).has_value());
  const absl::StatusOr<Connection> connection = Connect();
  EXPECT_EQ(KindOf(connection.status()), v1::FAILURE_NO_AGENT_POSSIBLE) << "there is no build";
  EXPECT_EQ(told_, 1);
}

}  // namespace
}  // namespace iris
