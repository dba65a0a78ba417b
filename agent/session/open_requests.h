#ifndef IRIS_AGENT_SESSION_OPEN_REQUESTS_H_
#define IRIS_AGENT_SESSION_OPEN_REQUESTS_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/handover/handover.pb.h"
#include "agent/session/child_requests.h"
#include "agent/session/session_log.h"
#include "common/loop/event_loop.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// Hears of what claude asks.
class RequestSink {
 public:
  virtual ~RequestSink() = default;
  // claude is to get this.
  virtual void OnDecision(const std::string& request_id, const std::string& decision) = 0;
  virtual void OnRefusal(const std::string& request_id, const std::string& why) = 0;
  // One waits for a person (`what`, for people), or does not any more.
  virtual void OnAsked(const std::string& request_id, const std::string& what) = 0;
  virtual void OnAnswered(const std::string& request_id) = 0;
};

// What one claude after the other asks, and who answers: permissions and questions wait for a
// person where there is one to be asked; what nobody answers in time is no. Each is in the log
// before its answer goes to claude. Lives on the process loop.
//
//   Ask ── somebody may answer ──▶ waits ── Answer, patience over ──▶ decided
//    └──── nobody ──▶ denied         └───── Withdraw, Drop ──▶ gone
class OpenRequests {
 public:
  using Text = std::function<std::string()>;

  // `patience`: how long one waits. `who`: the claude, for people.
  OpenRequests(EventLoop& loop, absl::Duration patience, SessionLog& log, RequestSink& sink,
               Text who)
      : loop_(loop), patience_(patience), log_(log), sink_(sink), who_(std::move(who)) {}
  ~OpenRequests();
  OpenRequests(const OpenRequests&) = delete;
  OpenRequests& operator=(const OpenRequests&) = delete;

  // claude asks, in the turn of `tell_id` or in none (""); `line` is empty where it was too long to
  // be kept. `why_nobody`: nobody can answer, and why; empty: somebody may.
  void Ask(const std::string& request_id, absl::string_view line, absl::string_view tell_id,
           absl::string_view why_nobody);
  // Answers one of them, as CompleteAnswer() (child_requests.h) takes it; one that was answered
  // stays as it was. FAILURE_BAD_REQUEST: it does not wait any more, or this is no answer.
  absl::StatusOr<v1::AnswerRequestResponse> Answer(const std::string& request_id,
                                                   absl::string_view answer);
  // claude does not ask this any more.
  void Withdraw(const std::string& request_id);
  // claude is ended: nobody can answer any more.
  void Drop();

  std::vector<v1::PendingRequest> open() const { return requests_.open(); }
  bool empty() const { return requests_.empty(); }
  // One of them is of this tell.
  bool WaitsIn(absl::string_view tell_id) const;

  void HandOver(handover::Session& state) const;
  // As it was handed over; those that wait go on waiting.
  void AdoptHandover(const handover::Session& before);

 private:
  // Empty: somebody may answer.
  std::string WhyUnanswerable(const v1::PendingRequest& request) const;
  // False: it cannot wait.
  bool Wait(v1::PendingRequest request, absl::Duration waited);
  void Decide(const std::string& request_id, const std::string& decision);
  void SayClosed(const std::string& request_id, const std::string& decision);
  void ArmTimer();
  void DenyOld();

  EventLoop& loop_;
  const absl::Duration patience_;
  SessionLog& log_;
  RequestSink& sink_;
  const Text who_;
  ChildRequests requests_;
  EventLoop::TimerId timer_ = 0;  // Until the oldest of them, or one before it, is too old.
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_OPEN_REQUESTS_H_
