#include "agent/claude/auth_links.h"

#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "common/base/scoped_fd.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

namespace fs = std::filesystem;

const std::string kLink(32, 'a');
const std::string kOther(32, 'b');

class AuthLinksTest : public ::testing::Test {
 protected:
  AuthLinksTest() { Start(); }
  void Start() {
    links_ = std::make_unique<AuthLinks>(
        directory_, "host",
        [this](const std::string& socket) {
          ++asked_;
          return alive_.count(socket) > 0;
        },
        [](const std::string& path) { return path.rfind("/net/", 0) == 0; });
  }
  void Lend(const std::string& link, const std::string& socket) {
    alive_.insert(socket);
    links_->Lend(link, socket);
  }
  void End(const std::string& socket) {
    alive_.erase(socket);
    links_->Look();
  }
  // Where the path of `link` leads; empty: nowhere.
  std::string Target(const std::string& link) const {
    const std::string path = links_->PathOf(link);
    return fs::is_symlink(path) ? fs::read_symlink(path).string() : "";
  }

  const ScratchDir scratch_;
  const std::string directory_ = scratch_.File("a");
  std::set<std::string> alive_;
  int asked_ = 0;  // Whether something is alive.
  std::unique_ptr<AuthLinks> links_;
};

TEST_F(AuthLinksTest, ThePathStaysAndFollowsTheNewestConnection) {
  const std::string path = links_->PathOf(kLink);
  Lend(kLink, "/tmp/ssh-1/agent.1");
  EXPECT_EQ(Target(kLink), "/tmp/ssh-1/agent.1");
  Lend(kLink, "/tmp/ssh-2/agent.2");
  EXPECT_EQ(Target(kLink), "/tmp/ssh-2/agent.2");
  EXPECT_EQ(links_->PathOf(kLink), path);
}

TEST_F(AuthLinksTest, WhereTheNewestEndsTheOneBeforeServesAndThenNone) {
  Lend(kLink, "/tmp/1");
  Lend(kLink, "/tmp/2");
  End("/tmp/2");
  EXPECT_EQ(Target(kLink), "/tmp/1");
  End("/tmp/1");
  EXPECT_FALSE(fs::exists(fs::symlink_status(links_->PathOf(kLink))));
  Lend(kLink, "/tmp/3");
  EXPECT_EQ(Target(kLink), "/tmp/3");
}

TEST_F(AuthLinksTest, OneLinksPathIsNeverAnothers) {
  Lend(kLink, "/tmp/1");
  EXPECT_NE(links_->PathOf(kLink), links_->PathOf(kOther));
  EXPECT_EQ(Target(kOther), "");
  Lend(kOther, "/tmp/2");
  End("/tmp/1");
  EXPECT_EQ(Target(kLink), "");
  EXPECT_EQ(Target(kOther), "/tmp/2");
}

