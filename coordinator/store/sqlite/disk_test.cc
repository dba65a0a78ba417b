// A disk that fails: every write of the store once, at every point.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "coordinator/store/sqlite/store_fixture.h"
#include "coordinator/store/sqlite/testing/failing_disk.h"
#include "coordinator/store/store_trouble.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using Trouble = FailingDisk::Trouble;

class StoreDiskTest : public StoreTest {
 protected:
  StoreOptions OnDisk(bool network_fs = false) {
    StoreOptions options = Options();
    options.vfs = disk_.vfs();
    options.on_network_fs = [network_fs](const std::string&) { return network_fs; };
    options.settled_tells_max = 2;  // So that something is forgotten, too.
    return options;
  }

  FailingDisk disk_;
};

// What a coordinator does with its store, each step until it succeeds.
class Story {
 public:
  explicit Story(Store& store) : store_(store) {}

  // The number of steps that failed.
  int Run() {
    int failed = 0;
    failed += UntilOk([&] { return MakeSession(); });
    for (const std::string& id : ids) {
      failed += UntilOk([&] {
        return store_.TogetherUnsynced([&] { return store_.AddTell(id, session_id_, "hello"); });
      });
      failed += UntilOk([&] { return store_.Sync(); });
      failed += UntilOk([&] { return store_.MarkRunning(id); });
      failed += UntilOk([&] { return store_.Save({Read(id, 1, 0, "so ")}, {}); });
      failed += UntilOk([&] { return store_.Save({Read(id, 2, 3, "far")}, {}); });
      EXPECT_EQ(*store_.FindText(id), "so far");
      failed += UntilOk([&] { return Settle(id); });
      failed += UntilOk([&] { return store_.MarkFetched(id); });
    }
    failed += UntilOk([&] { return store_.KeepHouse(); });
    return failed;
  }

  const std::vector<std::string> ids = {NewUuid(), NewUuid(), NewUuid()};
  // Settlements that were said to have failed, and were there.
  int claimed_failed() const { return claimed_failed_; }

 private:
  absl::Status MakeSession() {
    const absl::StatusOr<StoredSession> session = store_.GetOrCreateSession("cli", "gpu");
    if (session.ok()) session_id_ = session->session_id;
    return session.status();
  }
  Checkpoint Read(const std::string& id, uint64_t seq, size_t at, absl::string_view text) const {
    return {.session_id = session_id_,
            .mark = {.journal_id = "journal", .seq = seq, .in_flight = id},
            .tell_id = id,
            .text_at = at,
            .text = text};
  }
  // With the mark behind it: both or neither, whatever is said of them.
  absl::Status Settle(const std::string& id) {
    const absl::Status saved =
        store_.Save({Read("", 3, 0, "")}, {{.tell_id = id, .outcome = {}, .answer = "so far"}});
    const bool is_settled = (*store_.FindTell(id))->state == TellState::kSettled;
    EXPECT_TRUE(is_settled || !saved.ok());
    EXPECT_EQ(store_.FindMark(session_id_)->seq, is_settled ? 3u : 2u);
    claimed_failed_ += is_settled && !saved.ok() ? 1 : 0;
    return saved;
  }
  static int UntilOk(const std::function<absl::Status()>& step) {
    int failed = 0;
    absl::Status status = step();
    for (; !status.ok() && failed < 10; ++failed) status = step();
    EXPECT_TRUE(status.ok()) << status;
    return failed;
  }

  Store& store_;
  std::string session_id_;
  int claimed_failed_ = 0;
};

// In the mode for network file systems SQLite may say that a commit failed when only what comes
// after it did.
TEST_F(StoreDiskTest, EveryWriteMayFailOnceAndNothingIsHalfDone) {
  for (const bool network_fs : {false, true}) {
    for (const Trouble trouble : {Trouble::kFull, Trouble::kIoError}) {
      uint64_t point = 0;
      int failed_steps = 0, claimed_failed = 0;
      for (bool past_the_end = false; !past_the_end; ++point) {
        SCOPED_TRACE(absl::StrCat("write ", point, network_fs ? ", DELETE" : ", WAL",
                                  trouble == Trouble::kFull ? ", full" : ", I/O error"));
        path_ = dir_.File(absl::StrCat(network_fs, static_cast<int>(trouble), "-", point, ".db"));
        std::unique_ptr<Store> store = Opened(OnDisk(network_fs));
        const uint64_t failed_before = disk_.failed();
        disk_.FailAfter(point, 1, trouble);
        Story story(*store);
        failed_steps += story.Run();
        claimed_failed += story.claimed_failed();
        past_the_end = disk_.failed() == failed_before;
        disk_.Heal();
        store = nullptr;
        store = Opened(OnDisk(network_fs));
        EXPECT_FALSE((*store->FindTell(story.ids[0])).has_value());  // Forgotten for the others.
        for (const std::string& id : {story.ids[1], story.ids[2]}) {
          EXPECT_EQ((*store->FindTell(id))->answer, "so far");
          EXPECT_TRUE((*store->FindTell(id))->fetched);
          EXPECT_EQ(*store->FindText(id), "");
        }
        if (HasFailure()) return;
      }
      EXPECT_GT(point, 20u);
      EXPECT_GT(failed_steps, 10);
      EXPECT_EQ(claimed_failed > 0, network_fs);
    }
  }
}

