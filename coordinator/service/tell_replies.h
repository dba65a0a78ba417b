#ifndef IRIS_COORDINATOR_SERVICE_TELL_REPLIES_H_
#define IRIS_COORDINATOR_SERVICE_TELL_REPLIES_H_

#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "common/failure/failure.h"
#include "common/log/check.h"
#include "coordinator/caller/caller.h"
#include "coordinator/desk/answer_text.h"
#include "coordinator/desk/tell_updates.h"
#include "coordinator/orchestrator/tell.h"
#include "coordinator/service/coordinator_service.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// A call that is answered with what becomes of one tell. No write is under way when it is finished.
//
//   begun ── Follow() ──▶ following ── settled and written, or enough, or client gone ──▶ finished
//
// `Replies`: ServerReplies or ServerStream, of v1::TellUpdate. Lives on the loop.
template <typename Replies>
class TellReplies : public Replies {
 protected:
  // What is enough for the caller.
  enum class Until {
    kAccepted,  // The tell is stored.
    kKnown,     // What is known now is written.
    kSettled,
  };

  explicit TellReplies(const ServiceParts& parts)
      : Replies(parts.loop),
        parts_(parts),
        answer_text_(parts.loop, parts.desk, parts.budget, [this] { WriteNext(); }) {}
  ~TellReplies() override {
    parts_.calls.End();
    if (following_) parts_.desk.RemoveObserver(tell_id_, &*updates_);
  }

  // Once. `begin` lets an observer follow the tell, or says why it cannot. `reader` has read the
  // answer once all of it is written; nobody: the caller says that itself.
  void Follow(const std::string& tell_id, Until until, absl::optional<Caller> reader,
              absl::FunctionRef<absl::Status(TellObserver*)> begin) {
    Check(!updates_.has_value(), "a call follows two messages");
    tell_id_ = tell_id;
    until_ = until;
    reader_ = std::move(reader);
    updates_.emplace(tell_id, answer_text_, [this] { WriteNext(); });
    following_ = true;
    const absl::Status begun = begin(&*updates_);
    if (begun.ok()) return;
    following_ = false;
    this->Finish(begun);
  }

  const ServiceParts& parts_;

 private:
  void OnWritten(bool ok) final {
    client_gone_ = client_gone_ || !ok;
    const bool whole = ok && updates_->all_sent();
    if (whole && reader_.has_value()) parts_.desk.MarkRead(tell_id_, *reader_).IgnoreError();
    WriteNext();
  }
  void OnGone() final {
    client_gone_ = true;
    WriteNext();
  }

  void WriteNext() {
    if (this->writing() || this->finished()) return;
    if (client_gone_) {
      return this->Finish(MakeFailure(v1::FAILURE_CANCELLED, "the caller is gone"));
    }
    if (!updates_.has_value()) return;
    // Nothing is to be written before `accepted`, so that is out.
    if (until_ == Until::kAccepted && updates_->accepted()) {
      return this->Finish(absl::OkStatus());
    }
    absl::StatusOr<absl::optional<v1::TellUpdate>> next = updates_->Next();
    if (!next.ok()) return this->Finish(next.status());
    // What was known when it was accepted came with that, and so before the end of its write.
    const bool all_known = until_ == Until::kKnown && updates_->accepted() && !updates_->settled();
    if (next->has_value()) {
      this->Write(**std::move(next));
    } else if (updates_->all_sent() || all_known) {
      this->Finish(absl::OkStatus());
    }
  }

  std::string tell_id_;
  Until until_ = Until::kSettled;
  absl::optional<Caller> reader_;
  bool following_ = false;
  AnswerText answer_text_;
  absl::optional<TellUpdates> updates_;  // From Follow() on.
  bool client_gone_ = false;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_SERVICE_TELL_REPLIES_H_
