#ifndef IRIS_COORDINATOR_DESK_TELL_UPDATES_H_
#define IRIS_COORDINATOR_DESK_TELL_UPDATES_H_

#include <cstddef>
#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "coordinator/desk/answer_text.h"
#include "coordinator/orchestrator/tell.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// What a caller that follows a tell has still to hear: `accepted` and the newest progress; then the
// answer in frames, then `settled`. A reader that is slow misses what is old, and nothing piles
// up: a long answer stays in the store until it is read. Lives on the coordinator's loop.
class TellUpdates final : public TellObserver {
 public:
  // `answer_text` outlives it. `on_news`: Next() may have something. It may end the call, and this
  // object with it.
  TellUpdates(std::string tell_id, AnswerText& answer_text, std::function<void()> on_news)
      : tell_id_(std::move(tell_id)), answer_text_(answer_text), on_news_(std::move(on_news)) {}

  // The next one to be written, if there is one now. Errors are those of AnswerText::Get(), and why
  // the tell was refused; the call cannot go on.
  absl::StatusOr<absl::optional<v1::TellUpdate>> Next();

  bool accepted() const { return accepted_sent_; }  // Next() has returned it.
  bool settled() const { return outcome_.has_value(); }
  bool all_sent() const { return settled_sent_; }  // Next() has returned `settled`.

 private:
  void OnAccepted(const std::string& session_id) override;
  void OnRefused(const absl::Status& why) override;
  void OnProgress(const v1::TellProgress& progress) override;
  void OnSettled(const TellOutcome& outcome) override;
  absl::StatusOr<absl::optional<v1::TellUpdate>> AnswerFrame();
  v1::TellUpdate SettledUpdate() const;

  const std::string tell_id_;
  AnswerText& answer_text_;
  const std::function<void()> on_news_;
  absl::Status refused_;
  absl::optional<v1::TellUpdate> accepted_;
  absl::optional<v1::TellUpdate> progress_;
  absl::optional<TellOutcome> outcome_;  // Its answer is null where that is long.
  size_t answer_bytes_ = 0;
  bool accepted_sent_ = false;
  size_t answer_sent_ = 0;
  bool settled_sent_ = false;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_DESK_TELL_UPDATES_H_
