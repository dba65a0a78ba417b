#include "coordinator/store/sqlite/sqlite_store.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "coordinator/store/sqlite/database.h"
#include "coordinator/store/sqlite/store_fixture.h"
#include "coordinator/store/store.h"
#include "coordinator/store/store_trouble.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(StoreTest, WhatWasStoredIsThereAfterReopening) {
  std::string id, coordinator_id, session_id;
  {
    const auto store = Opened();
    coordinator_id = store->coordinator_id();
    session_id = store->GetOrCreateSession("cli", "gpu")->session_id;
    id = Added(*store, "do it");
    now_ += absl::Seconds(3);
    const absl::Status failed = MakeFailure(v1::FAILURE_CHILD_EXITED, "signal 9", "Again.");
    EXPECT_TRUE(Settle(*store, id, failed, "half an ans\xE2\x82").ok());
  }
  const auto store = Opened();
  EXPECT_TRUE(IsUuid(coordinator_id));
  EXPECT_EQ(store->coordinator_id(), coordinator_id);
  const StoredTell tell = store->FindTell(id)->value();
  EXPECT_EQ(tell.from, "cli");
  EXPECT_EQ(tell.to, "gpu");
  EXPECT_EQ(tell.text, "do it");
  EXPECT_EQ(tell.state, TellState::kSettled);
  EXPECT_EQ(tell.answer, "half an ans\xE2\x82");
  EXPECT_EQ(KindOf(tell.outcome), v1::FAILURE_CHILD_EXITED);
  EXPECT_EQ(ToProto(tell.outcome).fix(), "Again.");
  EXPECT_EQ(tell.settled_at - tell.accepted_at, absl::Seconds(3));

  const StoredSession session = store->Sessions()->at(0);
  EXPECT_EQ(session.session_id, session_id);
  EXPECT_EQ(session.message_count, 1u);
  EXPECT_EQ(session.last_used_at, now_);
}

TEST_F(StoreTest, OnePairHasOneSession) {
  const auto store = Opened();
  const std::string first = store->GetOrCreateSession("cli", "gpu")->session_id;
  EXPECT_EQ(store->GetOrCreateSession("cli", "gpu")->session_id, first);
  EXPECT_NE(store->GetOrCreateSession("gpu", "cli")->session_id, first);
  EXPECT_EQ(store->Sessions()->size(), 2u);
}

TEST_F(StoreTest, ATellIsSettledExactlyOnce) {
  const auto store = Opened();
  const std::string id = Added(*store);
  ASSERT_TRUE(Settle(*store, id, absl::OkStatus(), "first").ok());

  EXPECT_TRUE(Settle(*store, id, MakeFailure(v1::FAILURE_DROPPED, "late"), "second").ok());
  EXPECT_TRUE(store->MarkRunning(id).ok());
  const StoredTell tell = store->FindTell(id)->value();
  EXPECT_TRUE(tell.outcome.ok());
  EXPECT_EQ(tell.answer, "first");
  EXPECT_EQ(tell.state, TellState::kSettled);
  EXPECT_EQ(store->Sessions()->at(0).message_count, 1u);
}

TEST_F(StoreTest, WhatIsTakenBackIsQueuedAgainUnlessItIsOver) {
  const auto store = Opened();
  const std::string id = Added(*store);
  ASSERT_TRUE(store->MarkRunning(id).ok());
  EXPECT_EQ((*store->FindTell(id))->state, TellState::kRunning);
  ASSERT_TRUE(store->MarkQueued(id).ok());
  EXPECT_EQ((*store->FindTell(id))->state, TellState::kQueued);
  ASSERT_TRUE(store->MarkRunning(id).ok());
  ASSERT_TRUE(Settle(*store, id, absl::OkStatus(), "done").ok());
  ASSERT_TRUE(store->MarkQueued(id).ok());
  EXPECT_EQ((*store->FindTell(id))->state, TellState::kSettled);
}

TEST_F(StoreTest, OpenTellsAreThoseNotSettledInOrder) {
  const auto store = Opened();
  const std::string a = Added(*store), b = Added(*store), c = Added(*store);
  ASSERT_TRUE(store->MarkRunning(a).ok());
  ASSERT_TRUE(Settle(*store, b, absl::OkStatus(), "").ok());

  EXPECT_THAT(*store->OpenTells(), ElementsAre(a, c));
  EXPECT_EQ(store->FindTell(a)->value().state, TellState::kRunning);
  EXPECT_EQ(store->FindTell(c)->value().state, TellState::kQueued);
}

