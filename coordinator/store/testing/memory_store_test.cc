#include "coordinator/store/testing/memory_store.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "coordinator/store/testing/conformance.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using Fate = MemoryStore::Fate;

class MemoryHome final : public StoreHome {
 public:
  std::unique_ptr<Store> Open(const Opening& opening) override {
    return std::make_unique<MemoryStore>(
        disk_, MemoryStoreOptions{.now = opening.now,
                                  .monotonic = opening.monotonic,
                                  .settled_tells_max = opening.settled_tells_max});
  }
  void LosePower(std::unique_ptr<Store> store) override {
    store.reset();
    iris::LosePower(*disk_);
  }

 private:
  const std::shared_ptr<MemoryDisk> disk_ = std::make_shared<MemoryDisk>();
};

std::unique_ptr<StoreHome> MakeMemoryHome() { return std::make_unique<MemoryHome>(); }

INSTANTIATE_TEST_SUITE_P(Memory, StoreConformanceTest, ::testing::Values(&MakeMemoryHome));

class MemoryStoreTest : public ::testing::Test {
 protected:
  // The next write goes so, those behind it well.
  void Next(Fate fate) {
    store_.set_on_write([this, fate](absl::string_view method) {
      methods_.emplace_back(method);
      return methods_.size() == 1 ? fate : Fate::kGoesWell;
    });
  }
  absl::Status Add() { return store_.AddTell(id_, session_id_, "hello"); }
  bool IsThere() { return (*store_.FindTell(id_)).has_value(); }

  MemoryStore store_;
  const std::string session_id_ = store_.GetOrCreateSession("cli", "gpu")->session_id;
  const std::string id_ = NewUuid();
  std::vector<std::string> methods_;
};

TEST_F(MemoryStoreTest, AWriteThatFailsChangesNothing) {
  Next(Fate::kFails);
  EXPECT_EQ(KindOf(Add()), v1::FAILURE_STORAGE);
  EXPECT_FALSE(IsThere());
  EXPECT_TRUE(Add().ok());
  EXPECT_TRUE(IsThere());
}

TEST_F(MemoryStoreTest, AWriteMayBeThereThoughItIsSaidToHaveFailed) {
  Next(Fate::kFailsButIsThere);
  EXPECT_EQ(KindOf(Add()), v1::FAILURE_STORAGE);
  EXPECT_TRUE(IsThere());
  EXPECT_TRUE(Add().ok());
}

TEST_F(MemoryStoreTest, WhatIsWrittenTogetherIsOneWrite) {
  for (const Fate fate : {Fate::kFails, Fate::kFailsButIsThere}) {
    methods_.clear();
    Next(fate);
    EXPECT_FALSE(store_.Together([this] { return Add(); }).ok());
    EXPECT_THAT(methods_, ::testing::ElementsAre("Together"));
    EXPECT_EQ(IsThere(), fate == Fate::kFailsButIsThere);
  }
}

TEST_F(MemoryStoreTest, ASyncThatFailsMakesNothingDurable) {
  Next(Fate::kGoesWell);
  ASSERT_TRUE(store_.TogetherUnsynced([this] { return Add(); }).ok());
  methods_.clear();
  Next(Fate::kFails);
  EXPECT_FALSE(store_.Sync().ok());
  EXPECT_FALSE(store_.IsSynced());
  EXPECT_TRUE(store_.Sync().ok());
  EXPECT_TRUE(store_.IsSynced());
  EXPECT_THAT(methods_, ::testing::ElementsAre("Sync", "Sync"));
}

}  // namespace
}  // namespace iris
