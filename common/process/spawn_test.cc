#include "common/process/spawn.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/time/time.h"
#include "common/base/scoped_fd.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

// Runs `argv` to its end and returns what it printed; `spec` gives the rest.
std::string OutputOf(SpawnSpec spec) {
  int fds[2];
  EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
  ScopedFd reader(fds[0]), writer(fds[1]);
  spec.fds.push_back({1, writer.get()});
  const absl::StatusOr<pid_t> pid = Spawn(spec);
  EXPECT_TRUE(pid.ok()) << pid.status();
  writer.Reset();
  std::string output;
  char buffer[4096];
  for (ssize_t n; (n = read(reader.get(), buffer, sizeof(buffer))) > 0;) output.append(buffer, n);
  EXPECT_EQ(waitpid(*pid, nullptr, 0), *pid);
  return output;
}

TEST(SpawnTest, ArgumentsAndEnvironmentPassUntouched) {
  EXPECT_EQ(OutputOf({.argv = {"/bin/sh", "-c", "printf '%s|%s' \"$1\" \"$X\"", "sh", "a 'b' $c\n"},
                      .env = {"X=1 2"}}),
            "a 'b' $c\n|1 2");
}

TEST(SpawnTest, OnlyTheNamedDescriptorsAreOpen) {
  const ScopedFd stray(fcntl(STDERR_FILENO, F_DUPFD, 50));  // Not close-on-exec on purpose.
  ASSERT_GE(stray.get(), 50);
  const std::string listing =
      OutputOf({.argv = {"/bin/sh", "-c", "for f in /proc/$$/fd/*; do echo ${f##*/}; done"},
                .fds = {{7, STDERR_FILENO}}});
  EXPECT_THAT(listing, ::testing::StartsWith("0\n1\n2\n"));
  EXPECT_THAT(listing, HasSubstr("\n7\n"));
  EXPECT_THAT(listing, ::testing::Not(HasSubstr("\n" + std::to_string(stray.get()) + "\n")));
}

TEST(SpawnTest, SwappedDescriptorsArriveAsAsked) {
  int a[2];
  ASSERT_EQ(pipe2(a, O_CLOEXEC), 0);
  ScopedFd a_reader(a[0]), a_writer(a[1]);
  ASSERT_EQ(write(a_writer.get(), "from-a", 6), 6);
  a_writer.Reset();
  // The child's number 3 may well be one of our sources.
  EXPECT_EQ(OutputOf({.argv = {"/bin/sh", "-c", "cat <&3"},
                      .env = {"PATH=/usr/bin:/bin"},
                      .fds = {{3, a_reader.get()}, {4, STDERR_FILENO}}}),
            "from-a");
}

// A directory with a program `said` that says its name.
std::string WithProgram(const ScratchDir& scratch, const std::string& name) {
  const std::string dir = scratch.File(name);
  std::filesystem::create_directory(dir);
  std::ofstream(dir + "/said") << "#!/bin/sh\necho " << name << "\n";
  chmod((dir + "/said").c_str(), 0700);
  return dir;
}

TEST(SpawnTest, AProgramIsLookedUpWhereTheChildWouldLook) {
  const ScratchDir scratch;
  const std::string here = WithProgram(scratch, "here"), there = WithProgram(scratch, "there");
  const auto said = [](const std::string& path) {
    return OutputOf({.argv = {"said"}, .env = {"PATH=" + path}});
  };
  EXPECT_EQ(said(here + ":" + there), "here\n");
  EXPECT_EQ(said("::relative:" + scratch.path() + ":" + there), "there\n");
  EXPECT_EQ(OutputOf({.argv = {"sh", "-c", "echo ours"}}), "ours\n") << "where it has no PATH";
  EXPECT_EQ(OutputOf({.argv = {"sh", "-c", "echo ours"}, .env = {"PATH="}}), "ours\n");
  EXPECT_TRUE(absl::IsNotFound(Spawn({.argv = {"said"}, .env = {"PATH=/usr/bin"}}).status()));
}

TEST(SpawnTest, WhichFileAProgramIsCanBeAsked) {
  const ScratchDir scratch;
  const std::string here = WithProgram(scratch, "here");
  std::filesystem::create_directory(scratch.File("linked"));
  std::filesystem::create_symlink(here + "/said", scratch.File("linked/said"));
  std::filesystem::create_directories(scratch.File("folder/said"));
  const std::string real = std::filesystem::canonical(here + "/said");
  const auto found = [](const std::string& path) { return ExecutableOf("said", {"PATH=" + path}); };
  EXPECT_EQ(found(here), real);
  EXPECT_EQ(found(scratch.File("folder") + ":" + scratch.File("linked")), real);
  EXPECT_EQ(found(scratch.path()), "said");
  EXPECT_EQ(ExecutableOf("../said", {"PATH=" + here}), "../said");
}

TEST(SpawnTest, MissingProgramAndDirectoryAreNamed) {
  const absl::Status program = Spawn({.argv = {"/nonexistent/x"}}).status();
  EXPECT_TRUE(absl::IsNotFound(program));
  EXPECT_THAT(std::string(program.message()), HasSubstr("exec /nonexistent/x"));
  const absl::Status directory = Spawn({.argv = {"/bin/true"}, .cwd = "/nonexistent"}).status();
  EXPECT_THAT(std::string(directory.message()), HasSubstr("chdir"));
}

TEST(SpawnTest, StartTimeNamesALiveProcessOnly) {
  EXPECT_GT(ProcessStartTime(getpid()), 0u);
  const absl::StatusOr<pid_t> pid = Spawn({.argv = {"/bin/true"}});
  ASSERT_TRUE(pid.ok());
  ASSERT_EQ(waitpid(*pid, nullptr, 0), *pid);
  EXPECT_EQ(ProcessStartTime(*pid), 0u);
}

TEST(SpawnTest, CpuTimeGrowsWithWork) {
  const absl::Duration before = ProcessCpuTime(getpid());
  for (volatile uint64_t i = 0; ProcessCpuTime(getpid()) <= before; i = i + 1) {
  }
  EXPECT_LT(ProcessCpuTime(getpid()), absl::Hours(1));
  EXPECT_EQ(ProcessCpuTime(-1), absl::ZeroDuration());
}

}  // namespace
}  // namespace iris
