#include "agent/session/child_note.h"

#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/session/part_fixture.h"
#include "agent/testing/fake_child.h"
#include "agent/testing/unheard_claude.h"
#include "common/failure/failure.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

class ChildNoteTest : public PartFixture {
 protected:
  ChildNoteTest() {
    absl::StatusOr<std::unique_ptr<ClaudeChild>> started = ClaudeChild::Start(
        loop, {.program = "/bin/claude"}, /*resumed=*/false, FakeChild::Into(&child), claude_sink);
    EXPECT_TRUE(started.ok()) << started.status();
    if (started.ok()) claude = *std::move(started);
  }
  static std::string Who() { return "claude"; }
  // Nothing can be saved any more.
  void BreakDisk() {
    const std::filesystem::path state = scratch.File("session") + "/state";
    std::filesystem::remove(state);
    std::filesystem::create_directory(state);
  }

  SessionContext context{.host_id = "host", .boot_id = "boot", .pid_namespace = "pid:[1]"};
  std::string claim_path = scratch.File("projects/.iris/4f6d.claim");
  HeldClaim claim{"4f6d", context, *files, [this] { return claim_path; }, Who};
  ChildNote note{context, *files, claim, Who};
  UnheardClaude claude_sink;
  FakeChild* child = nullptr;
  std::unique_ptr<ClaudeChild> claude;
};

TEST_F(ChildNoteTest, SaysWhatTheNextAgentFindsTheChildBy) {
  EXPECT_FALSE(note.exists());
  claim.TakeForStart([](const absl::Status& taken) { EXPECT_TRUE(taken.ok()) << taken; });
  ASSERT_TRUE(note.Write(*claude).ok());
  EXPECT_TRUE(note.exists());
  EXPECT_EQ(files->state().child().keeper(), FakeChild::kKeeper);
  EXPECT_EQ(files->state().child().pid(), FakeChild::kPid);
  EXPECT_EQ(files->state().child().boot_id(), "boot");
  EXPECT_EQ(files->state().child().pid_namespace(), "pid:[1]");
  EXPECT_EQ(files->state().child().claim(), claim_path);
  note.Remove();
  EXPECT_FALSE(note.exists());
}

TEST_F(ChildNoteTest, LeavesTheLeaseAlone) {
  saved::State leased;
  leased.set_epoch(7);
  ASSERT_TRUE(files->SaveState(leased).ok());
  ASSERT_TRUE(note.Write(*claude).ok());
  note.Remove();
  EXPECT_EQ(files->state().epoch(), 7u);
}

TEST_F(ChildNoteTest, OneThatCannotBeWrittenIsNone) {
  BreakDisk();
  EXPECT_EQ(KindOf(note.Write(*claude)), v1::FAILURE_STORAGE);
  EXPECT_FALSE(note.exists());
}

TEST_F(ChildNoteTest, OneThatCannotBeRemovedStays) {
  ASSERT_TRUE(note.Write(*claude).ok());
  BreakDisk();
  note.Remove();
  EXPECT_TRUE(note.exists());
}

}  // namespace
}  // namespace iris
