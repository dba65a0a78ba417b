#include "coordinator/bootstrap/bootstrap.h"

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/bootstrap/testing/private_mounts.h"
#include "coordinator/bootstrap/testing/ssh_host.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// ssh, sshd and a login shell as they are, with a stand-in for the agent.
namespace iris {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const bool kPrivate = (EnterPrivateMounts(), true);

namespace fs = std::filesystem;

class BootstrapTest : public testing::Test {
 protected:
  BootstrapTest()
      : bundle_(AgentBundle::Find(
            {absl::StrCat(getenv("TEST_SRCDIR"), "/iris/coordinator/bootstrap/testing")})) {
    fs::create_directory(runtime_dir_);
  }
  ~BootstrapTest() override {
    EXPECT_EQ(OwnChildren("ssh"), 0) << "an ssh was left behind";
    EXPECT_TRUE(fs::is_empty(runtime_dir_)) << "a socket was left behind";
  }

  absl::StatusOr<Connection> Connect(const SshTarget& target) {
    return ConnectOverSsh(target, *bundle_,
                          {.allow_forward = allow_forward_,
                           .runtime_dir = runtime_dir_,
                           .on_progress =
                               [this](const BootstrapProgress& progress) {
                                 if (stages_.empty() || stages_.back() != progress.stage) {
                                   stages_.push_back(progress.stage);
                                 }
                               },
                           .cancelled = &cancelled_});
  }
  Failure FailureOf(const SshTarget& target) { return ToProto(Connect(target).status()); }

  const AgentBuild& Build() const { return **bundle_->ForThisMachine(); }

