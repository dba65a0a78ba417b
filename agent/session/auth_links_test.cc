#include "agent/session/auth_links.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <set>
#include <string>

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
    links_ = std::make_unique<AuthLinks>(directory_, "host", [this](const std::string& socket) {
      return alive_.count(socket) > 0;
    });
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

TEST(SomebodyListensTest, OnlyWhereASocketIsHeard) {
  const ScratchDir scratch;
  const std::string path = scratch.File("s");
  EXPECT_FALSE(AuthLinks::SomebodyListens(path));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof(address.sun_path));
  strcpy(address.sun_path, path.c_str());
  {
    const ScopedFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_FALSE(AuthLinks::SomebodyListens(path));
    ASSERT_EQ(listen(listener.get(), 1), 0);
    EXPECT_TRUE(AuthLinks::SomebodyListens(path));
  }
  EXPECT_TRUE(fs::exists(path));
  EXPECT_FALSE(AuthLinks::SomebodyListens(path)) << "its file is left behind";
}

}  // namespace
}  // namespace iris
