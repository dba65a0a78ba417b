#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/endpoint/endpoint.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

Endpoint In(const ScratchDir& scratch) {
  return {.dir = scratch.path(),
          .socket = scratch.File("agent.sock"),
          .lock = scratch.File("agent.lock")};
}

// A child that tries for the lock when told to, says 'y' or 'n', and keeps it until killed.
struct Racer {
  pid_t pid;
  ScopedFd answer;
};

Racer StartRacer(const Endpoint& endpoint, int start) {
  int fds[2];
  EXPECT_EQ(pipe(fds), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    char go;
    if (read(start, &go, 1) < 0) _exit(1);
    const absl::StatusOr<ScopedFd> lock = LockEndpoint(endpoint);
    const char answer = lock.ok() ? 'y' : (absl::IsAlreadyExists(lock.status()) ? 'n' : '?');
    if (write(fds[1], &answer, 1) != 1) _exit(1);
    while (true) pause();
  }
  close(fds[1]);
  return {.pid = pid, .answer = ScopedFd(fds[0])};
}

TEST(LockTest, OfManyRacersExactlyOneWins) {
  for (int round = 0; round < 20; ++round) {
    const ScratchDir scratch;
    int start[2];
    ASSERT_EQ(pipe(start), 0);
    std::vector<Racer> racers;
    for (int i = 0; i < 4; ++i) racers.push_back(StartRacer(In(scratch), start[0]));
    ASSERT_EQ(write(start[1], "gogo", 4), 4);
    std::string answers;
    for (Racer& racer : racers) {
      char answer = 0;
      EXPECT_EQ(read(racer.answer.get(), &answer, 1), 1);
      answers.push_back(answer);
    }
    EXPECT_EQ(std::count(answers.begin(), answers.end(), 'y'), 1) << answers;
    EXPECT_EQ(std::count(answers.begin(), answers.end(), 'n'), 3) << answers;
    for (Racer& racer : racers) {
      kill(racer.pid, SIGKILL);
      waitpid(racer.pid, nullptr, 0);
    }
    close(start[0]);
    close(start[1]);
  }
}

TEST(LockTest, TheHolderIsNamedAndItsEndFreesTheLock) {
  const ScratchDir scratch;
  {
    const absl::StatusOr<ScopedFd> held = LockEndpoint(In(scratch));
    ASSERT_TRUE(held.ok()) << held.status();
    const absl::Status second = LockEndpoint(In(scratch)).status();
    EXPECT_TRUE(absl::IsAlreadyExists(second));
    EXPECT_THAT(std::string(second.message()), HasSubstr(absl::StrCat("pid ", getpid())));
  }
  EXPECT_TRUE(LockEndpoint(In(scratch)).ok());
}

TEST(LockTest, ALockWhoseFileWasRemovedDoesNotBlockTheNext) {
  const ScratchDir scratch;
  const absl::StatusOr<ScopedFd> held = LockEndpoint(In(scratch));
  ASSERT_TRUE(held.ok());
  ASSERT_EQ(unlink(In(scratch).lock.c_str()), 0);
  EXPECT_TRUE(LockEndpoint(In(scratch)).ok());
}

TEST(LockTest, ALinkInItsPlaceIsRefused) {
  const ScratchDir scratch;
  ASSERT_EQ(symlink("/etc/hostname", In(scratch).lock.c_str()), 0);
  EXPECT_EQ(KindOf(LockEndpoint(In(scratch)).status()), v1::FAILURE_STORAGE);
}

}  // namespace
}  // namespace iris
