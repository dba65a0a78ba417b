// Sessions that rest, which the next agent does not open before somebody asks for one: whatever
// happens, and whenever the agent is killed, it finds what happened.

#include "agent/session/session_rest.h"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/inventory/session_context.h"
#include "agent/journal/journal.h"
#include "agent/process/child.h"
#include "agent/process/survivor.h"
#include "agent/session/claim.h"
#include "agent/session/session.h"
#include "agent/session/session_table.h"
#include "agent/testing/held_work.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

// Lives of an agent that starts no child, on a clock that the test moves.
class SessionRestTest : public ::testing::Test {
 protected:
  SessionRestTest() {
    fs::create_directory(dir);
    options.sync = [](const std::string&) { return absl::OkStatus(); };
    options.find_keepers = [] { return std::map<std::string, ProcessId>(); };
    options.start_child = [](EventLoop&, const ChildSpec&,
                             ChildSink&) -> absl::StatusOr<std::unique_ptr<Child>> {
      return absl::UnavailableError("no child here");
    };
    table = AgentOver(dir);
  }

  std::unique_ptr<SessionTable> AgentOver(const std::string& sessions) {
    auto agent = std::make_unique<SessionTable>(loop,
                                                SessionContext{.incarnation = NewUuid(),
                                                               .boot_id = boot,
                                                               .hostname = "gpu1",
                                                               .home = scratch.path(),
                                                               .sessions_dir = sessions,
                                                               .slow_work = &work},
                                                options);
    agent->Load();
    return agent;
  }
  // This one leaves, and the next one comes.
  void NextAgent() {
    table.reset();
    table = AgentOver(dir);
  }
  // The next one, if the one over these sessions were killed now. They are copied for it.
  std::unique_ptr<SessionTable> AfterAKill() { return AfterAKillOver(dir); }
  std::unique_ptr<SessionTable> AfterAKillOver(const std::string& sessions) {
    copy = scratch.File(absl::StrCat("copy", ++copies));
    fs::copy(sessions, copy, fs::copy_options::recursive);
    return AgentOver(copy);
  }
  void Pass(absl::Duration time) {
    now += time;
    while (loop.RunReady()) {
    }
  }

  uint64_t Acquire(SessionTable& agent, const std::string& id) {
    v1::AcquireRequest request;
    request.set_session_id(id);
    request.set_coordinator_id(coordinator);
    request.set_label("me@laptop");
    const absl::StatusOr<uint64_t> epoch = agent.Acquire(request);
    EXPECT_TRUE(epoch.ok()) << epoch.status();
    return epoch.value_or(0);
  }
  Session& Find(SessionTable& agent, const std::string& id, uint64_t epoch) {
    const absl::StatusOr<Session*> session = agent.Find(id, epoch);
    if (!session.ok()) ADD_FAILURE() << session.status();
    if (!session.ok()) std::abort();
    return **session;
  }
  // Something that its coordinator has to hear of: a message that was cancelled before it came.
  std::string MakeNews(uint64_t epoch) {
    const std::string tell = NewUuid();
    Find(*table, a, epoch).CancelTell(tell, [](const absl::StatusOr<v1::TellState::Phase>&) {});
    return tell;
  }
  // What the journal says was settled, and nobody has acknowledged.
  static std::vector<std::string> SettledIn(const Session& session) {
    std::vector<std::string> settled;
    uint64_t seq = session.journal().oldest_known();
    while (seq < session.journal().newest_seq()) {
      const auto events = session.journal().After(seq, 1 << 20);
      if (!events.ok() || events->empty()) {
        ADD_FAILURE() << events.status();
        break;
      }
      for (const EventPtr& event : *events) {
        if (event->has_settled()) settled.push_back(event->settled().tell_id());
        seq = event->seq();
      }
    }
    return settled;
  }
  static std::map<std::string, std::string> Described(const SessionTable& agent) {
    std::map<std::string, std::string> sessions;
    v1::ListResponse list = agent.List();
    for (v1::SessionInfo& info : *list.mutable_sessions()) {
      info.clear_idle_ms();
      sessions[info.session_id()] = info.SerializeAsString();
    }
    return sessions;
  }
  static std::string ContentOf(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  // All files of the session, by name.
  std::map<std::string, std::string> FilesOf(const std::string& id) const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(dir + "/" + id)) {
      files[entry.path().filename()] = ContentOf(entry.path());
    }
    return files;
  }

  absl::Duration now;
  EventLoop loop{[this] { return now; }};
  const ScratchDir scratch;
  const std::string dir = scratch.File("sessions");
  const std::string notes = dir + "/resting";
  const std::string a = NewUuid(), b = NewUuid(), coordinator = NewUuid();
  std::string boot = "this boot";
  std::string copy;  // The sessions of the agent that AfterAKill() made last.
  int copies = 0;
  SessionTableOptions options;
  HeldWork work{/*at_once=*/true};
  std::unique_ptr<SessionTable> table;
};