  // What comes back from the agent; empty when the wire has failed.
  static std::string Echo(const Connection& connection, const std::string& text) {
    if (send(connection.wire.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) return "";
    std::string back;
    while (back.size() < text.size()) {
      struct pollfd ready = {.fd = connection.wire.get(), .events = POLLIN, .revents = 0};
      char buffer[256];
      if (poll(&ready, 1, 20'000) <= 0) break;
      const ssize_t n = read(connection.wire.get(), buffer, sizeof(buffer));
      if (n <= 0) break;
      back.append(buffer, n);
    }
    return back;
  }

  const ScratchDir scratch_;
  const std::string runtime_dir_ = scratch_.File("run");
  const std::unique_ptr<AgentBundle> bundle_;
  bool allow_forward_ = true;
  std::atomic<bool> cancelled_ = false;
  std::vector<BootstrapProgress::Stage> stages_;
};

TEST_F(BootstrapTest, AColdHostGetsTheAgentAndAWarmOneIsReachedByOneSession) {
  const SshHost host;
  {
    const absl::StatusOr<Connection> cold = Connect(host.Target());
    ASSERT_TRUE(cold.ok()) << cold.status();
    EXPECT_TRUE(cold->uploaded);
    EXPECT_EQ(cold->mode, LinkMode::kForward) << cold->mode_reason;
    EXPECT_EQ(cold->hello.data_dir(), host.home() + "/.local/share/iris");
    EXPECT_EQ(Echo(*cold, "hello"), "hello");
    using Stage = BootstrapProgress::Stage;
    EXPECT_THAT(stages_,
                testing::ElementsAre(Stage::kConnecting, Stage::kUploading, Stage::kStarting));
  }
  const int logins = host.LogCount("Accepted publickey");
  const int sessions = host.LogCount("Starting session");

  const absl::StatusOr<Connection> warm = Connect(host.Target());
  ASSERT_TRUE(warm.ok()) << warm.status();
  EXPECT_FALSE(warm->uploaded);
  EXPECT_EQ(warm->mode, LinkMode::kForward) << warm->mode_reason;
  EXPECT_EQ(Echo(*warm, "again"), "again");
  EXPECT_EQ(host.LogCount("Accepted publickey") - logins, 1);
  EXPECT_EQ(host.LogCount("Starting session") - sessions, 1);
}

TEST_F(BootstrapTest, WhatTheHostSaysOfItselfIsFitToBeShown) {
  const SshHost host;
  const absl::StatusOr<Connection> connection = Connect(host.Target());

  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->hello.build(), "fake[31m") << "without the escape character";
}

TEST_F(BootstrapTest, StartupFilesMayPrintSleepAndReadALine) {
  const SshHost host;
  std::ofstream(host.home() + "/.bashrc")
      << "echo 'Welcome to gpu1!'; printf 'no newline'\nsleep 3\nread line\necho \"$line\" noise\n"
         "echo problems >&2\n";
  allow_forward_ = false;

  const absl::StatusOr<Connection> cold = Connect(host.Target());
  ASSERT_TRUE(cold.ok()) << cold.status();
  EXPECT_EQ(Echo(*cold, "hello"), "hello");
  const absl::StatusOr<Connection> warm = Connect(host.Target());
  ASSERT_TRUE(warm.ok()) << warm.status();
  EXPECT_FALSE(warm->uploaded);
  EXPECT_EQ(Echo(*warm, "hello"), "hello");
}

TEST_F(BootstrapTest, AConfigurationMadeForPeopleDoesNotGetInTheWay) {
  const SshHost host;
  std::ofstream(host.ClientFile("ssh_config"))
      << "RequestTTY force\nRemoteCommand echo no\nLogLevel QUIET\nControlMaster auto\n"
         "ControlPath "
      << host.ClientFile("mine")
      << "\nControlPersist 60\nStdinNull yes\n"
         "ForkAfterAuthentication yes\nSessionType none\nPermitLocalCommand yes\n"
         "LocalCommand echo local\nLocalForward "
      << UnusedPort()
      << " localhost:1\n"
         "EscapeChar ~\nForwardX11 yes\nIgnoreUnknown UseKeychain\nUseKeychain yes\n";

  const absl::StatusOr<Connection> connection = Connect(host.Target());
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->mode, LinkMode::kForward) << connection->mode_reason;
  EXPECT_EQ(Echo(*connection, "a\n~.b"), "a\n~.b");
  EXPECT_FALSE(fs::exists(host.ClientFile("mine")));
}

TEST_F(BootstrapTest, ForwardingThatTheHostForbidsFallsBackToStdioAndSaysWhy) {
  const SshHost host({"AllowStreamLocalForwarding no"});
  const absl::StatusOr<Connection> connection = Connect(host.Target());

  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->mode, LinkMode::kStdio);
  EXPECT_THAT(connection->mode_reason, HasSubstr("administratively prohibited"));
  EXPECT_EQ(Echo(*connection, "hello"), "hello");
}

TEST_F(BootstrapTest, StdioCanBeAskedFor) {
  const SshHost host;
  allow_forward_ = false;
  const absl::StatusOr<Connection> connection = Connect(host.Target());

  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->mode, LinkMode::kStdio);
  EXPECT_EQ(Echo(*connection, "hello"), "hello");
}

TEST_F(BootstrapTest, AnAgentDirMovesEverything) {
  const SshHost host;
  SshTarget target = host.Target();
  target.options.agent_dir = "~/scratch/my iris";
  const absl::StatusOr<Connection> connection = Connect(target);

  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->hello.data_dir(), host.home() + "/scratch/my iris");
  EXPECT_FALSE(fs::exists(host.home() + "/.local"));
}

TEST_F(BootstrapTest, AnAgentThatIsThereAndDoesNotRunIsReplaced) {
  const SshHost host;
  ASSERT_TRUE(Connect(host.Target()).ok());
  const std::string agent =
      absl::StrCat(host.home(), "/.local/share/iris/bin/iris-agent-", Build().sha256);
  fs::resize_file(agent, 4096);

  const absl::StatusOr<Connection> connection = Connect(host.Target());
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_TRUE(connection->uploaded);
  EXPECT_EQ(fs::file_size(agent), Build().bytes);
}