TEST_F(AuthLinksTest, NothingIsMadeBeforeSomethingIsLentAndThenForUsAlone) {
  links_->Look();
  links_->Lend(kLink, "");
  links_->Lend("../../etc", "/tmp/1");
  EXPECT_FALSE(fs::exists(directory_));
  Lend(kLink, "/tmp/1");
  struct stat info;
  ASSERT_EQ(stat(directory_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST_F(AuthLinksTest, WhatIsNoNameOfALinkHasNoPath) {
  for (const std::string name : {"", "abc", "../../../../etc/pass"}) {
    EXPECT_EQ(links_->PathOf(name), "") << name;
  }
  const AuthLinks deep("/" + std::string(100, 'd'), "host");
  EXPECT_EQ(deep.PathOf(kLink), "") << "no socket's path is so long";
}

TEST_F(AuthLinksTest, TheNextLifeOfTheAgentTakesOverWhatLives) {
  fs::create_directory(directory_);
  Lend(kLink, "/tmp/1");
  Lend(kOther, "/tmp/2");
  const std::string path = links_->PathOf(kLink);
  const std::string dead = links_->PathOf(kOther);
  // As an upgrade leaves it: nobody has cleared up.
  const std::string strange = directory_ + "/somebody-elses";
  fs::create_symlink("/tmp/0", strange);
  fs::copy(directory_, scratch_.File("copy"),
           fs::copy_options::copy_symlinks | fs::copy_options::recursive);
  links_.reset();
  EXPECT_FALSE(fs::exists(fs::symlink_status(path)));
  fs::remove_all(directory_);
  fs::rename(scratch_.File("copy"), directory_);

  alive_.erase("/tmp/2");
  Start();
  EXPECT_EQ(Target(kLink), "/tmp/1");
  EXPECT_FALSE(fs::exists(fs::symlink_status(dead)));
  EXPECT_TRUE(fs::exists(fs::symlink_status(strange))) << "another host's";
}

TEST_F(AuthLinksTest, WhatIsNotAliveWhenItIsLentIsNeverPointedTo) {
  links_->Lend(kLink, "/tmp/strange");
  EXPECT_FALSE(fs::exists(directory_));
  Lend(kLink, "/tmp/1");
  links_->Lend(kLink, "/tmp/strange");
  EXPECT_EQ(Target(kLink), "/tmp/1");
}

TEST_F(AuthLinksTest, LendingTheNewestAgainAsksNobody) {
  Lend(kLink, "/tmp/1");
  Lend(kOther, "/tmp/2");
  asked_ = 0;
  for (int i = 0; i < 10; ++i) links_->Lend(kLink, "/tmp/1");
  EXPECT_EQ(asked_, 0);
  Lend(kLink, "/tmp/3");
  EXPECT_EQ(asked_, 1) << "the others are the timer's";
}

TEST_F(AuthLinksTest, WhatLiesOnTheNetworkIsLookedAtOnlyWhenItIsLent) {
  Lend(kLink, "/net/home/.ssh/agent/s.1");
  asked_ = 0;
  alive_.clear();
  links_->Look();
  EXPECT_EQ(asked_, 0);
  EXPECT_EQ(Target(kLink), "/net/home/.ssh/agent/s.1");
}

TEST_F(AuthLinksTest, AChildIsToldTheLastingPathOnlyWhereItServesItBest) {
  const std::string own = scratch_.File("own");
  EXPECT_EQ(links_->SocketFor("no link", own), own);
  EXPECT_EQ(links_->SocketFor(kLink, own), links_->PathOf(kLink)) << "its own is gone";
  std::ofstream(own).flush();
  EXPECT_EQ(links_->SocketFor(kLink, own), own) << "it is there, and was not taken for alive";
  EXPECT_EQ(links_->SocketFor(kLink, "/net/s"), "/net/s");
  Lend(kLink, "/tmp/1");
  EXPECT_EQ(links_->SocketFor(kLink, own), links_->PathOf(kLink));
}

TEST_F(AuthLinksTest, WhereNoPathCanBeMadeTheConnectionsOwnServesAndItIsSaidOnce) {
  const std::string own = scratch_.File("own");
  std::ofstream(own).flush();
  std::ofstream(directory_) << "in the way";
  testing::internal::CaptureStderr();
  Lend(kLink, own);
  links_->Look();
  links_->Look();
  const std::string log = testing::internal::GetCapturedStderr();
  const size_t first = log.find("cannot be shown");
  EXPECT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find("cannot be shown", first + 1), std::string::npos) << log;
  EXPECT_EQ(links_->SocketFor(kLink, own), own);

  fs::remove(directory_);
  links_->Look();
  EXPECT_EQ(Target(kLink), own);
}

class OurAgentListensTest : public ::testing::Test {
 protected:
  OurAgentListensTest() { fs::create_directory(directory_); }
  // Of type `type`, at socket_.
  ScopedFd Listen(int type = SOCK_STREAM) const {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    strncpy(address.sun_path, socket_.c_str(), sizeof(address.sun_path) - 1);
    ScopedFd listener(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    EXPECT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(listener.get(), 1), 0);
    return listener;
  }

  const ScratchDir scratch_;
  const std::string directory_ = scratch_.File("ssh-1");
  const std::string socket_ = directory_ + "/agent.1";
};

TEST_F(OurAgentListensTest, WhereASocketIsOpenAndItDoesNotNotice) {
  chmod(directory_.c_str(), 0700);
  EXPECT_FALSE(AuthLinks::OurAgentListens(socket_));
  {
    const ScopedFd listener = Listen();
    EXPECT_TRUE(AuthLinks::OurAgentListens(socket_));
    EXPECT_EQ(accept(listener.get(), nullptr, nullptr), -1);
    EXPECT_EQ(errno, EAGAIN) << "nobody came";
  }
  EXPECT_TRUE(fs::exists(socket_));
  EXPECT_FALSE(AuthLinks::OurAgentListens(socket_)) << "its file is left behind";
}

TEST_F(OurAgentListensTest, ByWhateverPathItIsNamed) {
  chmod(directory_.c_str(), 0700);
  const ScopedFd listener = Listen();
  const std::string link = scratch_.File("auth_sock");
  fs::create_symlink(socket_, link);
  EXPECT_TRUE(AuthLinks::OurAgentListens(link)) << "as people have it for tmux";
  fs::create_directory_symlink(directory_, scratch_.File("run"));
  EXPECT_TRUE(AuthLinks::OurAgentListens(scratch_.File("run/agent.1")));
}

TEST_F(OurAgentListensTest, AlsoFromAnotherNetworkNamespace) {
  chmod(directory_.c_str(), 0700);
  ScopedFd listener;
  bool elsewhere = false;
  std::thread([&] {
    elsewhere = unshare(CLONE_NEWNET) == 0;
    listener = Listen();
  }).join();
  ASSERT_TRUE(elsewhere) << "only root may make a network namespace";
  EXPECT_TRUE(AuthLinks::OurAgentListens(socket_));
}

TEST_F(OurAgentListensTest, WhatIsNoStreamSocketIsNoAgent) {
  chmod(directory_.c_str(), 0700);
  std::ofstream(socket_).flush();
  EXPECT_FALSE(AuthLinks::OurAgentListens(socket_));
  fs::remove(socket_);
  const ScopedFd packets = Listen(SOCK_SEQPACKET);
  EXPECT_FALSE(AuthLinks::OurAgentListens(socket_));
}

TEST_F(OurAgentListensTest, NotWhereOthersCouldPutTheirsInItsPlace) {
  const ScopedFd listener = Listen();
  for (const mode_t mode : {0777u, 01777u, 0770u, 0720u, 0702u}) {
    ASSERT_EQ(chmod(directory_.c_str(), mode), 0);
    EXPECT_FALSE(AuthLinks::OurAgentListens(socket_)) << mode;
  }
  for (const mode_t mode : {0700u, 0755u}) {
    ASSERT_EQ(chmod(directory_.c_str(), mode), 0);
    EXPECT_TRUE(AuthLinks::OurAgentListens(socket_)) << mode;
  }
}

TEST_F(OurAgentListensTest, NotWhereItOrItsDirectoryIsAnothers) {
  constexpr uid_t kNobody = 65534;
  ASSERT_EQ(geteuid(), 0u) << "only root may give a file away";
  chmod(directory_.c_str(), 0755);
  const ScopedFd listener = Listen();
  ASSERT_TRUE(AuthLinks::OurAgentListens(socket_));
  ASSERT_EQ(lchown(socket_.c_str(), kNobody, -1), 0);
  EXPECT_FALSE(AuthLinks::OurAgentListens(socket_));
  ASSERT_EQ(lchown(socket_.c_str(), 0, -1), 0);
  ASSERT_EQ(lchown(directory_.c_str(), kNobody, -1), 0);
  EXPECT_FALSE(AuthLinks::OurAgentListens(socket_));
}

}  // namespace
}  // namespace iris
