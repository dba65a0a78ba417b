#ifndef IRIS_COORDINATOR_DESK_TESTING_FAKE_DESK_H_
#define IRIS_COORDINATOR_DESK_TESTING_FAKE_DESK_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/failure/failure.h"
#include "coordinator/desk/desk.h"
#include "gtest/gtest.h"

namespace iris {

// A coordinator with the teams app and web, which notes what it is asked. A tell stays open until
// the test settles it, unless its text is "known": that one was answered in an earlier life.
class FakeDesk : public Desk {
 public:
  struct Open {
    TellSpec spec;
    TellObserver* observer = nullptr;
  };

  absl::Status Tell(TellSpec spec, TellObserver* observer) override {
    if (spec.to == "full") return MakeFailure(v1::FAILURE_BUSY_LIMIT, "too many wait");
    const std::string id = spec.tell_id;
    const bool known = spec.text == "known";
    open[id] = {std::move(spec), observer};
    observer->OnAccepted("session");
    if (known) Settle(id, absl::OkStatus(), "as before");
    return absl::OkStatus();
  }
  absl::Status Follow(const std::string& tell_id, const Visitor& visitor, bool asker_waits,
                      TellObserver* observer) override {
    lent = visitor.environment;
    asked = visitor.caller.name() + " follows " + tell_id;
    follower_waits = asker_waits;
    if (tell_id == "none") return MakeFailure(v1::FAILURE_BAD_REQUEST, "there is no message");
    observer->OnAccepted("session");
    open[tell_id].observer = observer;
    if (tell_id == "settled") Settle(tell_id, absl::OkStatus(), "as before");
    return absl::OkStatus();
  }
  absl::StatusOr<v1::TellSummary> Find(const std::string& tell_id, const Caller& caller) override {
    asked = caller.name() + " looks at " + tell_id;
    if (tell_id == "none") return MakeFailure(v1::FAILURE_BAD_REQUEST, "there is no message");
    return summary;
  }
  void List(const Caller& from, bool all, const SharedEnvironment& environment,
            ListDone done) override {
    listed = from.name() + (all ? " all" : "");
    lent = environment;
    done(list);
  }
  absl::StatusOr<std::vector<Store::WaitingAnswer>> Unread(const Caller& from) override {
    return unfetched[from.name()];
  }
  absl::Status MarkRead(const std::string& tell_id, const Caller& caller) override {
    asked = caller.name() + " has read " + tell_id;
    if (tell_id == "none") return MakeFailure(v1::FAILURE_BAD_REQUEST, "there is no message");
    return absl::OkStatus();
  }
  void Cancel(const std::string& tell_id, const Visitor& visitor, CancelDone done) override {
    lent = visitor.environment;
    asked = visitor.caller.name() + " cancels " + tell_id;
    cancel_done = std::move(done);
  }
  void AnswerPermission(const v1::AnswerPermissionRequest& request, AnswerDone done) override {
    asked = "answers " + request.request_id();
    answer_done = std::move(done);
  }
  void RemoveObserver(const std::string& tell_id, TellObserver* observer) override {
    if (const auto found = open.find(tell_id); found != open.end()) {
      EXPECT_EQ(found->second.observer, observer);
      found->second.observer = nullptr;
    }
  }
  void Wake(const Visitor& visitor, const std::string& to, bool takeover, WakeDone done) override {
    lent = visitor.environment;
    asked = visitor.caller.name() + (takeover ? " takes over " : " wakes ") + to;
    wake_done = std::move(done);
  }
  void Sleep(const Visitor& visitor, const std::string& to, bool force, SleepDone done) override {
    lent = visitor.environment;
    asked = visitor.caller.name() + " sends " + to + (force ? " to sleep at once" : " to sleep");
    sleep_done = std::move(done);
  }
  absl::StatusOr<v1::ListTeamsResponse> Teams(const Visitor&) override {
    if (!config.ok()) return config;
    v1::ListTeamsResponse teams;
    for (const char* name : {"app", "web"}) teams.add_teams()->set_name(name);
    teams.mutable_teams(0)->set_description("the app");
    teams.mutable_teams(0)->set_path("/src/app");
    teams.mutable_teams(1)->set_remote("ssh gpu1");
    return teams;
  }
  absl::Status ConfigProblem(const SharedEnvironment&) override { return config_problem; }
  void Status(StatusDone done) override { done(status); }
  void Stop(const StopSpec& spec, StopDone done) override {
    asked =
        std::string("stops") + (spec.agents ? " agents too" : "") + (spec.force ? " by force" : "");
    stop_done = std::move(done);
  }

  void Settle(const std::string& id, const absl::Status& outcome, const std::string& answer,
              size_t structured_bytes = 0, const v1::TurnAccount& account = {}) {
    TellObserver* const observer = open.at(id).observer;
    open.erase(id);
    if (observer == nullptr) return;
    observer->OnSettled({.status = outcome,
                         .answer = std::make_shared<const std::string>(answer),
                         .structured_bytes = structured_bytes,
                         .account = account});
  }
  bool followed(const std::string& id) { return open.at(id).observer != nullptr; }

  std::map<std::string, Open> open;
  absl::Status config;
  absl::Status config_problem;
  v1::GetStatusResponse status;
  std::string asked;            // The last thing but for lists.
  std::string listed;           // Whose messages were.
  SharedEnvironment lent;       // That of the last visitor, where it has one to lend.
  bool follower_waits = false;  // The last one, as long as it takes.
  v1::TellSummary summary;
  v1::ListTellsResponse list;
  std::map<std::string, std::vector<Store::WaitingAnswer>> unfetched;
  WakeDone wake_done;
  SleepDone sleep_done;
  CancelDone cancel_done;
  AnswerDone answer_done;
  StopDone stop_done;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_DESK_TESTING_FAKE_DESK_H_
