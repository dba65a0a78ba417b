#include "coordinator/app/stored_places.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/link/placed_agents.h"
#include "coordinator/store/sqlite/sqlite_store.h"
#include "coordinator/store/store.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/store/testing/held_executor.h"
#include "coordinator/store/testing/memory_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

class StoredPlacesTest : public ::testing::Test {
 protected:
  StoredPlacesTest() { Restart(); }

  // Another life of the coordinator.
  void Restart() {
    places_.reset();
    queue_.reset();
    store_.reset();
    store_ = *SqliteStore::Open({.path = dir_.File("iris.db"), .now = [this] { return now_; }});
    queue_ = std::make_unique<StoreQueue>(loop_, *store_);
    places_ = std::make_unique<StoredPlaces>(*queue_, "/home/me");
  }
  // A link to `place` comes up, by this `remote`.
  void Note(const std::string& place, const std::string& destination) {
    RemoteWay way;
    way.remote.program = "ssh";
    way.remote.written = "ssh " + destination;
    places_->Note(place, "me@" + place, way);
  }
  // An attempt begins to reach what `destination` leads to.
  void Try(const std::string& destination) {
    RemoteWay way;
    way.remote.program = "ssh";
    way.remote.written = "ssh " + destination;
    places_->NoteAttempt(Attempt(destination), "me@" + destination, way);
  }
  // It may have started an agent, or not.
  void EndTry(const std::string& destination, bool may_have_started) {
    places_->NoteAttemptEnd(Attempt(destination), may_have_started);
  }
  static std::string Attempt(const std::string& destination) {
    RemoteWay way;
    way.remote.text = "ssh " + destination;
    return PlaceOfAttempt(way, "a link");
  }
  // To where agents may be, of which nobody has heard.
  std::string Attempts() {
    std::string attempts;
    for (const PlacedAgent& agent : AllFor({})) {
      EXPECT_TRUE(IsAttemptBy(agent.place, *agent.way));
      attempts += agent.way->remote.destination + ", ";
    }
    return attempts;
  }
  std::vector<PlacedAgent> AllFor(const Environment& asker) {
    return *places_->All(std::make_shared<const Environment>(asker));
  }
  // Where they are.
  std::string All() {
    std::string all;
    for (const PlacedAgent& agent : AllFor({})) {
      all += agent.place + " by " + agent.way->remote.destination + ", ";
    }
    return all;
  }

  ScratchDir dir_;
  absl::Time now_ = absl::FromUnixMillis(1'700'000'000'000);
  EventLoop loop_{[] { return absl::ZeroDuration(); }};
  std::unique_ptr<Store> store_;
  std::unique_ptr<StoreQueue> queue_;
  std::unique_ptr<StoredPlaces> places_;
};

TEST_F(StoredPlacesTest, WhatWasNotedIsKnownInTheNextLifeUntilItIsForgotten) {
  Note("a", "gpu1");
  now_ += absl::Seconds(1);
  Note("b", "gpu2");
  Restart();
  EXPECT_EQ(All(), "b by gpu2, a by gpu1, ");
  places_->Forget("b");
  EXPECT_EQ(All(), "a by gpu1, ");
  Note("b", "gpu2");  // Somebody has put one there again.
  EXPECT_EQ(All(), "b by gpu2, a by gpu1, ");
}

TEST_F(StoredPlacesTest, TheNewestWayCountsAndAnOldOneIsNotWrittenWithEveryConnection) {
  Note("a", "gpu1");
  now_ += absl::Seconds(1);
  Note("b", "gpu2");
  now_ += absl::Seconds(1);
  Note("a", "gpu1");
  EXPECT_EQ(All(), "b by gpu2, a by gpu1, ");
  Note("a", "gpu1.lan");
  EXPECT_EQ(All(), "a by gpu1.lan, b by gpu2, ");
  now_ += absl::Hours(24);
  Note("b", "gpu2");
  EXPECT_EQ(All(), "b by gpu2, a by gpu1.lan, ");
}

TEST_F(StoredPlacesTest, WhatAStopTriesComesLastInTheNext) {
  Note("a", "gpu1");
  now_ += absl::Seconds(1);
  Note("b", "gpu2");
  places_->NoteTried({"b"});
  Restart();
  EXPECT_EQ(All(), "a by gpu1, b by gpu2, ");
}