TEST_F(BootstrapTest, ARefusedPortIsUnreachable) {
  const SshHost host;
  SshTarget target = host.Target();
  target.options.port = UnusedPort();
  const Failure failure = FailureOf(target);

  EXPECT_EQ(failure.kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_THAT(failure.detail(), StartsWith("root@127.0.0.1: "));
  EXPECT_THAT(failure.detail(), HasSubstr("Connection refused"));
}

TEST_F(BootstrapTest, ARefusedKeyIsAuth) {
  const SshHost host;
  fs::remove(host.ClientFile("key.pub"));
  const Failure failure = FailureOf(host.Target());

  EXPECT_EQ(failure.kind(), v1::FAILURE_AUTH);
  EXPECT_THAT(failure.fix(), HasSubstr("remoteOptions.identity"));
}

TEST_F(BootstrapTest, AKeyThatOthersCanReadIsAuthAndSaysSo) {
  const SshHost host;
  ASSERT_EQ(chmod(host.ClientFile("key").c_str(), 0644), 0);
  const Failure failure = FailureOf(host.Target());

  EXPECT_EQ(failure.kind(), v1::FAILURE_AUTH);
  EXPECT_THAT(failure.fix(), HasSubstr("chmod 600"));
}

TEST_F(BootstrapTest, AnUnknownHostKeyIsRefusedUnlessNewHostsAreAccepted) {
  const SshHost host;
  fs::remove(host.ClientFile("known_hosts"));
  SshTarget target = host.Target();
  const Failure failure = FailureOf(target);
  EXPECT_EQ(failure.kind(), v1::FAILURE_HOST_KEY);
  EXPECT_THAT(failure.fix(), HasSubstr("ssh-keyscan"));

  target.options.strict_host_key_checking = false;
  EXPECT_TRUE(Connect(target).ok());
  target.options.strict_host_key_checking = true;
  EXPECT_TRUE(Connect(target).ok()) << "it is known now";
}

TEST_F(BootstrapTest, AChangedHostKeyIsRefusedAlways) {
  const SshHost host;
  std::ofstream(host.ClientFile("known_hosts"))
      << "[127.0.0.1]:" << host.port()
      << " ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMdVj4sUTDTMcxn0cJY2lyMPc1JwGVgVwjaL9uF0LkXz\n";
  SshTarget target = host.Target();
  target.options.strict_host_key_checking = false;
  const Failure failure = FailureOf(target);

  EXPECT_EQ(failure.kind(), v1::FAILURE_HOST_KEY);
  EXPECT_THAT(failure.fix(), HasSubstr("attack"));
}

TEST_F(BootstrapTest, AnAccountWithoutAShellIsAuth) {
  const SshHost host({"ForceCommand /usr/sbin/nologin"});
  const Failure failure = FailureOf(host.Target());

  EXPECT_EQ(failure.kind(), v1::FAILURE_AUTH);
  EXPECT_THAT(failure.detail(), HasSubstr("not available"));
}

TEST_F(BootstrapTest, AShellThatEndsBeforeOurCommandIsNamed) {
  const SshHost host;
  std::ofstream(host.home() + "/.bashrc") << "echo 'go away' >&2\nexit 4\n";
  const Failure failure = FailureOf(host.Target());

  EXPECT_EQ(failure.kind(), v1::FAILURE_NO_AGENT_POSSIBLE);
  EXPECT_THAT(failure.detail(), HasSubstr("status 4"));
  EXPECT_THAT(failure.detail(), HasSubstr("go away"));
}

TEST_F(BootstrapTest, AShellThatHangsIsToldFromAHostThatDoesNotAnswer) {
  const SshHost host;
  std::ofstream(host.home() + "/.bashrc") << "echo thinking\nsleep 1000\n";
  SshTarget target = host.Target();
  target.options.connect_timeout = absl::Seconds(2);
  const Failure failure = FailureOf(target);

  EXPECT_EQ(failure.kind(), v1::FAILURE_TIMEOUT);
  EXPECT_THAT(failure.detail(), HasSubstr("thinking"));
}

// Listens and never answers, like a host whose packets are dropped.
class BlackHole {
 public:
  BlackHole() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (listen(fd_.get(), 8) != 0 ||
        getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address_), &size_) != 0) {
      std::abort();
    }
  }
  int port() const { return ntohs(address_.sin_port); }

 private:
  const ScopedFd fd_;
  sockaddr_in address_ = {};
  socklen_t size_ = sizeof(address_);
};

