// What becomes of sessions that nobody uses, and what a table says it holds.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "agent/session/session_files.h"
#include "agent/session/session_table.h"
#include "agent/testing/processes.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr absl::Duration kHour = absl::Hours(1);
constexpr absl::Duration kDay = absl::Hours(24);

// Lives of an agent whose clocks the test sets. No child is started, so the loop need not run.
class SessionHouseTest : public ::testing::Test {
 protected:
  SessionHouseTest() { NextAgent(); }

  uint64_t EpochOf(const std::string& id) const {
    const v1::ListResponse list = table->List();
    for (const v1::SessionInfo& session : list.sessions()) {
      if (session.session_id() == id) return session.epoch();
    }
    return 0;
  }

  void NextAgent() {
    table.reset();
    incarnation = NewUuid();
    options.now = [this] { return now; };
    options.monotonic = [this] { return up; };
    table = std::make_unique<SessionTable>(
        loop, SessionContext{.incarnation = incarnation, .hostname = "gpu1", .sessions_dir = dir},
        options);
    table->Load();
  }
  // With the agent's clock running.
  void Pass(absl::Duration time) {
    up += time;
    now += time;
  }
  absl::Status TryUse(const std::string& id) {
    v1::AcquireRequest request;
    request.set_session_id(id);
    request.set_coordinator_id(coordinator);
    return table->Acquire(request).status();
  }
  std::string Use(const std::string& id = NewUuid()) {
    EXPECT_TRUE(TryUse(id).ok());
    return id;
  }
  // One of which something is left that nobody has fetched.
  std::string Left(const std::function<void(SessionFiles&)>& leave) {
    const std::string id = Use();
    table.reset();
    {
      JournalSync disk(loop);
      leave(**SessionFiles::Open(disk, dir + "/" + id, incarnation));
    }
    NextAgent();
    return id;
  }
  std::string LeftNews() {
    return Left([](SessionFiles& files) {
      v1::Event event;
      event.mutable_output()->set_bytes(std::string(1000, 'x'));
      files.journal().Append(std::move(event));
    });
  }
  std::vector<std::string> Kept() {
    std::vector<std::string> ids;
    const v1::ListResponse list = table->List();
    for (const v1::SessionInfo& info : list.sessions()) ids.push_back(info.session_id());
    return ids;
  }
  std::vector<std::string> AfterHouse() {
    table->KeepHouse();
    return Kept();
  }

  EventLoop loop;
  const ScratchDir scratch;
  const std::string dir = scratch.path();
  const std::string coordinator = NewUuid();
  std::string incarnation;
  absl::Time now = absl::Now();
  absl::Duration up = kHour;
  SessionTableOptions options;
  std::unique_ptr<SessionTable> table;
};

TEST_F(SessionHouseTest, WhatNobodyUsedForAMonthIsRemoved) {
  const std::string old = Use();
  Pass(kDay);
  const std::string younger = Use();
  Pass(SessionTable::kRetention - kDay - kHour);
  EXPECT_THAT(AfterHouse(), UnorderedElementsAre(old, younger));
  Pass(kHour);
  EXPECT_THAT(AfterHouse(), ElementsAre(younger));
  EXPECT_FALSE(fs::exists(dir + "/" + old));
  Use(younger);
  Pass(kDay);
  EXPECT_THAT(AfterHouse(), ElementsAre(younger));
}

TEST_F(SessionHouseTest, ItIsKeptByItself) {
  const std::string id = Use();
  options.house_every = absl::Milliseconds(10);
  NextAgent();
  Pass(SessionTable::kRetention);
  std::thread runs([this] { loop.Run(); });
  EXPECT_TRUE(Eventually([&] { return !fs::exists(dir + "/" + id); }));
  loop.Stop();
  runs.join();
}

TEST_F(SessionHouseTest, TheAgeGoesOnOverLivesAndAWrongClockCostsADay) {
  const std::string id = Use();
  for (int life = 0; life < 28; ++life) {
    NextAgent();
    Pass(kDay);
  }
  table.reset();
  now += 10'000 * kDay;
  NextAgent();
  EXPECT_THAT(Kept(), ElementsAre(id));  // 29 days.
  table.reset();
  now -= 20'000 * kDay;
  NextAgent();
  EXPECT_THAT(Kept(), ElementsAre(id));
  Pass(kDay);
  EXPECT_THAT(AfterHouse(), IsEmpty());
}

TEST_F(SessionHouseTest, WithoutItsAgeNothingGetsYounger) {
  Pass(100 * kDay);
  const std::string id = Use();
  table.reset();
  fs::remove(dir + "/age");
  NextAgent();
  Pass(SessionTable::kRetention - kHour);
  EXPECT_THAT(AfterHouse(), ElementsAre(id));
  Pass(kHour);
  EXPECT_THAT(AfterHouse(), IsEmpty());
}

