// A session whose directory somebody removes while the agent runs.

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "agent/journal/journal_sync.h"
#include "agent/session/session.h"
#include "agent/session/session_files.h"
#include "agent/session/session_fixture.h"
#include "agent/testing/processes.h"
#include "common/base/ids.h"
#include "common/failure/agent_fix.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class SessionGoneTest : public SessionFixture {
 protected:
  // In one step, whatever is being written there.
  void Remove(const std::string& path) {
    const std::string aside = scratch.File("removed");
    fs::rename(path, aside);
    fs::remove_all(aside);
  }
  mode_t ModeOf(const std::string& path) {
    struct stat info = {};
    EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 07777;
  }
  std::unique_ptr<SessionFiles> OpenBelow(JournalSync& disk) {
    absl::StatusOr<std::unique_ptr<SessionFiles>> files =
        SessionFiles::Open(disk, below, NewUuid());
    EXPECT_TRUE(files.ok()) << files.status();
    return files.ok() ? *std::move(files) : nullptr;
  }

  const std::string dir = scratch.File("session");
  // Whose directories above it go too.
  const std::string data = scratch.File("data");
  const std::string below = data + "/hosts/sessions/one";
};

TEST_F(SessionGoneTest, TheNextTellIsAnsweredAndTheNextAgentKnowsAllOfIt) {
  ASSERT_TRUE(Open().ok());
  const std::string first = Tell("COUNT");
  EXPECT_EQ(Answer(first), "1");
  Remove(dir);
  const std::string second = Tell("COUNT");
  EXPECT_EQ(Answer(second), "2");
  EXPECT_EQ(ModeOf(dir), 0700u);
  Close();
  NextAgent([&](SessionFiles& files) {
    EXPECT_NE(files.launch(), nullptr);
    EXPECT_EQ(files.tells().PhaseOf(first), v1::TellState::SETTLED);
    EXPECT_EQ(files.tells().PhaseOf(second), v1::TellState::SETTLED);
    EXPECT_FALSE(files.state().has_child());
  });
  EXPECT_EQ(Ask("COUNT"), "3");
}

TEST_F(SessionGoneTest, InATurnItIsMadeAgainWithoutAnyCall) {
  ASSERT_TRUE(Open().ok());
  const std::string id = Tell("SLOW 5");
  ASSERT_TRUE(WaitForOutput("word0"));
  Remove(dir);
  EXPECT_THAT(Answer(id), AllOf(HasSubstr("word0 "), HasSubstr("word19 ")));
  EXPECT_TRUE(Eventually([this] { return fs::exists(dir + "/launch"); }));
  EXPECT_EQ(Ask("COUNT"), "2");
}

TEST_F(SessionGoneTest, WhatIsAboveItIsMadeAgainToo) {
  Do([&](Session&) {
    JournalSync disk(loop());
    std::unique_ptr<SessionFiles> files = OpenBelow(disk);
    ASSERT_NE(files, nullptr);
    saved::State state;
    state.set_epoch(7);
    ASSERT_TRUE(files->SaveState(state).ok());
    const std::string id = NewUuid();
    files->tells().Set(id, v1::TellState::SETTLED);
    Remove(data);
    EXPECT_TRUE(files->SaveLaunch(spec).ok());
    for (const char* path : {"", "/hosts", "/hosts/sessions", "/hosts/sessions/one"}) {
      EXPECT_EQ(ModeOf(data + path), 0700u) << path;
    }
    files.reset();
    files = OpenBelow(disk);
    ASSERT_NE(files, nullptr);
    EXPECT_EQ(files->state().epoch(), 7u);
    ASSERT_NE(files->launch(), nullptr);
    EXPECT_EQ(files->launch()->cwd(), spec.cwd());
    EXPECT_EQ(files->tells().PhaseOf(id), v1::TellState::SETTLED);
  });
}

TEST_F(SessionGoneTest, WhereItCannotBeMadeTheFailureSaysWhatIsGone) {
  Do([&](Session&) {
    JournalSync disk(loop());
    std::unique_ptr<SessionFiles> files = OpenBelow(disk);
    ASSERT_NE(files, nullptr);
    Remove(data);
    std::ofstream(data) << "in its place";
    for (const absl::Status& status :
         {files->CheckRoom(), files->SaveState(saved::State()), files->SaveLaunch(spec),
          SessionFiles::Open(disk, below + "-other", NewUuid()).status()}) {
      const v1::Failure failure = ToProto(status);
      EXPECT_EQ(failure.kind(), v1::FAILURE_STORAGE);
      EXPECT_THAT(failure.detail(), AllOf(HasSubstr(data), HasSubstr("is gone")));
      EXPECT_EQ(failure.fix(), kFixGoneDir);
    }
    fs::remove(data);
    EXPECT_TRUE(files->CheckRoom().ok());
    EXPECT_TRUE(fs::exists(below + "/state"));
  });
}

}  // namespace
}  // namespace iris