TEST_F(StoreTest, ACancelIsKeptUntilItsHostHasHeardOfItWhateverBecomesOfTheTell) {
  auto store = Opened();
  const std::string id = Added(*store);
  ASSERT_TRUE(store->NoteCancel(id, "on-host").ok());
  ASSERT_TRUE(store->NoteCancel(id, "on-host").ok());
  ASSERT_TRUE(Settle(*store, id, MakeFailure(v1::FAILURE_CANCELLED, "away"), "").ok());
  store.reset();
  store = Opened();
  const std::vector<Store::PendingCancel> cancels = *store->Cancels();
  ASSERT_EQ(cancels.size(), 1u);
  EXPECT_EQ(cancels[0].tell_id, id);
  EXPECT_EQ(cancels[0].id_on_host, "on-host");
  EXPECT_EQ(cancels[0].from, "cli");
  EXPECT_EQ(cancels[0].to, "gpu");
  ASSERT_TRUE(store->ForgetCancel("on-host").ok());
  EXPECT_TRUE(store->Cancels()->empty());
}

TEST_F(StoreTest, ACancelIsForTheHostThatHadTheTellAndEndsWithTheAgentThere) {
  const auto store = Opened();
  const std::string id = Added(*store), other = Added(*store);
  const std::string session_id = store->Sessions()->at(0).session_id;
  const auto move_to = [&](const std::string& host) {
    Checkpoint at{.session_id = session_id, .mark = {.host = {.key = host, .name = host}}};
    ASSERT_TRUE(store->Save({at}, {}).ok());
  };
  ASSERT_TRUE(store->NoteCancel(other, "other-on-host").ok());  // Before any host was read.
  move_to("a");
  ASSERT_TRUE(store->NoteCancel(id, "on-host").ok());
  move_to("b");
  ASSERT_TRUE(store->NoteCancel(id, "on-host").ok());
  std::map<std::string, std::string> hosts;
  const std::vector<Store::PendingCancel> pending = *store->Cancels();
  for (const Store::PendingCancel& cancel : pending) {
    hosts[cancel.tell_id] = cancel.host;
    EXPECT_EQ(cancel.session_id, session_id);
  }
  EXPECT_EQ(hosts, (std::map<std::string, std::string>{{id, "a"}, {other, ""}}));
  ASSERT_TRUE(store->ForgetPlaced("b").ok());
  EXPECT_EQ(store->Cancels()->size(), 2u);
  ASSERT_TRUE(store->ForgetPlaced("a").ok());
  ASSERT_EQ(store->Cancels()->size(), 1u);
  EXPECT_EQ(store->Cancels()->at(0).tell_id, other);
}

TEST_F(StoreTest, AnIdIsAddedOnce) {
  const auto store = Opened();
  const std::string id = Added(*store);
  const std::string session_id = store->Sessions()->at(0).session_id;
  EXPECT_EQ(KindOf(store->AddTell(id, session_id, "again")), v1::FAILURE_STORAGE);
  EXPECT_EQ(store->FindTell(id)->value().text, "hello");
}

TEST_F(StoreTest, EverythingOnDiskIsForTheOwnerOnly) {
  const mode_t before = umask(0);
  { Opened(); }
  std::filesystem::permissions(path_, std::filesystem::perms(0644));  // Somebody copied it.
  const auto store = Opened();
  Added(*store);
  umask(before);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.path())) {
    EXPECT_EQ(static_cast<int>(entry.status().permissions()) & 077, 0) << entry.path();
  }
}

TEST_F(StoreTest, OnlyOneProcessHoldsTheFile) {
  const auto store = Opened();
  Added(*store);
  const absl::Status second = SqliteStore::Open(Options()).status();
  EXPECT_EQ(KindOf(second), v1::FAILURE_STORAGE);
  EXPECT_THAT(ToProto(second).detail(), HasSubstr(path_));
}