TEST_F(StoredPlacesTest, AnAttemptThatNobodySawTheEndOfIsKnownToTheNextLife) {
  Try("gpu1");
  EXPECT_EQ(Attempts(), "") << "it is under way";
  Restart();
  EXPECT_EQ(Attempts(), "gpu1, ");

  // What comes of the next one says nothing of that one.
  Try("gpu1");
  EXPECT_EQ(Attempts(), "gpu1, ");
  EndTry("gpu1", /*may_have_started=*/false);
  EXPECT_EQ(Attempts(), "gpu1, ");
  places_->Forget(Attempt("gpu1"));
  Restart();
  EXPECT_EQ(Attempts(), "");
}

TEST_F(StoredPlacesTest, AnAttemptStaysNotedWhereItMayHaveStartedAnAgent) {
  Try("gpu1");
  EndTry("gpu1", /*may_have_started=*/false);
  Try("gpu2");
  EndTry("gpu2", /*may_have_started=*/true);
  Try("gpu2");
  EndTry("gpu2", /*may_have_started=*/false);
  EXPECT_EQ(Attempts(), "gpu2, ");
  Restart();
  EXPECT_EQ(Attempts(), "gpu2, ");
  now_ += StoredPlaces::kAttemptCounts + absl::Seconds(1);
  EXPECT_EQ(Attempts(), "");
  now_ -= absl::Hours(1);
  EXPECT_EQ(Attempts(), "") << "it was forgotten";
}

TEST_F(StoredPlacesTest, OfTwoAttemptsAlikeTheLastToEndDecides) {
  Try("gpu1");
  Try("gpu1");
  EndTry("gpu1", /*may_have_started=*/false);
  Restart();
  EXPECT_EQ(Attempts(), "gpu1, ");
}

TEST(SlowStoredPlacesTest, OnlyAnAttemptWaitsForTheStoreAndWhoAsksSeesWhatWasPosted) {
  EventLoop loop([] { return absl::ZeroDuration(); });
  MemoryStore store;
  HeldExecutor executor;
  StoreQueue queue(loop, store, executor);
  StoredPlaces places(queue, "/home/me");
  RemoteWay way;
  way.remote.program = "ssh";
  way.remote.written = "ssh gpu1";
  places.Note("a", "me@gpu1", way);
  EXPECT_TRUE(store.AllPlaced()->empty());
  places.NoteAttempt(PlaceOfAttempt(way, "a link"), "me@gpu1", way);
  EXPECT_EQ(store.AllPlaced()->size(), 2u);
  places.Forget("a");
  EXPECT_EQ(store.AllPlaced()->size(), 2u);
  EXPECT_TRUE(places.All(nullptr)->empty()) << "and the attempt is under way";
}

TEST_F(StoredPlacesTest, AnAgentWhoseWayCannotBeReadIsNamedAllTheSame) {
  ASSERT_TRUE(store_->NotePlaced({.place = "a", .name = "me@gpu1", .way = "\xFF"}).ok());
  ASSERT_TRUE(store_->NotePlaced({.place = "b", .name = "me@gpu2", .way = ""}).ok());
  const std::vector<PlacedAgent> all = AllFor({});
  ASSERT_EQ(all.size(), 2u);
  for (const PlacedAgent& agent : all) {
    EXPECT_THAT(agent.name, HasSubstr("me@gpu"));
    EXPECT_EQ(KindOf(agent.way.status()), v1::FAILURE_STORAGE);
  }
}

TEST_F(StoredPlacesTest, WhatAVariableInTheWayStandsForIsAskedOfWhoeverStopsAndNeverStored) {
  RemoteWay way;
  way.remote = {.text = "ssh -o SetEnv=TOKEN=canary gpu1",
                .program = "ssh",
                .options = {"-o", "SetEnv=TOKEN=canary"},
                .destination = "gpu1",
                .written = "ssh -o SetEnv=TOKEN=${TOKEN} gpu1"};
  way.options.own["identity"] = {.text = "/home/me/canary", .written = "~/${TOKEN}"};
  places_->Note("a", "me@gpu1", way);
  Restart();

  std::vector<PlacedAgent> all = AllFor({{"TOKEN", "another"}});
  ASSERT_EQ(all.size(), 1u);
  ASSERT_TRUE(all[0].way.ok()) << all[0].way.status();
  EXPECT_EQ(all[0].way->remote.text, "ssh -o SetEnv=TOKEN=another gpu1");
  EXPECT_EQ(all[0].way->options.Own("identity")->text, "/home/me/another");
  all = AllFor({});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(KindOf(all[0].way.status()), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(ToProto(all[0].way.status()).detail(), HasSubstr("TOKEN is not set"));

  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.path())) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    EXPECT_EQ(bytes.find("canary"), std::string::npos) << entry.path();
  }
}

}  // namespace
}  // namespace iris