// What was stored before stays readable, and the same is stored once there is room again.
TEST_F(StoreDiskTest, AFullDiskFailsWithItsKindAndIsOverWithIt) {
  std::unique_ptr<Store> store = Opened(OnDisk());
  const std::string id = Added(*store);
  disk_.Fail(Trouble::kFull);
  const absl::Status full = Settle(*store, id, absl::OkStatus(), "yes");
  EXPECT_EQ(KindOf(full), v1::FAILURE_STORAGE);
  EXPECT_EQ(ToProto(full).fix(), "Free space on that disk.");
  EXPECT_EQ((*store->FindTell(id))->state, TellState::kQueued);
  disk_.Heal();
  EXPECT_TRUE(Settle(*store, id, absl::OkStatus(), "yes").ok());
  EXPECT_EQ((*store->FindTell(id))->answer, "yes");
}

TEST_F(StoreDiskTest, WhatIsUnsyncedWaitsForNoDiskAndIsSyncedWithOneWait) {
  std::unique_ptr<Store> store = Opened(OnDisk());
  const std::string session_id = store->GetOrCreateSession("cli", "gpu")->session_id;
  const auto add = [&] {
    return store->TogetherUnsynced([&] { return store->AddTell(NewUuid(), session_id, "hello"); });
  };
  uint64_t before = disk_.syncs();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(add().ok());
  EXPECT_EQ(disk_.syncs() - before, 0u);
  EXPECT_FALSE(store->IsSynced());
  ASSERT_TRUE(store->Sync().ok());
  EXPECT_EQ(disk_.syncs() - before, 1u);
  ASSERT_TRUE(store->Sync().ok());
  EXPECT_EQ(disk_.syncs() - before, 1u) << "there is nothing to wait for";
  ASSERT_TRUE(add().ok());
  before = disk_.syncs();
  Added(*store);
  EXPECT_EQ(disk_.syncs() - before, 1u);
  EXPECT_TRUE(store->IsSynced());
}

TEST_F(StoreDiskTest, ASyncThatFailsIsTriedAgain) {
  std::unique_ptr<Store> store = Opened(OnDisk());
  const std::string session_id = store->GetOrCreateSession("cli", "gpu")->session_id;
  ASSERT_TRUE(
      store->TogetherUnsynced([&] { return store->AddTell(NewUuid(), session_id, "hello"); }).ok());
  disk_.Fail(Trouble::kIoError);
  const absl::Status failed = store->Sync();
  EXPECT_EQ(KindOf(failed), v1::FAILURE_STORAGE);
  EXPECT_EQ(TroubleOf(failed), StoreTrouble::kStorage);
  EXPECT_FALSE(store->IsSynced());
  disk_.Heal();
  EXPECT_TRUE(store->Sync().ok());
  EXPECT_TRUE(store->IsSynced());
}

TEST_F(StoreDiskTest, ANetworkFileSystemSyncsWhateverIsWritten) {
  std::unique_ptr<Store> store = Opened(OnDisk(/*network_fs=*/true));
  const std::string session_id = store->GetOrCreateSession("cli", "gpu")->session_id;
  const uint64_t before = disk_.syncs();
  ASSERT_TRUE(
      store->TogetherUnsynced([&] { return store->AddTell(NewUuid(), session_id, "hello"); }).ok());
  EXPECT_GT(disk_.syncs(), before);
  EXPECT_TRUE(store->IsSynced());
}

TEST_F(StoreDiskTest, ManyTellsAreSettledWithOneWait) {
  std::unique_ptr<Store> store = Opened(OnDisk());
  std::vector<Settlement> settlements;
  for (int i = 0; i < 50; ++i) settlements.push_back({Added(*store), {}, "x"});
  const uint64_t before = disk_.syncs();
  ASSERT_TRUE(store->Save({}, settlements).ok());
  EXPECT_EQ(disk_.syncs() - before, 1u);
  EXPECT_EQ(store->OpenTells()->size(), 0u);
}

}  // namespace
}  // namespace iris
