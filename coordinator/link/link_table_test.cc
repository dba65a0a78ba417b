#include "coordinator/link/link_table.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "common/base/ids.h"
#include "common/base/scoped_fd.h"
#include "common/endpoint/endpoint.h"
#include "common/environment/environment.h"
#include "common/rpc/grpc_client_life.h"
#include "common/testing/scratch_dir.h"
#include "common/version/version.h"
#include "coordinator/config/config.h"
#include "coordinator/link/testing/fake_host.h"
#include "coordinator/link/testing/link_recorder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kPatience = absl::Seconds(60);

// The socket of an agent on this machine, which greets and is then served by `host`.
class AgentSocket {
 public:
  AgentSocket(const std::string& path, FakeHost& host) : host_(host) {
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
      host_.Serve(std::move(fd));
    }
  }

  FakeHost& host_;
  ScopedFd listener_;
  std::thread thread_;
};

class LinkTableTest : public ::testing::Test {
 protected:
  LinkTableTest() : bundle_(AgentBundle::Find({})) {
    KeepGrpcClientThreads();
    loop_.Run([this] {
      table_ = MakeLinkTable(loop_.loop(), {.bundle = bundle_.get(),
                                            .iris_home = scratch_.path(),
                                            .coordinator_id = "us",
                                            .runtime_dir = [this] { return scratch_.path(); }});
    });
  }
  ~LinkTableTest() override {
    loop_.Run([this] { table_.reset(); });
  }

  const ScratchDir scratch_;
  const std::unique_ptr<AgentBundle> bundle_;
  FakeHost host_;
  LoopThread loop_;
  std::unique_ptr<LinkTable> table_;
};

// The agent runs, and this life of the coordinator has no link to it yet: it is linked to be
// stopped, and two who ask at once wait for that.
TEST_F(LinkTableTest, TwoStopsAtOnceAreBothAnswered) {
  const AgentSocket agent(FindEndpoint("agent", scratch_.path())->socket, host_);
  struct Answer {
    std::vector<std::string> stopped;
    std::vector<std::string> problems;
    absl::Notification told;
  };
  Answer answers[2];
  loop_.Run([&] {
    for (Answer& answer : answers) {
      table_->StopAgents(
          /*force=*/true,
          [&answer](std::vector<std::string> stopped, std::vector<std::string> problems) {
            answer.stopped = std::move(stopped);
            answer.problems = std::move(problems);
            answer.told.Notify();
          });
    }
  });
  for (Answer& answer : answers) {
    ASSERT_TRUE(answer.told.WaitForNotificationWithTimeout(kPatience));
    EXPECT_THAT(answer.stopped, ElementsAre("local"));
    EXPECT_THAT(answer.problems, IsEmpty());
  }
  EXPECT_EQ(host_.last_shutdown().coordinator_id(), "us");
  EXPECT_TRUE(host_.last_shutdown().force());
}

// A program in ssh's place writes down whose keys it is lent, and reaches nobody.
class LoanTest : public LinkTableTest {
 protected:
  LoanTest() {
    std::ofstream(program_) << "#!/bin/sh\necho \"$SSH_AUTH_SOCK\" >>" << scratch_.File("keys")
                            << "\nexit 255\n";
    chmod(program_.c_str(), 0700);
    gpu_.name = "gpu";
    gpu_.path = "/g";
    gpu_.remote = RemoteCommand{
        .text = program_ + " gpu", .program = program_, .options = {}, .destination = "gpu"};
    Lend("gpu", "/keys-of-gpu");
    loop_.Run([this] { table_->ForTeam(gpu_).AddObserver(&recorder_); });
  }
  ~LoanTest() override {
    loop_.Run([this] { table_->ForTeam(gpu_).RemoveObserver(&recorder_); });
  }
  void Lend(const std::string& team, const std::string& keys) {
    const Environment env = {{"SSH_AUTH_SOCK", keys}};
    loop_.Run([&] { table_->Lend(team, std::make_shared<const Environment>(env)); });
  }
  // The keys that were lent in the next attempts, but for `skipped`: one may be under way already.
  std::set<std::string> KeysOfAttempts(int skipped = 0) {
    for (int i = 0; i < skipped + 2; ++i) {
      if (i == skipped) std::ofstream(scratch_.File("keys"), std::ios::trunc);
      const size_t before = recorder_.heard().size();
      loop_.Run([this] { table_->ForTeam(gpu_).Want(&recorder_); });
      recorder_.WaitFor(before + 1);
    }
    std::ifstream lines(scratch_.File("keys"));
    std::set<std::string> keys;
    for (std::string line; std::getline(lines, line);) keys.insert(line);
    return keys;
  }

  const std::string program_ = scratch_.File("like-ssh");
  Team gpu_;
  LinkRecorder recorder_;
};

TEST_F(LoanTest, ALinkIsLentWhatWasLentForItsOwnTeam) {
  EXPECT_THAT(KeysOfAttempts(), ElementsAre("/keys-of-gpu"));
  Lend("here", "/keys-of-another-terminal");
  EXPECT_THAT(KeysOfAttempts(), ElementsAre("/keys-of-gpu"));
  Lend("gpu", "/newer-keys-of-gpu");
  EXPECT_THAT(KeysOfAttempts(/*skipped=*/1), ElementsAre("/newer-keys-of-gpu"));
}

}  // namespace
}  // namespace iris
