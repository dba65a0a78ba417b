#include "agent/session/handed_child.h"

#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/process/own_children.h"
#include "agent/testing/fake_child.h"
#include "agent/testing/unheard_claude.h"
#include "common/json/peer_json.h"
#include "common/loop/event_loop.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(HandedChildTest, WhatIsHandedOverComesBackAsItWas) {
  handover::Session before;
  handover::Child& child = *before.mutable_child();
  child.set_keeper(11);
  child.set_pid(12);
  child.set_start_time(13);
  child.set_stdin_fd(14);
  child.set_stdout_fd(15);
  child.set_stderr_fd(16);
  child.set_report_fd(-1);
  child.set_unwritten("not yet written");
  child.set_report_text("not yet read");
  before.set_resumed(true);
  before.set_program("/bin/claude");
  before.set_started_at_ms(1'000);
  before.set_stderr_tail("its last words");
  before.set_unread_bytes(17);

  const ClaudeHandover back = ChildIn(before);
  EXPECT_EQ(back.child.keeper, 11);
  EXPECT_EQ(back.child.pid, 12);
  EXPECT_EQ(back.child.start_time, 13u);
  EXPECT_EQ(back.child.stdin_fd, 14);
  EXPECT_EQ(back.child.stdout_fd, 15);
  EXPECT_EQ(back.child.stderr_fd, 16);
  EXPECT_EQ(back.child.report_fd, -1);
  EXPECT_EQ(back.child.unwritten, "not yet written");
  EXPECT_EQ(back.child.report_text, "not yet read");
  EXPECT_TRUE(back.resumed);
  EXPECT_EQ(back.program, "/bin/claude");
  EXPECT_EQ(back.started_at, absl::FromUnixMillis(1'000));
  EXPECT_EQ(back.stderr_tail, "its last words");
  EXPECT_EQ(back.unread_bytes, 17u);
}

TEST(HandedChildTest, AClaudeIsHandedOverWithTheLineThatItHasNotEnded) {
  EventLoop loop([] { return absl::ZeroDuration(); });
  UnheardClaude sink;
  FakeChild* child = nullptr;
  absl::StatusOr<std::unique_ptr<ClaudeChild>> claude = ClaudeChild::Start(
      loop, {.program = "/bin/claude"}, /*resumed=*/true, FakeChild::Into(&child), sink);
  ASSERT_TRUE(claude.ok()) << claude.status();
  (*claude)->Initialize(absl::Seconds(30));
  child->Say(R"({"type":"control_response","response":{"subtype":"success","request_id":")" +
             TextIn(ParsePeerJson(child->written().back()), "request_id") + R"(","response":{}}})");
  ASSERT_EQ((*claude)->state(), ClaudeChild::State::kReady);
  child->SayOnStderr("a warning");
  child->SayBytes(R"({"type":"assis)");

  handover::Session state;
  HandOverChild(**claude, state);
  EXPECT_TRUE(state.has_child());
  EXPECT_TRUE(state.resumed());
  EXPECT_EQ(state.program(), "/bin/claude");
  EXPECT_EQ(state.stderr_tail(), "a warning");
  EXPECT_EQ(state.unfinished_line(), R"({"type":"assis)");
  EXPECT_EQ(state.started_at_ms(), absl::ToUnixMillis((*claude)->started_at()));
}

TEST(HandedChildTest, OneThatCannotGoOnIsLeftToFinishItsTurn) {
  LetChildFinish({});  // Nothing to do.
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  handover::Session state;
  handover::Child& child = *state.mutable_child();
  child.set_keeper(FakeChild::kKeeper);
  child.set_stdin_fd(ends[1]);
  child.set_stdout_fd(-1);
  child.set_stderr_fd(-1);
  child.set_report_fd(-1);
  LetChildFinish(state);
  char byte;
  EXPECT_EQ(read(ends[0], &byte, 1), 0);  // Its stdin has ended.
  close(ends[0]);
  EXPECT_TRUE(OwnChildren::Get().Has(FakeChild::kKeeper));
  for (int i = 0; i < 3; ++i) OwnChildren::Get().FindOthers();
  EXPECT_TRUE(OwnChildren::Get().may_have_others());  // Nobody will hear what it has left.
  OwnChildren::Get().Forget(FakeChild::kKeeper);
}

}  // namespace
}  // namespace iris
