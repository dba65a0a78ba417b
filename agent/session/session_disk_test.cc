// A session whose disk is full, and has room again.

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/session/session.h"
#include "agent/session/session_files.h"
#include "agent/session/session_fixture.h"
#include "agent/testing/processes.h"
#include "common/failure/failure.h"
#include "common/testing/private_mounts.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

const bool kPrivate = (EnterPrivateMounts(), true);

class SessionDiskTest : public SessionFixture {
 protected:
  ~SessionDiskTest() override { UnmountEmpty(dir); }

  // The session's directory gets a file system of its own.
  void Mount(const std::string& options) {
    MountEmpty(dir, absl::StrCat("mode=0700,", options));
    NextAgent([](SessionFiles&) {});
  }
  void FillUp() {
    std::ofstream file(dir + "/ballast", std::ios::binary);
    while (file.write(std::string(4096, 'b').data(), 4096).flush()) {
    }
  }
  void TakeAllInodes() {
    for (files_ = 0; std::ofstream(absl::StrCat(dir, "/inode", files_)); ++files_) {
    }
  }
  void GiveInodesBack() {
    while (files_ > 0) std::filesystem::remove(absl::StrCat(dir, "/inode", --files_));
  }
  bool WaitUntilWritten(const std::string& id) {
    return WaitFor([&](const std::vector<v1::Event>& events) {
      for (const v1::Event& event : events) {
        if (event.written().tell_id() == id) return true;
      }
      return false;
    });
  }
  void ExpectNoRoomForATell() {
    const v1::Failure refused = Outcome(Tell("one more"));
    EXPECT_EQ(refused.kind(), v1::FAILURE_STORAGE);
    EXPECT_THAT(refused.fix(), HasSubstr("df"));
  }
  // The answer to a tell that is made again until it is taken.
  std::string AskUntilThereIsRoom(const std::string& text) {
    std::string id;
    EXPECT_TRUE(Eventually([&] {
      id = Tell(text);
      return Outcome(id).kind() != v1::FAILURE_STORAGE;
    }));
    return Answer(id);
  }

  const std::string dir = scratch.File("session");
  int files_ = 0;
};

TEST_F(SessionDiskTest, AFullDiskLetsTheRunningTurnEndAndTakesNoNewOneUntilThereIsRoom) {
  Mount("size=4m");
  ASSERT_TRUE(Open().ok());
  const std::string id = Tell(Held("WAIT") + "\nBIG 100000");
  ASSERT_TRUE(WaitUntilWritten(id));
  FillUp();
  ExpectNoRoomForATell();
  LetGo();
  EXPECT_EQ(Answer(id).size(), 100'000u);

  std::filesystem::remove(dir + "/ballast");
  EXPECT_EQ(AskUntilThereIsRoom("COUNT"), "2");
  EXPECT_EQ(CountOf(v1::Event::kStarted), 1u);
  const size_t all = events().size();
  Close();
  NextAgent([](SessionFiles&) {});
  EXPECT_GE(events().size(), all);  // All of it was written in the end.
  EXPECT_EQ(Ask("COUNT"), "3");
}

TEST_F(SessionDiskTest, WithoutInodesItIsTheSame) {
  Mount("nr_inodes=16");
  ASSERT_TRUE(Open().ok());
  const std::string id = Tell(Held("WAIT") + "\nBIG 100000");
  ASSERT_TRUE(WaitUntilWritten(id));
  TakeAllInodes();
  ExpectNoRoomForATell();
  LetGo();
  EXPECT_EQ(Answer(id).size(), 100'000u);
  GiveInodesBack();
  EXPECT_EQ(AskUntilThereIsRoom("COUNT"), "2");
}

TEST_F(SessionDiskTest, TheLeaseIsGrantedOnAFullDisk) {
  Mount("size=1m");
  FillUp();
  v1::AcquireRequest request;
  request.set_session_id(session_id);
  request.set_coordinator_id(NewUuid());
  Do([&](Session& session) { EXPECT_TRUE(session.Acquire(request).ok()); });
}

}  // namespace
}  // namespace iris