TEST_F(SessionRestTest, TheNextAgentKnowsThemAndReadsNoneOfThem) {
  Acquire(*table, a);
  Acquire(*table, b);
  Pass(absl::Seconds(1));
  const auto described = Described(*table);
  const uint64_t bytes = table->Holdings().journal_bytes();
  const auto files = FilesOf(a);
  for (int life = 0; life < 3; ++life) {
    NextAgent();
    EXPECT_EQ(table->open_count(), 0u);
    EXPECT_EQ(Described(*table), described);
    EXPECT_EQ(table->Holdings().sessions(), 2u);
    EXPECT_EQ(table->Holdings().journal_bytes(), bytes);
    EXPECT_TRUE(table->idle());
    EXPECT_FALSE(table->has_unacknowledged());
    EXPECT_EQ(table->WhyNoHandover(), "");
  }
  EXPECT_EQ(FilesOf(a), files);
}

TEST_F(SessionRestTest, WhoAsksForOneFindsItAsItWas) {
  const uint64_t of_a = Acquire(*table, a), of_b = Acquire(*table, b);
  NextAgent();
  EXPECT_EQ(KindOf(table->Find(a, of_a + 1).status()), v1::FAILURE_PERMISSION_DENIED);
  EXPECT_TRUE(table->Find(a, of_a).ok());
  EXPECT_EQ(table->open_count(), 1u);
  EXPECT_EQ(Acquire(*table, b), of_b + 1);
  EXPECT_EQ(table->open_count(), 2u);
  EXPECT_EQ(table->Holdings().journal_bytes(),
            Find(*table, a, of_a).journal().bytes() + Find(*table, b, of_b + 1).journal().bytes());
  v1::AcquireRequest desktop;
  desktop.set_session_id(a);
  desktop.set_coordinator_id(NewUuid());
  NextAgent();
  EXPECT_EQ(KindOf(table->Acquire(desktop).status()), v1::FAILURE_PERMISSION_DENIED);
}

TEST_F(SessionRestTest, WhatHasNewsDoesNotRest) {
  const uint64_t epoch = Acquire(*table, a);
  Acquire(*table, b);
  const std::string tell = MakeNews(epoch);
  NextAgent();
  EXPECT_EQ(table->open_count(), 1u);
  EXPECT_TRUE(table->has_unacknowledged());
  EXPECT_THAT(SettledIn(Find(*table, a, epoch)), ElementsAre(tell));
}

TEST_F(SessionRestTest, ItIsNotedWhileTheAgentRuns) {
  Acquire(*table, a);
  EXPECT_EQ(AfterAKill()->open_count(), 1u);
  Pass(options.note_rest_every);
  EXPECT_EQ(AfterAKill()->open_count(), 0u);
  // No sooner is it asked for than it counts as open again.
  const uint64_t epoch = Acquire(*table, a);
  const auto next = AfterAKill();
  EXPECT_EQ(next->open_count(), 1u);
  EXPECT_TRUE(next->Find(a, epoch).ok());
  Pass(options.note_rest_every);
  EXPECT_EQ(AfterAKill()->open_count(), 0u);
}

