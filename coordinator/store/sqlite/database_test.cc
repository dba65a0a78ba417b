#include "coordinator/store/sqlite/database.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/scoped_fd.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

// Whether another process finds the file locked.
bool IsLocked(const std::string& path) {
  const pid_t child = fork();
  if (child == 0) {
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0, .l_pid = 0};
    const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
    _exit(fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? 1 : 0);
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WEXITSTATUS(status) == 1;
}

TEST(DatabaseTest, AFailureKeepsTheLockOfWhoHasIt) {
  const ScratchDir dir;
  const std::string path = dir.File("one.db");
  const std::unique_ptr<Database> database = *Database::Open(path);
  ASSERT_TRUE(
      database->Run("PRAGMA locking_mode = EXCLUSIVE; CREATE TABLE one (x); BEGIN IMMEDIATE").ok());
  ASSERT_TRUE(IsLocked(path));
  absl::StatusOr<Statement> unfinished =
      database->Prepare("INSERT INTO one VALUES (1), (2) RETURNING x");
  ASSERT_TRUE(*unfinished->Step());
  EXPECT_THAT(ToProto(database->Run("COMMIT")).detail(), HasSubstr("statements in progress"));
  EXPECT_TRUE(IsLocked(path));
}

// Whoever cannot open it hears by whom it is held.
TEST(DatabaseTest, WhoHoldsTheFileIsNamed) {
  const ScratchDir dir;
  const std::string path = dir.File("one.db");
  int held[2], enough[2];
  ASSERT_EQ(pipe(held) + pipe(enough), 0);
  const pid_t holder = fork();
  if (holder == 0) {
    close(enough[1]);
    const std::unique_ptr<Database> database = *Database::Open(path);
    const bool taken = database->Run("PRAGMA locking_mode = EXCLUSIVE; CREATE TABLE one (x)").ok();
    char byte = taken ? 'y' : 'n';
    _exit(write(held[1], &byte, 1) == 1 && read(enough[0], &byte, 1) == 0 ? 0 : 1);
  }
  close(enough[0]);
  char byte = 0;
  ASSERT_EQ(read(held[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  const absl::StatusOr<std::unique_ptr<Database>> second = Database::Open(path);
  const absl::Status refused = second.ok() ? (*second)->Run("BEGIN IMMEDIATE") : second.status();
  EXPECT_THAT(ToProto(refused).detail(), HasSubstr("locked by pid " + std::to_string(holder)));
  close(enough[1]);
  int status = -1;
  EXPECT_EQ(waitpid(holder, &status, 0), holder);
  EXPECT_EQ(status, 0);
  close(held[0]);
  close(held[1]);
}

// So many descriptors are left to this process as long as this lives.
class DescriptorsLeft {
 public:
  explicit DescriptorsLeft(rlim_t left) {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    const ScopedFd lowest(open("/dev/null", O_RDONLY | O_CLOEXEC));
    rlimit lowered = before_;
    lowered.rlim_cur = static_cast<rlim_t>(lowest.get()) + left;
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &lowered), 0);
  }
  ~DescriptorsLeft() { EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before_), 0); }

 private:
  rlimit before_;
};

void ExpectLimitOnOpenFiles(const absl::Status& status) {
  EXPECT_EQ(KindOf(status), v1::FAILURE_BUSY_LIMIT) << status;
  EXPECT_THAT(ToProto(status).fix(), HasSubstr("ulimit -n"));
}

TEST(DatabaseTest, WantOfDescriptorsIsNoFaultOfTheDisk) {
  const ScratchDir dir;
  {
    const DescriptorsLeft none(0);
    ExpectLimitOnOpenFiles(Database::Open(dir.File("one.db")).status());
  }
  absl::StatusOr<std::unique_ptr<Database>> database = absl::UnknownError("");
  {
    const DescriptorsLeft one(1);  // The file's; its journal needs another.
    database = Database::Open(dir.File("one.db"));
    ASSERT_TRUE(database.ok()) << database.status();
    ExpectLimitOnOpenFiles((*database)->Run("CREATE TABLE one (x)"));
  }
  EXPECT_TRUE((*database)->Run("CREATE TABLE one (x)").ok());
}

TEST(DatabaseTest, TheLimitOnTheSizeOfAFileIsNamed) {
  for (const char* mode : {"WAL", "DELETE"}) {
    const ScratchDir dir;
    const auto fill = [&] {
      signal(SIGXFSZ, SIG_IGN);
      const std::unique_ptr<Database> database = *Database::Open(dir.File("one.db"));
      const std::string journal = absl::StrCat("PRAGMA journal_mode = ", mode);
      EXPECT_TRUE(database->Run("PRAGMA locking_mode = EXCLUSIVE").ok());
      EXPECT_TRUE(database->Run(journal.c_str()).ok());
      EXPECT_TRUE(database->Run("CREATE TABLE one (x)").ok());
      const rlimit limit = {.rlim_cur = 300'000, .rlim_max = 300'000};
      EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
      const absl::Status full = database->Run("INSERT INTO one VALUES (zeroblob(1000000))");
      EXPECT_EQ(KindOf(full), v1::FAILURE_STORAGE) << full;
      EXPECT_THAT(ToProto(full).detail(), HasSubstr("is 300000)"));
      EXPECT_THAT(ToProto(full).fix(), HasSubstr("ulimit -f"));
      EXPECT_TRUE(database->Run("INSERT INTO one VALUES (1)").ok());
      _exit(::testing::Test::HasFailure() ? 1 : 0);
    };
    EXPECT_EXIT(fill(), ::testing::ExitedWithCode(0), "") << mode;
  }
}

// SQLite computes it when it prepares the statement.
TEST(DatabaseTest, WhatSqliteKnowsOfTheFileIsAsItIsNow) {
  const ScratchDir dir;
  const std::unique_ptr<Database> database = *Database::Open(dir.File("one.db"));
  ASSERT_TRUE(database->Run("PRAGMA page_size = 4096; CREATE TABLE one (x)").ok());
  EXPECT_EQ(*database->Pragma("page_size"), 4096);
  ASSERT_TRUE(database->Run("PRAGMA page_size = 1024; VACUUM").ok());
  EXPECT_EQ(*database->Pragma("page_size"), 1024);
}

TEST(DatabaseTest, AFileThatCannotBeOpenedOtherwiseIsOne) {
  const ScratchDir dir;
  EXPECT_EQ(KindOf(Database::Open(dir.File("nowhere/one.db")).status()), v1::FAILURE_STORAGE);
}

}  // namespace
}  // namespace iris
