#ifndef IRIS_COORDINATOR_ORCHESTRATOR_ACCEPTED_TELL_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_ACCEPTED_TELL_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/environment/environment.h"
#include "coordinator/orchestrator/checkpoints.h"
#include "coordinator/orchestrator/giving.h"
#include "coordinator/orchestrator/growing_answer.h"
#include "coordinator/orchestrator/kept_text.h"
#include "coordinator/orchestrator/limit_wait.h"
#include "coordinator/orchestrator/tell.h"
#include "coordinator/orchestrator/tell_asker.h"
#include "coordinator/store/stored.h"
#include "coordinator/transport/host_away.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// A tell from its acceptance until it is stored how it ended: whose it is, how far it has come,
// what it has been answered, and who follows and who cancels it.
//
//   open ── End() ──▶ over ──▶ stored: nobody has it any more
//    ▲└── PutOff() ──▶ put off ── StayOver() ──▶ over
//    └── SendAgain() ────┘
//
// Over, or put off, it changes no more. Calls nobody. Not thread-safe.
class AcceptedTell {
 public:
  using CancelDone = std::function<void(const absl::StatusOr<v1::CancelTellOfResponse>&)>;

  // One that is stored now. `sender`: its environment; null: not known.
  AcceptedTell(const NewTell& added, absl::Time accepted_at, SharedEnvironment sender);
  // One that an earlier life has left open, with what is stored of its answer.
  AcceptedTell(const StoredTell& stored, std::string answer);
  AcceptedTell(const AcceptedTell&) = delete;
  AcceptedTell& operator=(const AcceptedTell&) = delete;

  const std::string& id() const { return id_; }
  const std::string& session_id() const { return session_id_; }
  absl::Time accepted_at() const { return accepted_at_; }
  bool wait_for_host() const { return wait_for_host_; }
  // How often it was put off, and until when it waits for a limit.
  int limit_waits() const { return limit_waits_; }
  absl::Time not_before() const { return not_before_; }
  // By which its host knows it.
  std::string id_on_host() const { return IdOnHost(id_, limit_waits_); }

  Giving& giving() { return giving_; }
  const Giving& giving() const { return giving_; }
  bool given() const { return giving_.given(); }
  TellAsker& asker() { return asker_; }
  const TellAsker& asker() const { return asker_; }
  // Not by its sender, and no host has got it yet.
  bool is_lent() const { return asker_.any() && !asker_.is_sender() && !given() && !is_over(); }
  GrowingAnswer& answer() { return answer_; }
  const GrowingAnswer& answer() const { return answer_; }
  // Beside the store's, for a session that is ready; null: the store has it alone.
  void KeepText(std::unique_ptr<KeptText> text) { text_ = std::move(text); }
  std::unique_ptr<KeptText> TakeText() { return std::move(text_); }

  // Its host is away, and it waits for that.
  void NoteHostWait() { has_waited_ = true; }
  bool IsOverdue(absl::Time now, absl::Duration host_wait_max) const {
    return now >= accepted_at_ + host_wait_max;
  }
  LeftMessage Left(const HostAway& away, absl::Time now, absl::Duration host_wait_max) const;

  // Who follows it. Each once for every time that it was added.
  const std::vector<TellObserver*>& observers() const { return observers_; }
  void AddObserver(TellObserver* observer) { observers_.push_back(observer); }
  void RemoveObserver(const TellObserver* observer) { std::erase(observers_, observer); }
  bool IsFollowedBy(const TellObserver* observer) const;
  // What was said last of how it goes, as of now, for whoever joins.
  absl::optional<v1::TellProgress> Progress() const;
  void SetProgress(v1::TellProgress progress);
  bool Says(absl::string_view text) const {
    return progress_.has_value() && progress_->text() == text;
  }

  // Who cancels it, until they are answered.
  void AddCancel(CancelDone done) { cancels_.push_back(std::move(done)); }
  size_t cancels() const { return cancels_.size(); }
  std::vector<CancelDone> TakeCancels() { return std::exchange(cancels_, {}); }
  // Its host is to hear of it in a later life: as in Settlement.
  void NoteCancelOnHost() { cancel_on_host_ = id_on_host(); }

  // Over, or put off: that is to be stored.
  bool is_over() const { return outcome_.has_value(); }
  bool is_put_off() const { return put_off_until_.has_value(); }
  // Of one that is over.
  const absl::Status& outcome() const { return *outcome_; }
  // When one that its host ends so is sent again; nothing: it is over. One that somebody cancels
  // is.
  absl::optional<absl::Time> WhenToSendAgain(const absl::Status& outcome, absl::Time now,
                                             const LimitWaits& bounds) const;
  // It is open. What is beyond `bytes_max` of the answer is cut off.
  void End(const absl::Status& outcome, size_t bytes_max);
  void PutOff(const absl::Status& outcome, absl::Time until, size_t bytes_max);
  // What was put off ends so after all.
  void StayOver() { put_off_until_.reset(); }
  // That it was put off is stored: it is open, and has waited once more.
  void SendAgain();

  // How it is stored. It is over, or put off.
  std::variant<TellEnd, Postponement> Outcome();
  // That could not be stored. Returns whether it could not be before.
  bool NoteNotStored() { return std::exchange(was_not_stored_, true); }
  // Nor will its answer ever be, which is lost. Nothing of what is put off.
  void GiveUpAnswer(const absl::Status& why);

 private:
  const std::string id_;
  const std::string session_id_;
  const absl::Time accepted_at_;
  const bool wait_for_limit_;  // As in TellSpec.
  const bool wait_for_host_;   // Likewise.
  int limit_waits_ = 0;
  absl::Time not_before_ = absl::InfinitePast();
  bool has_waited_ = false;  // As in LeftMessage, in this life.
  Giving giving_;
  TellAsker asker_;
  std::unique_ptr<KeptText> text_;
  GrowingAnswer answer_;

  std::vector<TellObserver*> observers_;
  absl::optional<v1::TellProgress> progress_;
  absl::Time progress_at_;  // Since when.
  std::vector<CancelDone> cancels_;
  std::string cancel_on_host_;

  absl::optional<absl::Status> outcome_;      // It is over.
  absl::optional<absl::Time> put_off_until_;  // With it: it is put off.
  bool was_not_stored_ = false;               // With it: that failed before.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_ACCEPTED_TELL_H_