// Behind each step, the next agent has all that happened before it, once.
TEST_F(SessionRestTest, KilledAtAnyMomentNothingIsLostAndNothingIsToldTwice) {
  uint64_t epoch = Acquire(*table, a);
  NextAgent();
  std::vector<std::string> news;
  const auto expect = [&](const char* when, size_t opened) {
    SCOPED_TRACE(when);
    const auto next = AfterAKill();
    EXPECT_EQ(next->open_count(), opened);
    EXPECT_EQ(next->has_unacknowledged(), !news.empty());
    Session& session = Find(*next, a, epoch);
    EXPECT_EQ(SettledIn(session), news);
    EXPECT_TRUE(session.OpenTells().empty());
    // Nor does it change anything if that one is killed as well.
    const auto third = AfterAKillOver(std::string(copy));
    EXPECT_EQ(SettledIn(Find(*third, a, epoch)), news);
  };
  expect("nobody has asked", 0);
  Find(*table, a, epoch);
  expect("it was found", 1);
  news.push_back(MakeNews(epoch));
  expect("it has news", 1);
  epoch = Acquire(*table, a);
  expect("it was acquired", 1);
  Pass(options.note_rest_every);
  expect("with news it does not rest", 1);
  Find(*table, a, epoch).Acknowledge(Find(*table, a, epoch).journal().newest_seq());
  Pass(absl::Seconds(1));
  news.clear();
  expect("the news were read", 1);
  Pass(options.note_rest_every);
  expect("it rests", 0);
  news.push_back(MakeNews(epoch));
  expect("it has news again", 1);
  NextAgent();
  expect("the next agent has read it", 1);
}

// As after a loss of power, which may take what was noted last and leave the journal, or where an
// older build, which knows of no notes, ran meanwhile.
TEST_F(SessionRestTest, NotesThatAreOlderThanTheJournalDoNotCount) {
  const uint64_t epoch = Acquire(*table, a);
  Pass(options.note_rest_every);
  const std::string older = ContentOf(notes);
  ASSERT_EQ(AfterAKill()->open_count(), 0u);
  const std::string tell = MakeNews(epoch);
  std::ofstream(notes, std::ios::binary | std::ios::trunc) << older;
  const auto next = AfterAKill();
  EXPECT_EQ(next->open_count(), 1u);
  EXPECT_TRUE(next->has_unacknowledged());
  EXPECT_THAT(SettledIn(Find(*next, a, epoch)), ElementsAre(tell));
}

TEST_F(SessionRestTest, NotesThatAreGoneOrDamagedOrOfAnotherBootCostTimeAndNothingElse) {
  const uint64_t of_a = Acquire(*table, a), of_b = Acquire(*table, b);
  for (const auto& spoil : std::vector<std::function<void()>>{
           [this] { fs::remove(notes); },
           [this] { fs::resize_file(notes, fs::file_size(notes) - 1); },
           [this] { std::ofstream(notes, std::ios::app) << "x"; },
           [this] { boot = "another boot"; }}) {
    Pass(absl::Seconds(1));
    table.reset();
    spoil();
    table = AgentOver(dir);
    EXPECT_EQ(table->open_count(), 2u);
    EXPECT_TRUE(table->Find(a, of_a).ok());
    EXPECT_TRUE(table->Find(b, of_b).ok());
    NextAgent();
    EXPECT_EQ(table->open_count(), 0u);
  }
}

TEST_F(SessionRestTest, OneThatIsDamagedIsPutAsideAtTheStartOrWhenSomebodyAsks) {
  const uint64_t of_a = Acquire(*table, a), of_b = Acquire(*table, b);
  table.reset();
  fs::resize_file(dir + "/" + a + "/state", 10);
  const std::string state = dir + "/" + b + "/state";
  std::ofstream(state, std::ios::binary | std::ios::trunc) << std::string(8192, 'x');  // Its size.
  table = AgentOver(dir);
  EXPECT_EQ(table->Holdings().damaged(), 1u);
  EXPECT_FALSE(table->Find(a, of_a).ok());
  EXPECT_FALSE(table->Find(b, of_b).ok());
  EXPECT_EQ(table->Holdings().damaged(), 2u);
  Acquire(*table, a);
  Acquire(*table, b);
  EXPECT_EQ(table->Holdings().sessions(), 2u);
}

TEST_F(SessionRestTest, WhereItCannotBeSaidThatOneIsAskedForNoneIsNoted) {
  const uint64_t epoch = Acquire(*table, a);
  Acquire(*table, b);
  NextAgent();
  fs::remove(notes);
  fs::create_symlink(scratch.File("nowhere"), notes);
  MakeNews(epoch);
  const auto next = AfterAKill();
  EXPECT_EQ(next->open_count(), 2u);
  EXPECT_TRUE(next->has_unacknowledged());
}

