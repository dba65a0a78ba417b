// Waking and putting to sleep: what the orchestrator does with a session's child, without a tell.

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/answer_all.h"
#include "coordinator/orchestrator/leaving.h"
#include "coordinator/orchestrator/orchestrator.h"

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

void Orchestrator::Wake(const Caller& from, const std::string& to, WakeDone done, bool takeover,
                        SharedEnvironment environment) {
  absl::Status status = BeginWake(from, to, takeover, done, std::move(environment));
  if (status.ok()) return;
  loop_.Post([done = std::move(done), status] { done(status); });
}

// Takes `done` unless it fails.
absl::Status Orchestrator::BeginWake(const Caller& from, const std::string& to, bool takeover,
                                     WakeDone& done, SharedEnvironment environment) {
  if (tells_.has_left()) return Leaving();
  const absl::StatusOr<Queue*> found = QueueOf(from, to, environment);
  if (!found.ok()) return found.status();
  Queue& queue = **found;
  const std::string& session_id = queue.session->session_id();
  if (absl::Status status = wayless_.CheckNoneIsGiven(session_id); !status.ok()) return status;
  // A session that another coordinator has taken over still looks ready here, until it is used; and
  // so does one with a message on a host that is away.
  if (queue.session->ready() && !queue.session->is_out_of_reach() && !takeover) {
    v1::WakeResponse response;
    response.set_was_ready(true);
    response.set_child_pid(queue.session->child_pid());
    loop_.Post([done = std::move(done), response] { done(response); });
    return absl::OkStatus();
  }
  if (queue.wakes.size() >= limits_.waiting_max) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat(limits_.waiting_max, " callers wake ", to, " already"));
  }
  const uint64_t round = queue.wakes.Wait(std::move(done), takeover, std::move(environment));
  loop_.After(limits_.wake_waits_max, [this, alive = alive_.Watch(), session_id, round] {
    if (alive) GiveUpWake(session_id, round);
  });
  PostStartNext(session_id);
  return absl::OkStatus();
}

void Orchestrator::GiveUpWake(const std::string& session_id, uint64_t round) {
  Queue& queue = queues_[session_id];
  if (tells_.has_left()) return;
  const WakeDone done = queue.wakes.GiveUpOldest(round);
  if (done == nullptr) return;
  if (!queue.wakes.waiting() && queue.waiting.empty()) pool_.LeaveLine(session_id);
  done(MakeFailure(
      v1::FAILURE_TIMEOUT,
      absl::StrCat("no process became free within ", absl::FormatDuration(limits_.wake_waits_max),
                   ": all of ", pool_.processes_max(), " are busy"),
      "Try again when other teams are through, put one to sleep, or raise "
      "settings.maxProcesses."));
}

void Orchestrator::Sleep(const Caller& from, const std::string& to, bool force, SleepDone done,
                         SharedEnvironment environment) {
  absl::Status status = BeginSleep(from, to, force, done, environment);
  if (status.ok()) return;
  loop_.Post([done = std::move(done), status] { done(status); });
}

// Takes `done` unless it fails.
absl::Status Orchestrator::BeginSleep(const Caller& from, const std::string& to, bool force,
                                      SleepDone& done, const SharedEnvironment& environment) {
  if (tells_.has_left()) return Leaving();
  const absl::StatusOr<Queue*> found = QueueOf(from, to, environment);
  if (!found.ok()) return found.status();
  Queue& queue = **found;
  const size_t open =
      queue.waiting.size() + (queue.in_flight.empty() ? 0 : 1) + GivenElsewhere(queue);
  if (open > 0 && !force) {
    return MakeFailure(
        v1::FAILURE_BUSY_LIMIT,
        absl::StrCat(open, open == 1 ? " message" : " messages", " from ", from.name(), " to ", to,
                     open == 1 ? " is" : " are", " not answered yet"),
        "Wait for the answer, or put the team to sleep by force: that cancels what is open.");
  }
  const size_t waiting = queue.waiting.size();
  CancelWaiting(queue);
  if (!queue.session->may_have_child()) {
    loop_.Post([done = std::move(done)] { done(v1::SleepResponse()); });
    return absl::OkStatus();
  }
  queue.sleeps.push_back(std::move(done));
  queue.session->Sleep([this, &queue, waiting,
                        in_flight = queue.in_flight](const absl::StatusOr<bool>& was_running) {
    if (!was_running.ok()) {
      const bool is_over = tells_.IsOver(in_flight);
      return AnswerAll(queue.sleeps,
                       NotAsleep(was_running.status(), waiting + (is_over ? 1 : 0),
                                 is_over ? absl::string_view() : absl::string_view(in_flight)));
    }
    v1::SleepResponse response;
    response.set_was_running(*was_running);
    AnswerAll(queue.sleeps, response);
  });
  return absl::OkStatus();
}

void Orchestrator::CancelWaiting(Queue& queue) {
  for (const std::string& waiting : std::exchange(queue.waiting, {})) {
    if (tells_.At(waiting).given()) {
      CancelQueued(waiting, queue);
    } else {
      settling_.End(waiting, AsleepBefore("while the message waited; the team never got it"));
    }
  }
  queue.wakes.CancelWaiting(AsleepBefore("before it woke up"));
  LetGoOfWaits(queue);
}

}  // namespace iris