TEST_F(SessionHouseTest, NewsThatNobodyFetchedStayThreeMonths) {
  const std::string id = LeftNews();
  Pass(SessionTable::kUnfetchedRetention - kHour);
  EXPECT_THAT(AfterHouse(), ElementsAre(id));
  EXPECT_TRUE(table->has_unacknowledged());
  Pass(kHour);
  EXPECT_THAT(AfterHouse(), IsEmpty());
  EXPECT_FALSE(table->has_unacknowledged());
  EXPECT_FALSE(fs::exists(dir + "/" + id));
}

TEST_F(SessionHouseTest, SoDoMessagesWhoseTextNeverCameAgain) {
  const std::string id =
      Left([](SessionFiles& files) { files.tells().Set(NewUuid(), v1::TellState::ACCEPTED); });
  EXPECT_FALSE(table->idle());
  Pass(SessionTable::kUnfetchedRetention - kHour);
  EXPECT_THAT(AfterHouse(), ElementsAre(id));
  Pass(kHour);
  EXPECT_THAT(AfterHouse(), IsEmpty());
  EXPECT_TRUE(table->idle());
}

TEST_F(SessionHouseTest, WhatIsReadIsKept) {
  struct : SessionReader {
    void OnNewEvents() override {}
    uint64_t epoch() const override { return held; }
    uint64_t sent_seq() const override { return 0; }
    uint64_t held = 0;
  } reader;
  const std::string id = LeftNews();
  reader.held = EpochOf(id);
  Session& session = **table->Find(id, reader.held);
  session.AddReader(&reader);
  Pass(SessionTable::kUnfetchedRetention);
  EXPECT_THAT(AfterHouse(), ElementsAre(id));
  session.RemoveReader(&reader);
  EXPECT_THAT(AfterHouse(), IsEmpty());
}

TEST_F(SessionHouseTest, WhatWasDamagedIsRemovedAfterAMonth) {
  const std::string id = Use();
  table.reset();
  fs::resize_file(dir + "/" + id + "/state", 10);
  NextAgent();
  EXPECT_EQ(table->Holdings().damaged(), 1u);
  now += SessionTable::kDamagedRetention - kHour;
  table->KeepHouse();
  EXPECT_EQ(table->Holdings().damaged(), 1u);
  now += 2 * kHour;
  table->KeepHouse();
  EXPECT_EQ(table->Holdings().damaged(), 0u);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir), {}), 2);  // The age, and it begun anew.
}

TEST_F(SessionHouseTest, AFullTableGivesUpWhatWasNotUsedForTheLongestTime) {
  options.sessions_max = 3;
  const std::string news = LeftNews();
  const std::string first = Use();
  Pass(kHour);
  const std::string second = Use();
  Pass(kHour);
  Use(first);
  Pass(kHour);
  const std::string third = Use();
  EXPECT_THAT(Kept(), UnorderedElementsAre(news, first, third));
  EXPECT_FALSE(fs::exists(dir + "/" + second));

  options.sessions_max = 1;
  NextAgent();
  EXPECT_THAT(Kept(), ElementsAre(news));
  const absl::Status refused = TryUse(NewUuid());
  EXPECT_EQ(KindOf(refused), v1::FAILURE_BUSY_LIMIT);
}

TEST_F(SessionHouseTest, TheTableSaysWhatItHolds) {
  const std::string news = LeftNews();
  Pass(kHour);
  const std::string clean = Use();
  const v1::HostHoldings holdings = table->Holdings();
  EXPECT_EQ(holdings.sessions(), 2u);
  EXPECT_EQ(holdings.with_child(), 0u);
  EXPECT_EQ(holdings.draining(), 0u);
  EXPECT_EQ(holdings.claims(), 0u);
  EXPECT_GT(holdings.journal_bytes(), 1000u);
  EXPECT_GT(holdings.unacknowledged_bytes(), 1000u);
  EXPECT_LE(holdings.unacknowledged_bytes(), holdings.journal_bytes());
  EXPECT_EQ(holdings.journal_quota_bytes(), uint64_t{4} << 30);
  EXPECT_EQ(holdings.longest_unused_ms(), 3'600'000);
  EXPECT_GT(holdings.free_disk_bytes(), 0u);

  (*table->Find(news, EpochOf(news)))->Acknowledge(1000);
  EXPECT_EQ(table->Holdings().unacknowledged_bytes(), 0u);
}

}  // namespace
}  // namespace iris