TEST_F(SessionRestTest, OneThatMadeRoomAndCameAgainIsAnotherOne) {
  options.sessions_max = 1;
  NextAgent();
  const uint64_t first = Acquire(*table, a);
  NextAgent();
  EXPECT_EQ(table->open_count(), 0u);
  Acquire(*table, b);
  EXPECT_FALSE(fs::exists(dir + "/" + a));
  const uint64_t second = Acquire(*table, a);
  const auto next = AfterAKill();
  EXPECT_EQ(next->List().sessions_size(), 1);
  EXPECT_EQ(next->open_count(), 1u);
  EXPECT_FALSE(next->Find(a, first).ok());
  EXPECT_TRUE(next->Find(a, second).ok());
}

TEST_F(SessionRestTest, OneThatCannotBeOpenedMakesRoomAllTheSame) {
  options.sessions_max = 1;
  NextAgent();
  Acquire(*table, a);
  NextAgent();
  ASSERT_EQ(table->open_count(), 0u);
  fs::remove_all(dir + "/" + a);
  std::ofstream(dir + "/" + a) << "no folder";
  Acquire(*table, b);
  EXPECT_EQ(table->List().sessions_size(), 1);
  EXPECT_TRUE(fs::exists(dir + "/" + a));
}

TEST_F(SessionRestTest, WhatAnEarlierAgentMayHaveLeftRunningIsOpened) {
  Acquire(*table, a);
  Acquire(*table, b);
  table.reset();
  options.find_keepers = [this] {
    return std::map<std::string, ProcessId>{{a, {.pid = 4'000'000, .start_time = 1}}};
  };
  table = AgentOver(dir);
  EXPECT_EQ(table->open_count(), 1u);
}

TEST_F(SessionRestTest, WhatStillHasToDropItsClaimDoesNotRest) {
  for (const bool drops_in_time : {false, true}) {
    const uint64_t epoch = Acquire(*table, a);
    work.Hold();
    bool over = false;
    Find(*table, a, epoch).Open({}, [&](const absl::StatusOr<v1::OpenResponse>&) { over = true; });
    while (!over && work.waiting() > 0) work.DoOne();
    ASSERT_TRUE(over);
    ASSERT_TRUE(Find(*table, a, epoch).claim().is_busy());
    ASSERT_TRUE(IsClean(Find(*table, a, epoch)));
    if (drops_in_time) work.Resume();
    table.reset();
    work.Resume();
    table = AgentOver(dir);
    EXPECT_EQ(table->open_count(), drops_in_time ? 0u : 1u);
  }
}

TEST_F(SessionRestTest, AClaimThatStayedIsDroppedAlthoughItsSessionIsNotOpened) {
  const uint64_t epoch = Acquire(*table, a);
  ASSERT_TRUE(Find(*table, a, epoch).Renew({}).ok());
  const std::string path = Find(*table, a, epoch).claim().path();
  Claim stayed = {.hostname = "gpu1", .boot_id = boot, .process = {.pid = 4'000'000}};
  table.reset();
  ASSERT_TRUE(TakeClaim(path, stayed, /*takeover=*/false).ok());
  ASSERT_TRUE(fs::exists(path));
  table = AgentOver(dir);
  EXPECT_EQ(table->open_count(), 0u);
  EXPECT_FALSE(fs::exists(path));
  // Another host's is its own.
  table.reset();
  stayed.pid_namespace = "another";
  ASSERT_TRUE(TakeClaim(path, stayed, /*takeover=*/false).ok());
  table = AgentOver(dir);
  EXPECT_TRUE(fs::exists(path));
}

TEST_F(SessionRestTest, OfManyOneIsOpenedThatIsAskedFor) {
  std::vector<std::string> ids;
  for (int i = 0; i < 100; ++i) Acquire(*table, ids.emplace_back(NewUuid()));
  NextAgent();
  EXPECT_EQ(table->open_count(), 0u);
  EXPECT_EQ(table->List().sessions_size(), 100);
  Acquire(*table, ids[50]);
  EXPECT_EQ(table->open_count(), 1u);
  EXPECT_EQ(table->List().sessions_size(), 100);
}

}  // namespace
}  // namespace iris