TEST_F(BootstrapTest, ABlackHoleCostsTheConnectTimeoutAndNoMore) {
  const SshHost host;
  const BlackHole hole;
  SshTarget target = host.Target();
  target.options.port = hole.port();
  target.options.connect_timeout = absl::Milliseconds(1500);
  const absl::Time start = absl::Now();

  EXPECT_EQ(FailureOf(target).kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_LT(absl::Now() - start, absl::Seconds(4));
  EXPECT_GT(absl::Now() - start, absl::Milliseconds(1400));
}

TEST_F(BootstrapTest, ConnectingCanBeStopped) {
  const SshHost host;
  const BlackHole hole;
  SshTarget target = host.Target();
  target.options.port = hole.port();
  target.options.connect_timeout = absl::Seconds(60);
  const absl::Time start = absl::Now();
  std::thread person([this] {
    poll(nullptr, 0, 300);
    cancelled_ = true;
  });

  EXPECT_EQ(FailureOf(target).kind(), v1::FAILURE_CANCELLED);
  person.join();
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
}

TEST_F(BootstrapTest, NoDirectoryForTheAgentIsNamed) {
  const SshHost host;
  SshTarget target = host.Target();
  target.options.agent_dir = "/proc/iris";
  const Failure failure = FailureOf(target);

  EXPECT_EQ(failure.kind(), v1::FAILURE_NO_AGENT_POSSIBLE);
  EXPECT_THAT(failure.detail(), HasSubstr("/proc/iris: "));
}

TEST_F(BootstrapTest, AFullDiskAndAMountWithoutProgramsAreToldApart) {
  const SshHost host;
  SshTarget target = host.Target();
  target.options.agent_dir = "~/mounted/iris";
  const std::string mounted = host.home() + "/mounted";
  fs::create_directory(mounted);
  MountEmpty(mounted, "size=32k");
  EXPECT_EQ(FailureOf(target).kind(), v1::FAILURE_NO_SPACE);
  UnmountEmpty(mounted);

  MountEmpty(mounted, "", /*noexec=*/true);
  EXPECT_EQ(FailureOf(target).kind(), v1::FAILURE_NOT_EXECUTABLE);
  UnmountEmpty(mounted);
}

class MisbehavingAgent : public BootstrapTest {
 protected:
  Failure FailureWhen(const std::string& misbehave) {
    const SshHost host;
    SshTarget target = host.Target();
    EXPECT_TRUE(Connect(target).ok());
    std::ofstream(host.home() + "/.local/share/iris/misbehave") << misbehave;
    target.options.connect_timeout = absl::Seconds(3);
    return FailureOf(target);
  }
};

TEST_F(MisbehavingAgent, ABridgeThatFailsSaysWhyInItsOwnWords) {
  const Failure failure = FailureWhen("die");

  EXPECT_EQ(failure.kind(), v1::FAILURE_STORAGE);
  EXPECT_THAT(failure.detail(), HasSubstr("is full"));
  EXPECT_EQ(failure.fix(), "empty it");
}

TEST_F(MisbehavingAgent, ABridgeThatSaysNothingIsGivenUp) {
  EXPECT_EQ(FailureWhen("silent").kind(), v1::FAILURE_TIMEOUT);
}

TEST_F(MisbehavingAgent, AnotherProtocolIsAVersionFailure) {
  const Failure failure = FailureWhen("old");

  EXPECT_EQ(failure.kind(), v1::FAILURE_VERSION);
  EXPECT_THAT(failure.detail(), HasSubstr("98 to 99"));
}

TEST_F(BootstrapTest, AConnectionThatTheHostEndsIsDropped) {
  SshHost host;
  const absl::StatusOr<Connection> connection = Connect(host.Target());
  ASSERT_TRUE(connection.ok()) << connection.status();
  host.EndSessions();

  EXPECT_EQ(Echo(*connection, "x"), "");
  const absl::Status why = connection->ssh->WhyEnded();
  EXPECT_EQ(KindOf(why), v1::FAILURE_DROPPED);
  EXPECT_THAT(std::string(why.message()), HasSubstr("closed by remote host"));
}

TEST_F(BootstrapTest, AnSshThatIsKilledIsDroppedToo) {
  const SshHost host;
  const absl::StatusOr<Connection> connection = Connect(host.Target());
  ASSERT_TRUE(connection.ok()) << connection.status();
  ASSERT_EQ(kill(connection->ssh->pid(), SIGKILL), 0);

  EXPECT_EQ(Echo(*connection, "x"), "");
  EXPECT_EQ(KindOf(connection->ssh->WhyEnded()), v1::FAILURE_DROPPED);
}

TEST_F(BootstrapTest, AnAgentThatIsKilledEndsTheWire) {
  const SshHost host;
  for (const bool forward : {true, false}) {
    allow_forward_ = forward;
    const absl::StatusOr<Connection> connection = Connect(host.Target());
    ASSERT_TRUE(connection.ok()) << connection.status();
    ASSERT_EQ(kill(static_cast<pid_t>(connection->hello.pid()), SIGKILL), 0);

    EXPECT_EQ(Echo(*connection, "x"), "");
    EXPECT_EQ(KindOf(connection->ssh->WhyEnded()), v1::FAILURE_DROPPED);
  }
}

TEST_F(BootstrapTest, AJumpHostIsPassedThrough) {
  const SshHost host;
  SshTarget target = host.Target();
  std::ofstream(host.ClientFile("ssh_config"))
      << "Host *\nUserKnownHostsFile " << host.ClientFile("known_hosts") << "\nIdentityFile "
      << host.ClientFile("key") << "\nIdentityAgent none\n";
  target.remote.options.insert(target.remote.options.end(),
                               {"-J", absl::StrCat("root@127.0.0.1:", host.port())});
  const absl::StatusOr<Connection> connection = Connect(target);
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(Echo(*connection, "hello"), "hello");

  target.remote.options.back() = absl::StrCat("root@127.0.0.1:", UnusedPort());
  EXPECT_EQ(FailureOf(target).kind(), v1::FAILURE_UNREACHABLE);
}

TEST_F(BootstrapTest, WhatSshRefusesIsTheConfigurationsFault) {
  const SshHost host;
  std::ofstream(host.ClientFile("ssh_config")) << "Nonsense yes\n";
  EXPECT_EQ(FailureOf(host.Target()).kind(), v1::FAILURE_BAD_REQUEST);

  SshTarget target = host.Target();
  target.remote.program = "/nonexistent/ssh";
  EXPECT_EQ(FailureOf(target).kind(), v1::FAILURE_BAD_REQUEST);
}

TEST_F(BootstrapTest, ARuntimeDirThatSocketsDoNotFitIntoIsRefused) {
  const SshHost host;
  const absl::Status status =
      ConnectOverSsh(host.Target(), *bundle_, {.runtime_dir = "/" + std::string(64, 'x')}).status();

  EXPECT_EQ(KindOf(status), v1::FAILURE_STORAGE);
}

TEST_F(BootstrapTest, TwoSpellingsOfOneTargetResolveAlike) {
  const std::string config = scratch_.File("config");
  std::ofstream(config) << "Host gpu\nHostName 10.0.0.7\nUser ml\nPort 2222\nProxyJump bastion\n";
  SshTarget alias;
  alias.remote.program = "ssh";
  alias.remote.options = {"-F", config};
  alias.remote.destination = "gpu";
  SshTarget spelled_out = alias;
  spelled_out.remote.options.insert(spelled_out.remote.options.end(),
                                    {"-J", "bastion", "-p", "2222"});
  spelled_out.remote.destination = "ml@10.0.0.7";
  SshTarget other_dir = alias;
  other_dir.options.agent_dir = "/scratch";

  const absl::StatusOr<std::string> resolved = ResolveTarget(alias);
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_THAT(*resolved, StartsWith("ml@10.0.0.7:2222 proxyjump=bastion "));
  EXPECT_EQ(*ResolveTarget(spelled_out), *resolved);
  EXPECT_NE(*ResolveTarget(other_dir), *resolved);
}

TEST_F(BootstrapTest, ATargetThatSshCannotReadDoesNotResolve) {
  SshTarget target;
  target.remote.program = "ssh";
  target.remote.options = {"-o", "Nonsense=yes"};
  target.remote.destination = "gpu";
  const Failure failure = ToProto(ResolveTarget(target).status());

  EXPECT_EQ(failure.kind(), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(failure.detail(), HasSubstr("nonsense"));
}

}  // namespace
}  // namespace iris