TEST_F(StoreTest, AStoreThatIsNotAtItsPlaceAnyMoreTakesNoTell) {
  const std::string elsewhere = dir_.File("elsewhere");
  const std::string folder = std::filesystem::path(path_).parent_path();
  const std::function<void()> ways[] = {
      [&] { std::filesystem::remove_all(folder); },
      [&] { std::filesystem::rename(folder, elsewhere); },
      [&] {
        std::filesystem::rename(path_, elsewhere);
        std::ofstream(path_) << "another";
      },
  };
  for (const auto& go : ways) {
    const auto store = Opened();
    const std::string id = Added(*store);
    const std::string session = store->GetOrCreateSession("cli", "gpu")->session_id;
    go();
    const absl::Status refused = store->AddTell(NewUuid(), session, "hello");
    EXPECT_EQ(KindOf(refused), v1::FAILURE_STORAGE) << refused;
    EXPECT_THAT(ToProto(refused).detail(),
                HasSubstr(path_ + " was removed or replaced while the coordinator runs"));
    EXPECT_THAT(ToProto(refused).fix(), HasSubstr("iris stop"));
    // What was accepted before goes on.
    EXPECT_TRUE(store->MarkRunning(id).ok());
    EXPECT_TRUE(Settle(*store, id, absl::OkStatus(), "yes").ok());
    EXPECT_EQ((*store->FindTell(id))->answer, "yes");
    std::filesystem::remove_all(folder);
    std::filesystem::remove_all(elsewhere);
  }
}

TEST_F(StoreTest, AStoreThatIsPutBackToItsPlaceTakesTellsAgain) {
  const auto store = Opened();
  const std::string session = store->GetOrCreateSession("cli", "gpu")->session_id;
  const std::string folder = std::filesystem::path(path_).parent_path();
  std::filesystem::rename(folder, dir_.File("elsewhere"));
  EXPECT_FALSE(store->AddTell(NewUuid(), session, "hello").ok());
  std::filesystem::rename(dir_.File("elsewhere"), folder);
  EXPECT_TRUE(store->AddTell(NewUuid(), session, "hello").ok());
}

TEST_F(StoreTest, AFullDiskKeepsNobodyFromReadingWhatAKilledProcessLeft) {
  const std::string id = NewUuid();
  const auto be_killed = [&] {
    const auto store = Opened();
    (void)store->AddTell(id, store->GetOrCreateSession("cli", "gpu")->session_id, "hello");
    _exit(0);
  };
  EXPECT_EXIT(be_killed(), ::testing::ExitedWithCode(0), "");
  ASSERT_TRUE(std::filesystem::exists(path_ + "-wal"));
  const auto read_without_room = [&] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit none = {};
    setrlimit(RLIMIT_FSIZE, &none);
    const absl::StatusOr<std::unique_ptr<SqliteStore>> store = SqliteStore::Open(Options());
    if (!store.ok()) std::cerr << store.status() << std::endl;
    _exit(store.ok() && (*store)->FindTell(id)->has_value() ? 0 : 1);
  };
  EXPECT_EXIT(read_without_room(), ::testing::ExitedWithCode(0), "");
}

TEST_F(StoreTest, ManySmallTellsFitBelowALimitOnTheSizeOfAFile) {
  const auto store_many = [&] {
    signal(SIGXFSZ, SIG_IGN);
    constexpr rlim_t kBytes = 1 << 20;
    const rlimit limit = {.rlim_cur = kBytes, .rlim_max = kBytes};
    setrlimit(RLIMIT_FSIZE, &limit);
    StoreOptions options = Options();
    options.settled_tells_max = 2;
    const auto store = Opened(options);
    for (int i = 0; i < 200; ++i) EXPECT_TRUE(store->MarkFetched(Answered(*store)).ok());
    _exit(HasFailure() ? 1 : 0);
  };
  EXPECT_EXIT(store_many(), ::testing::ExitedWithCode(0), "");
}

TEST_F(StoreTest, WhatDoesNotFitBelowALimitOnTheSizeOfAFileLeavesRoomForTheRest) {
  const auto store_much = [&] {
    signal(SIGXFSZ, SIG_IGN);
    constexpr rlim_t kBytes = 1 << 20;
    const rlimit limit = {.rlim_cur = kBytes, .rlim_max = kBytes};
    setrlimit(RLIMIT_FSIZE, &limit);
    const auto store = Opened();
    const std::string id = Added(*store);
    for (int i = 0; i < 3; ++i) {
      const absl::Status refused =
          Settle(*store, id, absl::OkStatus(), std::string(3 * kBytes, 'x'));
      EXPECT_EQ(KindOf(refused), v1::FAILURE_STORAGE) << refused;
      EXPECT_THAT(ToProto(refused).detail(), HasSubstr("is 1048576)"));
      EXPECT_THAT(ToProto(refused).fix(), HasSubstr("ulimit -f"));
    }
    Answered(*store);
    EXPECT_TRUE(Settle(*store, id, absl::OkStatus(), "yes").ok());
    _exit(HasFailure() ? 1 : 0);
  };
  EXPECT_EXIT(store_much(), ::testing::ExitedWithCode(0), "");
}

