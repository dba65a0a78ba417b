#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/scoped_fd.h"
#include "common/failure/failure.h"
#include "common/testing/private_mounts.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/reach/ssh/ssh_connect.h"
#include "coordinator/reach/ssh/testing/ssh_connect_fixture.h"
#include "coordinator/reach/ssh/testing/ssh_host.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// ssh, sshd and a login shell as they are, with a stand-in for the agent: what fails, and how it is
// named.
namespace iris {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const bool kPrivate = (EnterPrivateMounts(), true);

namespace fs = std::filesystem;

TEST_F(SshConnectTest, ARefusedPortIsUnreachable) {
  const SshHost host;
  SshTarget target = host.Target();
  const RefusingPort refusing;
  target.options.port = refusing.number();
  const Failure failure = FailureOf(target);

  EXPECT_EQ(failure.kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_THAT(failure.detail(), StartsWith("root@127.0.0.1: "));
  EXPECT_THAT(failure.detail(), HasSubstr("Connection refused"));
}

TEST_F(SshConnectTest, ARefusedKeyIsAuth) {
  const SshHost host;
  fs::remove(host.ClientFile("key.pub"));
  const Failure failure = FailureOf(host.Target());

  EXPECT_EQ(failure.kind(), v1::FAILURE_AUTH);
  EXPECT_THAT(failure.fix(), HasSubstr("remoteOptions.identity"));
}

TEST_F(SshConnectTest, AKeyThatOthersCanReadIsAuthAndSaysSo) {
  const SshHost host;
  ASSERT_EQ(chmod(host.ClientFile("key").c_str(), 0644), 0);
  const Failure failure = FailureOf(host.Target());

  EXPECT_EQ(failure.kind(), v1::FAILURE_AUTH);
  EXPECT_THAT(failure.fix(), HasSubstr("chmod 600"));
}

TEST_F(SshConnectTest, AKeyFileThatIsMissingIsNamed) {
  const SshHost host;
  SshTarget target = host.Target();
  target.options.identity = host.ClientFile("no_key");
  const Failure failure = FailureOf(target);

  EXPECT_EQ(failure.kind(), v1::FAILURE_AUTH);
  EXPECT_THAT(failure.detail(),
              HasSubstr("the key file " + host.ClientFile("no_key") + " does not exist"));
  EXPECT_THAT(failure.detail(), HasSubstr("Permission denied"));
  EXPECT_THAT(failure.fix(), StartsWith("Correct remoteOptions.identity"));
}

TEST_F(SshConnectTest, AnUnknownHostKeyIsRefusedUnlessNewHostsAreAccepted) {
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

TEST_F(SshConnectTest, AChangedHostKeyIsRefusedAlways) {
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

// Words that would mean something if ssh said them.
constexpr char kRefusal[] = "git@github.com: Permission denied (publickey).";
constexpr char kAlarm[] = "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @";

TEST_F(SshConnectTest, WhatAStartupFileSaysIsNotSshsVerdictWhateverEndsTheLink) {
  for (const char* words : {kRefusal, kAlarm}) {
    for (const char* ending : {"\\n", "\\r\\n"}) {
      SshHost host;
      std::ofstream(host.home() + "/.bashrc") << "printf '" << words << ending << "' >&2\n";
      for (const int how : {SIGKILL, SIGTERM, 0}) {
        const absl::StatusOr<Connection> connection = Connect(host.Target());
        ASSERT_TRUE(connection.ok()) << connection.status();
        if (how == 0) {
          host.EndSessions();
        } else {
          ASSERT_EQ(kill(SshOf(*connection), how), 0);
        }
        EXPECT_TRUE(Ends(*connection));
        EXPECT_EQ(KindOf(connection->owner->WhyEnded()), v1::FAILURE_DROPPED) << words << how;
      }
    }
  }
}

TEST_F(SshConnectTest, WhatABannerSaysIsNotSshsVerdict) {
  const ScratchDir scratch;
  std::ofstream(scratch.File("banner")) << kAlarm << "\r\n" << kRefusal << "\r\n";
  const SshHost host({"Banner " + scratch.File("banner")});
  {
    const absl::StatusOr<Connection> connection = Connect(host.Target());
    ASSERT_TRUE(connection.ok()) << connection.status();
    ASSERT_EQ(kill(SshOf(*connection), SIGKILL), 0);
    EXPECT_TRUE(Ends(*connection));
    EXPECT_EQ(KindOf(connection->owner->WhyEnded()), v1::FAILURE_DROPPED);
  }
  // The shell never comes to our command; sshd ends it all.
  std::ofstream(host.home() + "/.bashrc") << "kill -9 $PPID\n";
  EXPECT_EQ(FailureOf(host.Target()).kind(), v1::FAILURE_UNREACHABLE);
  fs::remove(host.ClientFile("key.pub"));
  EXPECT_EQ(FailureOf(host.Target()).kind(), v1::FAILURE_AUTH) << "by ssh's own word";
}

// Our command may have run, and an agent with it, where nobody heard of it.
TEST_F(SshConnectTest, WhatIsLostBehindTheLoginMayHaveStartedAnAgent) {
  using Stage = ConnectProgress::Stage;
  const SshHost host;
  std::ofstream(host.home() + "/.bashrc") << "kill -9 $PPID\n";
  EXPECT_EQ(FailureOf(host.Target()).kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_THAT(stages_, testing::ElementsAre(Stage::kConnecting, Stage::kStarting));

  std::ofstream(host.home() + "/.bashrc") << "exit 4\n";
  EXPECT_EQ(FailureOf(host.Target()).kind(), v1::FAILURE_NO_AGENT_POSSIBLE);
  EXPECT_THAT(stages_, testing::ElementsAre(Stage::kConnecting));

  fs::remove(host.ClientFile("key.pub"));
  EXPECT_EQ(FailureOf(host.Target()).kind(), v1::FAILURE_AUTH);
  EXPECT_THAT(stages_, testing::ElementsAre(Stage::kConnecting));
}

TEST_F(SshConnectTest, WhatAJumpHostSaysIsNotSshsVerdict) {
  const ScratchDir scratch;
  std::ofstream(scratch.File("banner")) << kAlarm << "\n" << kRefusal << "\n";
  const SshHost jump({"Banner " + scratch.File("banner")});
  const SshHost host;
  const RefusingPort refusing;
  const auto through_jump = [&](const std::string& key) {
    std::ofstream(host.ClientFile("ssh_config"))
        << "Host localhost\nUserKnownHostsFile " << jump.ClientFile("known_hosts")
        << "\nIdentityFile " << key << "\nIdentitiesOnly yes\nIdentityAgent none\n";
    SshTarget target = host.Target();
    target.remote.options.insert(target.remote.options.end(),
                                 {"-J", absl::StrCat("root@localhost:", jump.port())});
    return target;
  };
  SshTarget target = through_jump(jump.ClientFile("key"));
  EXPECT_TRUE(Connect(target).ok());
  target.options.port = refusing.number();
  const Failure refused = FailureOf(target);
  EXPECT_EQ(refused.kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_THAT(refused.detail(), HasSubstr("the jump host reaches the host"));
  EXPECT_THAT(refused.detail(), HasSubstr("Connection refused"));

  const Failure denied = FailureOf(through_jump(host.ClientFile("host_key")));
  EXPECT_EQ(denied.kind(), v1::FAILURE_AUTH);
  EXPECT_THAT(denied.detail(), HasSubstr("the jump host refused the login"));
  EXPECT_THAT(denied.detail(), HasSubstr("root@localhost: Permission denied"));

  // A way that startup files of the jump host are on.
  target = host.Target();
  std::ofstream(jump.home() + "/.bashrc") << "printf '" << kRefusal << "\\r\\n' >&2\n";
  target.remote.options.insert(
      target.remote.options.end(),
      {"-o", absl::StrCat("ProxyCommand=ssh -F none -o UserKnownHostsFile=",
                          jump.ClientFile("known_hosts"), " -i ", jump.ClientFile("key"), " -p ",
                          jump.port(), " root@localhost nosuchprogram")});
  EXPECT_EQ(FailureOf(target).kind(), v1::FAILURE_UNREACHABLE);
}

TEST_F(SshConnectTest, AnUploadThatIsCutSaysHowFarItWas) {
  SshHost host;
  std::atomic<bool> cut = false;
  on_progress_ = [&](const ConnectProgress& progress) {
    if (progress.stage != ConnectProgress::Stage::kUploading || cut) return;
    cut = true;
    host.EndSessions();
  };
  const Failure failure = FailureOf(host.Target());

  EXPECT_EQ(failure.kind(), v1::FAILURE_UNREACHABLE) << failure.detail();
  EXPECT_THAT(failure.detail(), testing::ContainsRegex("was cut after [0-9.]+ of [0-9.]+ MB: "));
}

TEST_F(SshConnectTest, AHostThatHasBegunItsHelloHoldsNobodyUp) {
  const SshHost host;
  SshTarget target = host.Target();
  ASSERT_TRUE(Connect(target).ok());
  std::ofstream(host.home() + "/.local/share/iris/misbehave") << "halfway";
  target.options.connect_timeout = absl::Minutes(5);
  std::thread person([this, &host] {
    while (!fs::exists(host.home() + "/.local/share/iris/said_half")) poll(nullptr, 0, 20);
    poll(nullptr, 0, 200);
    cancelled_ = true;
  });
  const absl::Time start = absl::Now();

  EXPECT_EQ(FailureOf(target).kind(), v1::FAILURE_CANCELLED);
  person.join();
  EXPECT_LT(absl::Now() - start, absl::Minutes(2));
}

TEST_F(SshConnectTest, AnAccountWithoutAShellIsAuth) {
  const SshHost host({"ForceCommand /usr/sbin/nologin"});
  const Failure failure = FailureOf(host.Target());

  EXPECT_EQ(failure.kind(), v1::FAILURE_AUTH);
  EXPECT_THAT(failure.detail(), HasSubstr("not available"));
}

TEST_F(SshConnectTest, AShellThatEndsBeforeOurCommandIsNamed) {
  const SshHost host;
  std::ofstream(host.home() + "/.bashrc") << "echo 'go away' >&2\nexit 4\n";
  const Failure failure = FailureOf(host.Target());

  EXPECT_EQ(failure.kind(), v1::FAILURE_NO_AGENT_POSSIBLE);
  EXPECT_THAT(failure.detail(), HasSubstr("status 4"));
  EXPECT_THAT(failure.detail(), HasSubstr("go away"));
}

TEST_F(SshConnectTest, AShellThatHangsIsToldFromAHostThatDoesNotAnswer) {
  const SshHost host;
  std::ofstream(host.home() + "/.bashrc") << "echo thinking\nsleep 1000\n";
  SshTarget target = host.Target();
  target.options.connect_timeout = absl::Seconds(8);  // In which its first line must have come.
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

TEST_F(SshConnectTest, ABlackHoleCostsTheConnectTimeoutAndNoMore) {
  const SshHost host;
  const BlackHole hole;
  SshTarget target = host.Target();
  target.options.port = hole.port();
  target.options.connect_timeout = absl::Milliseconds(1500);
  const absl::Time start = absl::Now();

  EXPECT_EQ(FailureOf(target).kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_LT(absl::Now() - start, absl::Seconds(50)) << "the target's own is a minute";
  EXPECT_GT(absl::Now() - start, absl::Milliseconds(1400));
}

TEST_F(SshConnectTest, ConnectingCanBeStopped) {
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
  EXPECT_LT(absl::Now() - start, absl::Seconds(30));
}

TEST_F(SshConnectTest, NoDirectoryForTheAgentIsNamed) {
  const SshHost host;
  SshTarget target = host.Target();
  target.options.agent_dir = "/proc/iris";
  const Failure failure = FailureOf(target);

  EXPECT_EQ(failure.kind(), v1::FAILURE_NO_AGENT_POSSIBLE);
  EXPECT_THAT(failure.detail(), HasSubstr("/proc/iris: "));
}

TEST_F(SshConnectTest, AFullDiskAndAMountWithoutProgramsAreToldApart) {
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

TEST_F(SshConnectTest, WhatSshRefusesIsTheConfigurationsFault) {
  const SshHost host;
  std::ofstream(host.ClientFile("ssh_config")) << "Nonsense yes\n";
  EXPECT_EQ(FailureOf(host.Target()).kind(), v1::FAILURE_BAD_REQUEST);
  fs::remove(host.ClientFile("ssh_config"));
  const Failure no_file = FailureOf(host.Target());
  EXPECT_EQ(no_file.kind(), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(no_file.fix(), HasSubstr("Correct -F"));

  SshTarget target = host.Target();
  target.remote.program = "/nonexistent/ssh";
  EXPECT_EQ(FailureOf(target).kind(), v1::FAILURE_BAD_REQUEST);
}

TEST_F(SshConnectTest, ARuntimeDirThatSocketsDoNotFitIntoIsRefused) {
  const SshHost host;
  const absl::Status status =
      ConnectOverSsh(host.Target(), *bundle_, {.runtime_dir = "/" + std::string(64, 'x')}).status();

  EXPECT_EQ(KindOf(status), v1::FAILURE_STORAGE);
}

}  // namespace
}  // namespace iris
