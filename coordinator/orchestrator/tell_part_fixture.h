#ifndef IRIS_COORDINATOR_ORCHESTRATOR_TELL_PART_FIXTURE_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_TELL_PART_FIXTURE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "coordinator/kept/read_mark.h"
#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/fetched_marks.h"
#include "coordinator/orchestrator/open_tells.h"
#include "coordinator/orchestrator/settling.h"
#include "coordinator/orchestrator/tell.h"
#include "coordinator/orchestrator/tell_limits.h"
#include "coordinator/orchestrator/wayless_tells.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/store/stored.h"
#include "coordinator/store/testing/held_executor.h"
#include "coordinator/store/testing/memory_store.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// For tests of the orchestrator's parts: open tells of one session, how they end, and a store that
// writes when the test says so. Whatever is heard of the tells is in `heard`, in its order.
class TellPartFixture : public ::testing::Test, protected SettlingSink {
 protected:
  static constexpr char kId[] = "01234567-89ab-4cde-8f01-23456789abcd";

  // "progress TEXT", "over KIND".
  class Listener : public TellObserver {
   public:
    explicit Listener(std::vector<std::string>& heard) : heard_(heard) {}
    void OnAccepted(const std::string&) override {}
    void OnProgress(const v1::TellProgress& progress) override {
      heard_.push_back(absl::StrCat("progress ", progress.text()));
    }
    void OnSettled(const TellOutcome& outcome) override {
      heard_.push_back(absl::StrCat("over ", Kind(outcome.status)));
      answer = *outcome.answer;
    }
    std::string answer;

   private:
    std::vector<std::string>& heard_;
  };

  TellPartFixture() : session_id(file.GetOrCreateSession("cli", "app")->session_id) {
    file.set_on_write([this](absl::string_view) {
      return takes ? MemoryStore::Fate::kGoesWell : MemoryStore::Fate::kFails;
    });
  }

  // One that is followed, stored and open so.
  AcceptedTell& Add(TellState state, const std::string& tell_id = kId,
                    bool wait_for_limit = false) {
    const NewTell added{.tell_id = tell_id,
                        .session_id = session_id,
                        .text = "text",
                        .state = state,
                        .wait_for_limit = wait_for_limit};
    EXPECT_TRUE(file.AddTell(added).ok());
    AcceptedTell& tell =
        tells.Add(std::make_unique<AcceptedTell>(added, file.Now(), /*sender=*/nullptr));
    tell.AddObserver(&listener);
    return tell;
  }
  // "cancelled KIND" is heard: of its end, or why that is not known; "OK" where it was answered.
  void BeCancelled(AcceptedTell& tell) {
    tell.AddCancel([this](const absl::StatusOr<v1::CancelTellOfResponse>& response) {
      const absl::Status why = response.ok() && response->has_failure()
                                   ? FromProto(response->failure())
                                   : response.status();
      heard.push_back(absl::StrCat("cancelled ", Kind(why)));
    });
  }
  static std::string Kind(const absl::Status& status) {
    return status.ok() ? "OK" : v1::FailureKind_Name(KindOf(status));
  }
  StoredTell Stored(const std::string& tell_id = kId) { return **file.FindTell(tell_id); }

  void Pass(absl::Duration time) {
    up += time;
    while (loop.RunReady()) {
    }
  }
  // Everything that is to be written is, or is tried.
  void Write() {
    for (int i = 0; i < 3; ++i) {
      Pass(absl::ZeroDuration());
      store.Finish();
    }
  }

  std::string InFlightOf(const std::string&) override { return in_flight; }
  void OnMarkStored(const std::string&, const ReadMark& mark) override { acknowledged = mark; }
  void OnSentAgain(AcceptedTell& tell) override { heard.push_back("again " + tell.id()); }
  void OnSettled(const AcceptedTell& tell) override { heard.push_back("settled " + tell.id()); }

  std::vector<std::string> heard;
  bool takes = true;  // The store takes what is written.
  std::string in_flight;
  ReadMark acknowledged;
  absl::Duration up = absl::Hours(1);
  TellLimits limits = {.answer_bytes_max = 100};
  EventLoop loop{[this] { return up; }};
  MemoryStore file;
  const std::string session_id;
  HeldExecutor executor;
  StoreQueue store{loop, file, executor};
  Listener listener{heard};
  OpenTells tells;
  WaylessTells wayless{tells};
  FetchedMarks fetched{store};
  Settling settling{loop, store, tells, wayless, fetched, limits.answer_bytes_max, *this};
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_TELL_PART_FIXTURE_H_
