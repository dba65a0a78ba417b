#ifndef IRIS_COORDINATOR_MCP_PROGRESS_H_
#define IRIS_COORDINATOR_MCP_PROGRESS_H_

#include <functional>
#include <string>

#include "absl/time/time.h"
#include "common/loop/event_loop.h"
#include "coordinator/mcp/message.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// What is going on, for people. The words of tools and of `said` are those of a claude on some
// host.
struct ProgressNews {
  std::string doing;                        // "runs Bash: npm test".
  absl::Time since = absl::InfinitePast();  // When the team's claude got the message, if it has.
  std::string said = "";                    // The end of what that claude said last; may be empty.

  // One line: "runs Bash: npm test, 42 s; said: I run the tests."
  std::string At(absl::Time now) const;
};

// `progress` as it is at `now`.
ProgressNews NewsOf(const v1::TellProgress& progress, absl::Time now);
// Its `doing` alone: "uploading the agent to gpu1, 1.2 of 3.1 MiB".
std::string ProgressText(const v1::TellProgress& progress);

// The progress notifications of one request: as news comes, but no closer together than `apart`,
// and every `beat` in between, so that a client that waits knows that we are there. `progress` is
// the number of seconds since the request came, and always grows. Lives on `loop`.
class ProgressReporter {
 public:
  using Send = std::function<void(std::string notification)>;
  struct Options {
    bool with_message = true;
    absl::Duration age;  // Of the request, at the start.
    absl::Duration beat = absl::Seconds(10);
    absl::Duration apart = absl::Milliseconds(250);
  };

  // `token` is the client's; null: the client did not ask, and nothing is sent. `what` is what is
  // going on until there is news. `send` is called on the loop, never from the constructor.
  ProgressReporter(EventLoop& loop, Json token, std::string what, Options options, Send send);
  ~ProgressReporter();
  ProgressReporter(const ProgressReporter&) = delete;
  ProgressReporter& operator=(const ProgressReporter&) = delete;

  void News(ProgressNews news);

 private:
  void SendNow();
  void SetTimer(absl::Duration delay);

  EventLoop& loop_;
  const Json token_;
  const Options options_;
  const Send send_;
  const absl::Time since_;
  ProgressNews latest_;
  double last_ = 0;
  absl::Time sent_at_ = absl::InfinitePast();
  bool news_ = false;  // There is some that was not sent.
  EventLoop::TimerId timer_ = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_PROGRESS_H_
