#include "coordinator/app/stored_places.h"

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/store/store.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

class StoredPlacesTest : public ::testing::Test {
 protected:
  StoredPlacesTest() { Restart(); }

  // Another life of the coordinator.
  void Restart() {
    places_.reset();
    store_.reset();
    store_ = *Store::Open({.path = dir_.File("iris.db"), .now = [this] { return now_; }});
    places_ = std::make_unique<StoredPlaces>(*store_);
  }
  static PlacedAgent At(const std::string& place, const std::string& destination) {
    PlacedAgent agent = {.place = place, .name = "me@" + destination, .target = {}};
    agent.target.remote = {.text = "ssh " + destination,
                           .program = "ssh",
                           .options = {},
                           .destination = destination};
    return agent;
  }
  // Where they are, the newest first.
  std::string All() {
    std::string all;
    const std::vector<PlacedAgent> agents = *places_->All();
    for (const PlacedAgent& agent : agents) {
      all += agent.place + " by " + agent.target.remote.destination + ", ";
    }
    return all;
  }

  ScratchDir dir_;
  absl::Time now_ = absl::FromUnixMillis(1'700'000'000'000);
  std::unique_ptr<Store> store_;
  std::unique_ptr<StoredPlaces> places_;
};

TEST_F(StoredPlacesTest, WhatWasNotedIsKnownInTheNextLifeUntilItIsForgotten) {
  places_->Note(At("a", "gpu1"));
  now_ += absl::Seconds(1);
  places_->Note(At("b", "gpu2"));
  Restart();
  EXPECT_EQ(All(), "b by gpu2, a by gpu1, ");
  places_->Forget("b");
  EXPECT_EQ(All(), "a by gpu1, ");
  places_->Note(At("b", "gpu2"));  // Somebody has put one there again.
  EXPECT_EQ(All(), "b by gpu2, a by gpu1, ");
}

TEST_F(StoredPlacesTest, TheNewestWayCountsAndAnOldOneIsNotWrittenWithEveryConnection) {
  places_->Note(At("a", "gpu1"));
  now_ += absl::Seconds(1);
  places_->Note(At("b", "gpu2"));
  now_ += absl::Seconds(1);
  places_->Note(At("a", "gpu1"));
  EXPECT_EQ(All(), "b by gpu2, a by gpu1, ");
  places_->Note(At("a", "gpu1.lan"));
  EXPECT_EQ(All(), "a by gpu1.lan, b by gpu2, ");
  now_ += absl::Hours(24);
  places_->Note(At("b", "gpu2"));
  EXPECT_EQ(All(), "b by gpu2, a by gpu1.lan, ");
}

TEST_F(StoredPlacesTest, AWayThatCannotBeReadIsLeftOut) {
  ASSERT_TRUE(store_->NotePlaced({.place = "a", .name = "me@gpu1", .way = "\xFF"}).ok());
  places_->Note(At("b", "gpu2"));
  EXPECT_EQ(All(), "b by gpu2, ");
}

}  // namespace
}  // namespace iris
