// The power fails at every moment of what a coordinator does with its store, and of what was not
// synced any part reaches the disk: what was durable is there, and nothing is half there.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/ids.h"
#include "coordinator/store/sqlite/store_fixture.h"
#include "coordinator/store/sqlite/testing/power_disk.h"
#include "coordinator/store/store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::Contains;

class StorePowerTest : public StoreTest {
 protected:
  std::unique_ptr<Store> OpenedOnDisk(bool network_fs) {
    StoreOptions options = Options();
    options.vfs = disk_.vfs();
    options.on_network_fs = [network_fs](const std::string&) { return network_fs; };
    options.settled_tells_max = 3;  // So that something is forgotten, too.
    return Opened(options);
  }
  void LosePower(std::unique_ptr<Store> store, const PowerDisk::Reaches& reaches = nullptr) {
    disk_.Cut();
    store.reset();
    disk_.Restore(reaches);
  }

  PowerDisk disk_;
};

// What a coordinator does with its store, one step after the other.
class Story {
 public:
  explicit Story(Store& store)
      : store_(store), session_id_(store.GetOrCreateSession("cli", "gpu")->session_id) {
    for (size_t tell = 0; tell < kTells; ++tell) ids_.push_back(NewUuid());
    states_.push_back(StateOf(store));
  }

  static constexpr size_t kTells = 6;
  static constexpr size_t kStepsOfTell = 5;
  static constexpr size_t kSteps = kTells * kStepsOfTell;

  void Step(size_t step) {
    EXPECT_TRUE(Write(step / kStepsOfTell, step % kStepsOfTell).ok());
    states_.push_back(StateOf(store_));
    // Whatever may be there from now on.
    if (store_.IsSynced()) states_.erase(states_.begin(), states_.end() - 1);
  }
  // Behind the last step that was durable, or one of those that were not.
  void CheckIsOneOfThem(Store& store) const { EXPECT_THAT(states_, Contains(StateOf(store))); }

 private:
  absl::Status Write(size_t tell, size_t what) {
    const std::string& id = ids_[tell];
    switch (what) {
      case 0:
        return store_.TogetherUnsynced(
            [&] { return store_.AddTell(id, session_id_, Text(tell), TellState::kRunning); });
      case 1:  // Every other tell is over before that is due.
        return tell % 2 == 0 ? store_.Sync() : absl::OkStatus();
      case 2:
        return store_.Save({Read(tell, 1, "so far")}, {});
      case 3:
        return store_.Save({Read(tell, 2, "")},
                           {{.tell_id = id, .outcome = {}, .answer = answer_ = Text(tell + 1)}});
      default:
        return store_.TogetherUnsynced([&] { return store_.MarkFetched(id); });
    }
  }
  // Short ones and such as need several pages.
  static std::string Text(size_t tell) {
    return std::string(100 + 1500 * (tell % 3), static_cast<char>('a' + tell));
  }
  Checkpoint Read(size_t tell, uint64_t seq, absl::string_view text) const {
    return {.session_id = session_id_,
            .mark = {.journal_id = "journal", .seq = 10 * tell + seq, .in_flight = ids_[tell]},
            .tell_id = text.empty() ? "" : ids_[tell],
            .text = text};
  }
  // All that the store says of them.
  std::string StateOf(Store& store) const {
    std::string state = absl::StrCat("read up to ", store.FindMark(session_id_)->seq, ", ",
                                     (*store.Sessions())[0].message_count,
                                     " messages, open: ", absl::StrJoin(*store.OpenTells(), " "));
    for (const std::string& id : ids_) {
      const absl::optional<StoredTell> tell = *store.FindTell(id);
      if (!tell.has_value()) continue;
      absl::StrAppend(&state, "; ", id, " ", static_cast<int>(tell->state), " ", tell->fetched, " ",
                      tell->text, " ", *store.FindText(id), " ", tell->answer);
    }
    return state;
  }

  Store& store_;
  const std::string session_id_;
  std::vector<std::string> ids_;
  std::string answer_;
  std::vector<std::string> states_;
};

TEST_F(StorePowerTest, WhatIsDurableIsThereWheneverThePowerFails) {
  for (const bool network_fs : {false, true}) {
    for (size_t steps = 0; steps <= Story::kSteps; ++steps) {
      for (uint32_t seed = 0; seed < 4; ++seed) {
        SCOPED_TRACE(absl::StrCat("behind ", steps, " steps", network_fs ? ", DELETE" : ", WAL",
                                  ", seed ", seed));
        path_ = dir_.File(absl::StrCat("a/", network_fs, "-", steps, "-", seed, ".db"));
        std::unique_ptr<Store> store = OpenedOnDisk(network_fs);
        Story story(*store);
        for (size_t step = 0; step < steps; ++step) story.Step(step);
        std::mt19937 chance(seed);
        LosePower(std::move(store), [&] { return seed > 0 && chance() % 2 == 0; });
        store = OpenedOnDisk(network_fs);
        story.CheckIsOneOfThem(*store);
        Added(*store);
        if (HasFailure()) return;
      }
    }
  }
}

TEST_F(StorePowerTest, WhatIsNotSyncedIsLostAndNothingElse) {
  std::unique_ptr<Store> store = OpenedOnDisk(/*network_fs=*/false);
  const std::string session_id = store->GetOrCreateSession("cli", "gpu")->session_id;
  const std::string durable = Added(*store), id = NewUuid();
  ASSERT_TRUE(
      store->TogetherUnsynced([&] { return store->AddTell(id, session_id, "hello"); }).ok());
  LosePower(std::move(store));
  store = OpenedOnDisk(/*network_fs=*/false);
  EXPECT_TRUE(store->FindTell(durable)->has_value());
  EXPECT_FALSE(store->FindTell(id)->has_value());
}

// It says so to whoever asks.
TEST_F(StorePowerTest, WhatAKilledProcessLeftUnsyncedIsDurableInTheNextLife) {
  std::unique_ptr<Store> store = OpenedOnDisk(/*network_fs=*/false);
  const std::string session_id = store->GetOrCreateSession("cli", "gpu")->session_id;
  const std::string id = NewUuid();
  ASSERT_TRUE(
      store->TogetherUnsynced([&] { return store->AddTell(id, session_id, "hello"); }).ok());
  EXPECT_FALSE(store->IsSynced());
  disk_.Cut();
  store.reset();
  disk_.GoOn();
  store = OpenedOnDisk(/*network_fs=*/false);
  EXPECT_TRUE(store->IsSynced());
  EXPECT_TRUE(store->FindTell(id)->has_value());
  LosePower(std::move(store));
  EXPECT_TRUE(OpenedOnDisk(/*network_fs=*/false)->FindTell(id)->has_value());
}

}  // namespace
}  // namespace iris