TEST_F(StoreTest, ALimitStaysWhatItWas) {
  v1::RateLimit limit;
  limit.set_resets_at_ms(1'795'997'982'000);
  limit.set_nothing_ran(true);
  std::string id;
  {
    const auto store = Opened();
    id = Added(*store);
    ASSERT_TRUE(Settle(*store, id, MakeRateLimited("5-hour limit", limit, "Later."), "").ok());
  }
  const auto store = Opened();
  for (const absl::Status& outcome :
       {store->FindTell(id)->value().outcome, store->FindSummary(id)->value().outcome}) {
    EXPECT_EQ(KindOf(outcome), v1::FAILURE_RATE_LIMITED);
    EXPECT_EQ(ToProto(outcome).detail(), "5-hour limit");
    EXPECT_EQ(ToProto(outcome).fix(), "Later.");
    EXPECT_EQ(ToProto(outcome).rate_limit().resets_at_ms(), 1'795'997'982'000);
    EXPECT_TRUE(ToProto(outcome).rate_limit().nothing_ran());
  }
}

TEST_F(StoreTest, ANetworkFileSystemGetsNoWriteAheadLog) {
  {
    const auto local = Opened();
    Added(*local);
    EXPECT_TRUE(std::filesystem::exists(path_ + "-wal"));
  }
  StoreOptions options = Options();
  options.on_network_fs = [](const std::string&) { return true; };
  const auto store = *SqliteStore::Open(options);
  Added(*store);
  EXPECT_FALSE(std::filesystem::exists(path_ + "-wal"));
  EXPECT_EQ(store->OpenTells()->size(), 2u);
}

TEST_F(StoreTest, AFileThatIsNoStoreIsRefusedAndLeftAlone) {
  const std::string garbage(8192, 'x');
  std::filesystem::create_directories(dir_.File("deep/below"));
  std::ofstream(path_) << garbage;

  const Failure failure = ToProto(SqliteStore::Open(Options()).status());
  EXPECT_EQ(failure.kind(), v1::FAILURE_STORAGE);
  EXPECT_THAT(failure.detail(), HasSubstr(path_));
  EXPECT_THAT(failure.fix(), HasSubstr("mv " + path_));
  EXPECT_EQ(std::filesystem::file_size(path_), garbage.size());
}

TEST_F(StoreTest, DamageInsideTheFileIsReportedWithItsPath) {
  { Added(*Opened(), std::string(100'000, 't')); }
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(1024);
    file << std::string(std::filesystem::file_size(path_) - 1024, '\x5a');
  }
  absl::StatusOr<std::unique_ptr<SqliteStore>> store = SqliteStore::Open(Options());
  const absl::Status status = store.ok() ? (*store)->OpenTells().status() : store.status();
  EXPECT_EQ(KindOf(status), v1::FAILURE_STORAGE);
  EXPECT_THAT(ToProto(status).detail(), HasSubstr(path_));
  EXPECT_THAT(ToProto(status).fix(), HasSubstr("Move it away"));
}

TEST_F(StoreTest, TwoMessagesOfOneIdAreDamage) {
  { Added(*Opened()); }
  ASSERT_TRUE((*Database::Open(path_))
                  ->Run("INSERT INTO tells SELECT n + 1, tell_id, session, state, accepted_at, "
                        "settled_at, settled_seq, settled_bytes, settled_age_ms, fetched, dropped "
                        "FROM tells")
                  .ok());
  const absl::Status status = Opened()->OpenTells().status();
  EXPECT_EQ(TroubleOf(status), StoreTrouble::kLost);
  EXPECT_THAT(ToProto(status).detail(), HasSubstr("has two messages for one"));
}

TEST_F(StoreTest, ADirectoryThatCannotBeWrittenIsAStorageFailure) {
  constexpr uid_t kNobody = 65534;
  const std::string closed = dir_.File("closed");
  std::filesystem::create_directory(closed);
  std::filesystem::permissions(closed, std::filesystem::perms(0500));
  path_ = closed + "/iris.db";
  const pid_t child = fork();
  if (child == 0) {
    const bool dropped =
        getuid() != 0 || (chown(dir_.path().c_str(), kNobody, kNobody) == 0 &&
                          chown(closed.c_str(), kNobody, kNobody) == 0 && setuid(kNobody) == 0);
    const Failure failure = ToProto(SqliteStore::Open(Options()).status());
    const bool named = failure.detail().find("cannot write " + path_) != std::string::npos;
    _exit(dropped && named && failure.kind() == v1::FAILURE_STORAGE ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace iris
