#include "coordinator/orchestrator/wake_and_sleep.h"

#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/answer_all.h"
#include "coordinator/orchestrator/leaving.h"
#include "coordinator/pool/pooled_session.h"

namespace iris {
namespace {

absl::Status AsleepBefore(absl::string_view what) {
  return MakeFailure(v1::FAILURE_CANCELLED, absl::StrCat("the session was put to sleep ", what));
}

// It is not asleep, and what waited is over all the same; what the team may have is not.
absl::Status NotAsleep(const absl::Status& why, size_t cancelled, absl::string_view goes_on) {
  const Failure failure = ToProto(why);
  std::string detail = failure.detail();
  if (cancelled > 0) {
    absl::StrAppend(&detail, "; ", cancelled, cancelled == 1 ? " message" : " messages", " to it ",
                    cancelled == 1 ? "was" : "were",
                    " cancelled all the same, and its claude may still run");
  }
  if (!goes_on.empty()) {
    absl::StrAppend(&detail, "; message ", goes_on,
                    ", which the team may have, goes on, and can be cancelled by its id");
  }
  return MakeFailure(KindOf(why), detail, failure.fix());
}

}  // namespace

void WakeAndSleep::Wake(const Caller& from, const std::string& to, WakeDone done, bool takeover,
                        SharedEnvironment environment) {
  absl::Status status = BeginWake(from, to, takeover, done, std::move(environment));
  if (status.ok()) return;
  loop_.Post([done = std::move(done), status] { done(status); });
}

// Takes `done` unless it fails.
absl::Status WakeAndSleep::BeginWake(const Caller& from, const std::string& to, bool takeover,
                                     WakeDone& done, SharedEnvironment environment) {
  if (tells_.has_left()) return Leaving();
  const absl::StatusOr<SessionLine*> found = ways_.Find(from, to, environment);
  if (!found.ok()) return found.status();
  SessionLine& line = **found;
  const PooledSession& session = line.session();
  if (absl::Status status = wayless_.CheckNoneIsGiven(line.session_id()); !status.ok()) {
    return status;
  }
  // A session that another coordinator has taken over still looks ready here, until it is used; and
  // so does one with a message on a host that is away.
  if (session.ready() && !session.is_out_of_reach() && !takeover) {
    v1::WakeResponse response;
    response.set_was_ready(true);
    response.set_child_pid(session.child_pid());
    loop_.Post([done = std::move(done), response] { done(response); });
    return absl::OkStatus();
  }
  if (line.wakes().size() >= limits_.waiting_max) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat(limits_.waiting_max, " callers wake ", to, " already"));
  }
  const uint64_t round = line.wakes().Wait(std::move(done), takeover, std::move(environment));
  loop_.After(limits_.wake_waits_max, [this, alive = alive_.Watch(), &line, round] {
    if (alive && !line.has_left()) GiveUpWake(line, round);
  });
  line.PostStartNext();
  return absl::OkStatus();
}

void WakeAndSleep::GiveUpWake(SessionLine& line, uint64_t round) {
  const WakeDone done = line.wakes().GiveUpOldest(round);
  if (done == nullptr) return;
  if (!line.wakes().waiting() && !line.order().any_waits()) {
    lines_.LeaveProcessLine(line.session_id());
  }
  done(MakeFailure(
      v1::FAILURE_TIMEOUT,
      absl::StrCat("no process became free within ", absl::FormatDuration(limits_.wake_waits_max),
                   ": all of ", lines_.processes_max(), " are busy"),
      "Try again when other teams are through, put one to sleep, or raise "
      "settings.maxProcesses."));
}

void WakeAndSleep::Sleep(const Caller& from, const std::string& to, bool force, SleepDone done,
                         const SharedEnvironment& environment) {
  absl::Status status = BeginSleep(from, to, force, done, environment);
  if (status.ok()) return;
  loop_.Post([done = std::move(done), status] { done(status); });
}

// Takes `done` unless it fails.
absl::Status WakeAndSleep::BeginSleep(const Caller& from, const std::string& to, bool force,
                                      SleepDone& done, const SharedEnvironment& environment) {
  if (tells_.has_left()) return Leaving();
  const absl::StatusOr<SessionLine*> found = ways_.Find(from, to, environment);
  if (!found.ok()) return found.status();
  SessionLine& line = **found;
  const size_t open = line.open();
  if (open > 0 && !force) {
    return MakeFailure(
        v1::FAILURE_BUSY_LIMIT,
        absl::StrCat(open, open == 1 ? " message" : " messages", " from ", from.name(), " to ", to,
                     open == 1 ? " is" : " are", " not answered yet"),
        "Wait for the answer, or put the team to sleep by force: that cancels what is open.");
  }
  const size_t waiting = line.order().waiting().size();
  CancelWaiting(line);
  if (!line.session().may_have_child()) {
    loop_.Post([done = std::move(done)] { done(v1::SleepResponse()); });
    return absl::OkStatus();
  }
  std::vector<SleepDone>& sleeps = sleeps_[line.session_id()];
  sleeps.push_back(std::move(done));
  line.session().Sleep([this, &sleeps, waiting, in_flight = line.order().in_flight()](
                           const absl::StatusOr<bool>& was_running) {
    if (!was_running.ok()) {
      const bool is_over = tells_.IsOver(in_flight);
      return AnswerAll(sleeps,
                       NotAsleep(was_running.status(), waiting + (is_over ? 1 : 0),
                                 is_over ? absl::string_view() : absl::string_view(in_flight)));
    }
    v1::SleepResponse response;
    response.set_was_running(*was_running);
    AnswerAll(sleeps, response);
  });
  return absl::OkStatus();
}

void WakeAndSleep::CancelWaiting(SessionLine& line) {
  for (const std::string& waiting : line.TakeWaiting()) {
    if (tells_.At(waiting).given()) {
      line.CancelQueued(waiting);
    } else {
      settling_.End(waiting, AsleepBefore("while the message waited; the team never got it"));
    }
  }
  line.wakes().CancelWaiting(AsleepBefore("before it woke up"));
  line.LetGoOfWaits();
}

void WakeAndSleep::Leave(const absl::Status& why) {
  for (auto& [session_id, sleeps] : sleeps_) AnswerAll(sleeps, why);
}

}  // namespace iris
