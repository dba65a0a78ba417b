#ifndef IRIS_AGENT_SESSION_CHILD_REQUESTS_H_
#define IRIS_AGENT_SESSION_CHILD_REQUESTS_H_

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// What one child has asked, and waits for, and how that was answered last. A request is answered
// once, withdrawn by the child, or gone with it. Not thread-safe.
class ChildRequests {
 public:
  static constexpr size_t kOpenMax = 64;
  static constexpr size_t kAllBytesMax = 512
                                         << 10;  // Of those that wait: they go into one message.
  static constexpr size_t kAnswersKept = 64;     // For those who answer again.

  // Oldest first.
  std::vector<v1::PendingRequest> open() const;
  bool empty() const { return open_.empty(); }
  // Asked at `since`, by any clock. False: too many wait, or one with this id.
  bool Add(v1::PendingRequest request, absl::Duration since);
  // The id of the one that waits for the longest time; "": none waits.
  std::string oldest() const { return open_.empty() ? "" : open_.front().request.request_id(); }
  // The one that waits, or null; since when, or never.
  const v1::PendingRequest* Find(absl::string_view request_id) const;
  absl::Duration Since(absl::string_view request_id) const;
  // It waits no more. `answer`: what the child got; empty: withdrawn. False: it did not wait.
  bool Close(absl::string_view request_id, absl::string_view answer);
  // What counts, if it was answered not long ago.
  std::optional<std::string> AnswerTo(absl::string_view request_id) const;
  // Id and answer, oldest first.
  const std::deque<std::pair<std::string, std::string>>& answers() const { return answers_; }
  void RememberAnswer(absl::string_view request_id, absl::string_view answer);
  // The child goes. Returns what it waited for.
  std::vector<v1::PendingRequest> Clear();

 private:
  struct Waiting {
    v1::PendingRequest request;
    absl::Duration since;
  };
  const Waiting* Look(absl::string_view request_id) const;

  std::vector<Waiting> open_;
  std::deque<std::pair<std::string, std::string>> answers_;
};

// What the child is to get: `answer` is {"behavior":"allow"[,"updatedInput":{…}]} or
// {"behavior":"deny","message":"…"}; where input is missing, what was asked for is allowed.
// FAILURE_BAD_REQUEST: it is neither, or too long.
absl::StatusOr<std::string> CompleteAnswer(const v1::PendingRequest& request,
                                           absl::string_view answer);

// A refusal for `request` or any other.
std::string Denial(absl::string_view why);

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_CHILD_REQUESTS_H_
