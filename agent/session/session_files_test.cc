#include "agent/session/session_files.h"

#include <cstdint>
#include <filesystem>
#include <string>

#include "agent/journal/journal_sync.h"
#include "agent/session/part_fixture.h"
#include "common/base/ids.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

class SessionFilesTest : public PartFixture {
 protected:
  void NoteChild(bool runs) {
    saved::State state = files->state();
    state.clear_child();
    if (runs) state.mutable_child()->set_keeper(1);
    ASSERT_TRUE(files->SaveState(state).ok());
  }
  // What a tell writes, in the order in which it does; its reader has stored it, and the disk has
  // it.
  void Tell() {
    ASSERT_TRUE(files->CheckRoom().ok());
    const std::string id = NewUuid();
    v1::Event event;
    event.mutable_accepted()->set_tell_id(id);
    log->Append(event);
    files->tells().Set(id, v1::TellState::ACCEPTED);
    event.mutable_written()->set_tell_id(id);
    log->Append(event);
    files->tells().Set(id, v1::TellState::WRITTEN);
    for (int line = 0; line < 4; ++line) log->AppendOutput("a line", /*more=*/false);
    event.mutable_settled()->set_tell_id(id);
    files->tells().Set(id, v1::TellState::SETTLED, log->Append(event));
    log->Acknowledge(log->journal().newest_seq());
    Pass(JournalSync::kSyncWithin);
    EXPECT_EQ(log->journal().oldest_known(), log->journal().newest_seq());
  }
  uint64_t OpenedBy(int tells) {
    const uint64_t before = disk.kept_files().opened();
    for (int i = 0; i < tells; ++i) Tell();
    return disk.kept_files().opened() - before;
  }
};

TEST_F(SessionFilesTest, ATellToAChildThatRunsOpensNothing) {
  NoteChild(true);
  EXPECT_EQ(OpenedBy(1), 3u);  // The ledger, the segment, and the mark.
  EXPECT_EQ(OpenedBy(100), 0u);
  EXPECT_EQ(disk.kept_files().open(), 3u);
}

TEST_F(SessionFilesTest, NothingStaysOpenWithoutAChild) {
  NoteChild(true);
  Tell();
  NoteChild(false);
  EXPECT_EQ(disk.kept_files().open(), 0u);
  EXPECT_GT(OpenedBy(2), 0u);
  EXPECT_EQ(disk.kept_files().open(), 0u);
}

TEST_F(SessionFilesTest, WhatStayedOpenIsWhatTheNextAgentFinds) {
  NoteChild(true);
  Tell();
  const std::string open = NewUuid();
  v1::Event event;
  event.mutable_written()->set_tell_id(open);
  log->Append(event);
  files->tells().Set(open, v1::TellState::WRITTEN);
  NextAgent();
  ASSERT_EQ(files->tells().Open().size(), 1u);
  EXPECT_EQ(files->tells().Open()[0].tell_id(), open);
  EXPECT_TRUE(files->journal().has_unacknowledged());
}

// As when somebody removes the directory in the middle of a turn.
TEST_F(SessionFilesTest, WhatStayedOpenAndWasRemovedIsMadeAgain) {
  NoteChild(true);
  Tell();
  std::filesystem::remove_all(scratch.File("session"));
  Tell();
  EXPECT_EQ(OpenedBy(10), 0u);
  const std::string id = NewUuid();
  files->tells().Set(id, v1::TellState::SETTLED, 1);
  NextAgent();
  EXPECT_EQ(files->tells().PhaseOf(id), v1::TellState::SETTLED);
  EXPECT_TRUE(files->state().has_child());
}

}  // namespace
}  // namespace iris
