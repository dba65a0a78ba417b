#include "coordinator/orchestrator/orchestrator.h"

#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/leaving.h"
#include "coordinator/orchestrator/session_line.h"
#include "coordinator/store/stored.h"

namespace iris {

Orchestrator::Orchestrator(EventLoop& loop, std::unique_ptr<StoreQueue> own, StoreQueue* store,
                           LiveConfig& config, TransportFactory& factory, TellLimits limits)
    : own_store_(std::move(own)),
      store_(own_store_ != nullptr ? *own_store_ : *store),
      limits_(limits),
      wayless_(tells_),
      fetched_(store_),
      settling_(loop, store_, tells_, wayless_, fetched_, limits_.answer_bytes_max, *this),
      host_cancels_(store_, settling_),
      sent_(store_, tells_, settling_, limits_),
      teams_(config),
      lines_({loop, store_, factory, tells_, wayless_, settling_, host_cancels_, sent_, teams_,
              limits_}),
      ways_(store_, teams_, tells_, wayless_, host_cancels_, lines_),
      askers_(store_, tells_, wayless_, settling_, teams_, lines_, ways_, limits_),
      earlier_(store_, tells_, wayless_, settling_, teams_, lines_, ways_, limits_),
      intake_({store_, tells_, wayless_, teams_, lines_, ways_, askers_, earlier_, limits_}),
      cancels_(loop, store_, intake_.arrivals(), tells_, host_cancels_, lines_, ways_,
               limits_.observers_max),
      wake_and_sleep_(loop, tells_, wayless_, settling_, lines_, ways_, limits_),
      lists_(store_, intake_.arrivals(), tells_, fetched_),
      answers_(loop, [this] { return lines_.Sessions(); }),
      house_(loop, store_, limits_.housekeeping, [this] {
        askers_.EndOverdue();
        lines_.EndOverdue();
      }) {}

Orchestrator::~Orchestrator() = default;

absl::Status Orchestrator::ResumeOpenTells() {
  if (absl::Status status = earlier_.TakeUpAll(); !status.ok()) return status;
  return cancels_.TakeUpEarlier();
}

void Orchestrator::Status(StatusDone done) {
  store_.Read<std::vector<StoredSession>>(
      [](Store& store) { return store.Sessions(); },
      [this, alive = alive_.Watch(),
       done = std::move(done)](absl::StatusOr<std::vector<StoredSession>> stored) mutable {
        if (!alive) return;
        if (!stored.ok()) return done(stored.status());
        done(lines_.Describe(*stored));
      });
}

std::string Orchestrator::InFlightOf(const std::string& session_id) {
  return lines_.InFlightOf(session_id);
}

void Orchestrator::OnMarkStored(const std::string& session_id, const ReadMark& mark) {
  if (SessionLine* const line = lines_.Find(session_id)) line->OnMarkStored(mark);
}

void Orchestrator::OnSentAgain(AcceptedTell& tell) {
  if (SessionLine* const line = lines_.Find(tell.session_id())) line->OnSentAgain(tell);
}

void Orchestrator::OnSettled(const AcceptedTell& tell) {
  intake_.OnSettled(tell.id());
  if (SessionLine* const line = lines_.Find(tell.session_id())) line->OnSettled(tell);
}

void Orchestrator::Leave() {
  store_.Finish();  // What is being stored.
  if (!tells_.has_left()) settling_.SaveAll();
  store_.Finish();
  AnswerAllWhoWait();
}

absl::Status Orchestrator::SettleOpen() {
  store_.Finish();
  tells_.ForEach([](AcceptedTell& tell) { tell.StayOver(); });
  lines_.StopForGood();
  for (const std::string& tell_id : std::vector<std::string>(wayless_.ids())) {
    settling_.StopForGood(tell_id);
  }
  settling_.SaveAll();
  store_.Finish();
  const size_t left = tells_.size();
  AnswerAllWhoWait();
  if (left == 0) return absl::OkStatus();
  return MakeFailure(v1::FAILURE_STORAGE,
                     absl::StrCat("the store took nothing: ", left,
                                  " messages stay open, and go on with the next coordinator"));
}

void Orchestrator::AnswerAllWhoWait() {
  tells_.Leave(store_.Now());
  lines_.Leave(Leaving());
  wake_and_sleep_.Leave(Leaving());
  intake_.Leave(Leaving());
  answers_.Leave(Leaving());
  wayless_.Clear();
  host_cancels_.Forget();
  settling_.Forget();
  lines_.EndContact();
}

}  // namespace iris
