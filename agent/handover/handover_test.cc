#include "agent/handover/handover.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

handover::Agent SomeState() {
  handover::Agent state;
  state.set_format(kHandoverFormat);
  state.set_data_lock(-1);
  handover::Session& session = *state.add_sessions();
  session.set_unfinished_line("\xff{\"a");
  session.mutable_child()->set_stdin_fd(7);
  session.mutable_child()->set_stdout_fd(-1);
  session.mutable_child()->set_stderr_fd(9);
  session.mutable_child()->set_report_fd(10);
  handover::Place& place = *state.add_places();
  place.set_lock_fd(5);
  place.set_listening_fd(6);
  return state;
}

TEST(HandoverTest, WhatIsWrittenIsRead) {
  absl::StatusOr<ScopedFd> file = WriteHandover(SomeState());
  ASSERT_TRUE(file.ok()) << file.status();
  const absl::StatusOr<handover::Agent> state = ReadHandover(file->Release());
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->SerializeAsString(), SomeState().SerializeAsString());
  EXPECT_THAT(DescriptorsIn(*state), UnorderedElementsAre(5, 6, 7, 9, 10));
  EXPECT_THAT(ChildDescriptorsIn(*state), ElementsAre(7, 9, 10));
}

TEST(HandoverTest, WhatIsNoStateIsRefused) {
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const ScopedFd writer(pipe_ends[1]);
  EXPECT_TRUE(absl::IsDataLoss(ReadHandover(pipe_ends[0]).status()));
  EXPECT_TRUE(absl::IsDataLoss(ReadHandover(999).status()));
  handover::Agent later = SomeState();
  later.set_format(kHandoverFormat + 1);
  EXPECT_TRUE(absl::IsDataLoss(ReadHandover(WriteHandover(later)->Release()).status()));
}

TEST(HandoverTest, ExecKeepsWhatIsInheritedAndNothingElse) {
  int kept[2], open_too[2], out[2];
  ASSERT_EQ(pipe(kept), 0);
  ASSERT_EQ(pipe(open_too), 0);
  ASSERT_EQ(pipe(out), 0);
  // Globbing /proc/self/fd would open another one.
  const std::string script =
      absl::StrCat("for fd in ", kept[0], " ", kept[1], " ", open_too[0], " ", open_too[1], " ",
                   out[0], " ", out[1], "; do [ ! -e /proc/self/fd/$fd ] || echo $fd; done");
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(out[1], STDOUT_FILENO);
    (void)BecomeProgram("/bin/sh", {"-c", script}, {kept[0]});
    _exit(9);
  }
  close(out[1]);
  std::string said;
  char buffer[4096];
  for (ssize_t n; (n = read(out[0], buffer, sizeof(buffer))) > 0;) said.append(buffer, n);
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(said, absl::StrCat(kept[0], "\n"));
}

TEST(HandoverTest, WhatCannotBeRunChangesNothing) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const absl::Status status = BecomeProgram("/nonexistent", {}, {ends[0]});
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nonexistent"));
  EXPECT_EQ(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
}

}  // namespace
}  // namespace iris
