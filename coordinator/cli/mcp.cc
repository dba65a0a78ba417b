#include "coordinator/cli/mcp.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/scoped_fd.h"
#include "common/environment/environment.h"
#include "common/environment/environment_wire.h"
#include "common/failure/failure.h"
#include "coordinator/cli/command_line.h"
#include "coordinator/cli/coordinator_lives.h"
#include "coordinator/cli/front_end.h"
#include "coordinator/cli/mcp_answer.h"
#include "coordinator/cli/mcp_given.h"
#include "coordinator/cli/mcp_lines.h"
#include "coordinator/cli/mcp_stream.h"
#include "coordinator/cli/mcp_unsettled.h"
#include "coordinator/cli/mcp_without.h"
#include "coordinator/cli/own_caller.h"
#include "coordinator/cli/parent_watch.h"
#include "coordinator/cli/report.h"
#include "coordinator/mcp/id_scan.h"
#include "coordinator/mcp/message.h"

namespace iris {
namespace {

// After the end of input: for the answers to what waits, and then for what the coordinator is about
// to say anyway.
constexpr absl::Duration kLastAnswers = absl::Seconds(2);
constexpr int kLastWordsMs = 1000;
// For an answer that is being written while the client says something; it need not read.
constexpr absl::Duration kBeingGiven = absl::Milliseconds(10);
// Streams in a row that end before anything is settled: more, and it is our message that ends them.
constexpr int kFruitlessMax = 3;

v1::McpClient DescribeClient(const OwnCaller& caller) {
  v1::McpClient client;
  client.set_caller(caller.caller.name());
  for (const Caller& team : caller.also) client.add_also(team.name());
  client.set_claude_session_id(OwnClaudeSession());
  client.set_confirms(true);
  *client.mutable_environment() = EnvironmentToProto(OwnEnvironment());
  return client;
}

// One that runs is taken as it is; the configuration is only looked at to start one, or to say what
// is wrong with ours.
absl::StatusOr<Coordinator> FindCoordinator(const Places& places) {
  absl::StatusOr<Coordinator> running = ConnectIfRunning(places);
  if (running.ok() && running->hello.config_path() == places.config.path) return running;
  if (absl::Status ours = CheckConfig(places).status(); !ours.ok()) return ours;
  return ConnectOrStart(places);
}

// Whole lines on stdout. Thread-safe.
class OutputLines {
 public:
  void Write(std::string line) {
    line += '\n';
    absl::MutexLock lock(&mutex_);
    for (size_t sent = 0; sent < line.size();) {
      const ssize_t n = write(STDOUT_FILENO, line.data() + sent, line.size() - sent);
      if (n < 0 && errno != EINTR) LeaveUnheard();
      if (n > 0) sent += n;
    }
  }

 private:
  [[noreturn]] static void LeaveUnheard() {
    // Nobody reads what we say any more: there is nobody to say it for.
    if (errno == EPIPE) _exit(kExitOk);
    perror("iris: stdout");
    _exit(kExitFailed);
  }

  absl::Mutex mutex_;
};

class McpRelay {
 public:
  McpRelay(const Places& places, std::string team)
      : places_(places),
        team_(std::move(team)),
        wakeup_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        answered_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        gave_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        lines_(
            kMcpMessageBytesMax, [this](std::string line) { Relay(std::move(line)); },
            [this](absl::string_view piece) { too_long_.Take(piece); },
            [this] { RefuseTooLong(); }) {}

  void Run() {
    while (!end_of_input_) {
      pollfd ends[] = {{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                       {.fd = wakeup_.get(), .events = POLLIN, .revents = 0},
                       {.fd = gave_.get(), .events = POLLIN, .revents = 0}};
      if (poll(ends, 3, -1) < 0 && errno != EINTR) return;
      SendGiven();  // First: the client's next words may be about it.
      if (ends[1].revents != 0) AfterStreamEnd();
      if (ends[0].revents != 0) ReadInput();
    }
    AwaitLastAnswers();
    SendGiven();
    if (stream_ == nullptr) return;
    stream_->EndOfInput();
    pollfd ended = {.fd = wakeup_.get(), .events = POLLIN, .revents = 0};
    poll(&ended, 1, kLastWordsMs);
  }

  bool input_failed() const { return input_failed_; }

 private:
  // A client that closes our stdin at once behind a call may still read.
  void AwaitLastAnswers() {
    const absl::Time deadline = absl::Now() + kLastAnswers;
    while (stream_ != nullptr && (!unsettled_.empty() || in_hand_ > 0) && absl::Now() < deadline) {
      const absl::Duration left = absl::Ceil(deadline - absl::Now(), absl::Milliseconds(1));
      pollfd ends[] = {{.fd = answered_.get(), .events = POLLIN, .revents = 0},
                       {.fd = wakeup_.get(), .events = POLLIN, .revents = 0},
                       {.fd = STDOUT_FILENO, .events = 0, .revents = 0}};
      if (poll(ends, 3, static_cast<int>(absl::ToInt64Milliseconds(left))) < 0 && errno != EINTR) {
        return;
      }
      if (ends[2].revents != 0) return;  // Nobody reads any more.
      if (ends[1].revents != 0) AfterStreamEnd();
      eventfd_t count;
      if (ends[0].revents != 0) eventfd_read(answered_.get(), &count);
    }
  }

  void ReadInput() {
    static char buffer[64 << 10];
    const ssize_t n = read(STDIN_FILENO, buffer, sizeof(buffer));
    if (n > 0) return lines_.Take(absl::string_view(buffer, n));
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    input_failed_ = n < 0;
    if (input_failed_) perror("iris: stdin");  // A line that has begun is no message.
    if (!input_failed_) lines_.End();
    end_of_input_ = true;
  }

  void Relay(std::string line) {
    const std::shared_ptr<const McpLine> added = unsettled_.Add(std::move(line));
    if (stream_ == nullptr) {
      Connect();
    } else {
      stream_->Send(*added);  // If the stream has ended, we are about to hear of it.
    }
  }

  void RefuseTooLong() {
    const McpIdScan line = std::exchange(too_long_, McpIdScan());
    output_.Write(McpError(line.id(), kInvalidRequest,
                           absl::StrCat("a message is longer than ", kMcpMessageBytesMax,
                                        " bytes, and was not read")));
  }

  // A coordinator, which has also said for whom our client speaks.
  absl::StatusOr<Coordinator> Reach() {
    absl::Status unknown;
    const auto ask = [&](const absl::StatusOr<Coordinator>& coordinator) {
      unknown = absl::OkStatus();
      if (!coordinator.ok() || !caller_.caller.is_nobody()) return LifeEnd::kOver;
      absl::StatusOr<OwnCaller> caller = FindBoundCaller(*coordinator->stub, team_);
      unknown = caller.status();
      if (caller.ok()) caller_ = *std::move(caller);
      return CoordinatorLost(unknown) ? LifeEnd::kLost : LifeEnd::kOver;
    };
    const CoordinatorLives lives([this] { return FindCoordinator(places_); }, kFruitlessMax + 1);
    absl::StatusOr<Coordinator> reached = lives.Run(ask);
    if (!unknown.ok()) return unknown;
    return reached;
  }

  // Sends everything that waits, or refuses it.
  void Connect() {
    absl::StatusOr<Coordinator> coordinator = Reach();
    if (!coordinator.ok()) {
      // Whoever sees the tools sees what to mend. What else fails passes, and is not the model's.
      const bool is_config = KindOf(coordinator.status()) == v1::FAILURE_BAD_REQUEST;
      if (is_config) {
        AnswerWithoutCoordinator(unsettled_.ToSend(), coordinator.status(),
                                 [this](McpAnswer answer) { TakeAnswer(std::move(answer)); });
      }
      return RefuseAll(coordinator.status());
    }
    settled_before_ = unsettled_.settled();
    stream_ = std::make_unique<McpStream>(
        *std::move(coordinator), DescribeClient(caller_),
        [this](McpAnswer answer) { TakeAnswer(std::move(answer)); },
        [this] { eventfd_write(wakeup_.get(), 1); });
    for (const UnsettledLines::ToSendLine& kept : unsettled_.ToSend()) {
      if (!stream_->Send(*kept.line, kept.accepted)) return;
    }
  }

  void SendGiven() {
    eventfd_t count;
    eventfd_read(gave_.get(), &count);
    for (const std::string& id : given_.Take(kBeingGiven)) {
      if (stream_ != nullptr) stream_->SendGiven(id);
    }
  }

  // On the stream's thread, or on ours where there is no stream.
  void TakeAnswer(McpAnswer answer) {
    ++in_hand_;
    if (!answer.accepted.empty()) unsettled_.Accept(answer.accepted, answer.accepted_member);
    const bool for_the_client =
        answer.settles.empty() || unsettled_.Settle(answer.settles, answer.opening);
    if (for_the_client && !answer.json.empty()) {
      given_.Begin();
      output_.Write(std::move(answer.json));
      given_.End(answer.confirm ? answer.settles : "");
      if (answer.confirm) eventfd_write(gave_.get(), 1);
    }
    --in_hand_;
    if (end_of_input_ && !answer.settles.empty()) eventfd_write(answered_.get(), 1);
  }

  void AfterStreamEnd() {
    eventfd_t count;
    eventfd_read(wakeup_.get(), &count);
    const absl::Status ended = stream_->Finish();
    stream_.reset();
    fruitless_ = unsettled_.settled() == settled_before_ ? fruitless_ + 1 : 0;
    if (unsettled_.empty()) return;
    const bool is_lost = ended.ok() || CoordinatorLost(ended);
    const absl::Status lost =
        is_lost ? MakeFailure(v1::FAILURE_DROPPED, "the coordinator was lost while this waited",
                              "Look at what the team did before you send it again.")
                : ended;
    if (!is_lost || fruitless_ >= kFruitlessMax) return RefuseAll(lost);
    Answer(unsettled_.RefuseCut(lost));
    if (!unsettled_.empty()) Connect();
  }

  void RefuseAll(const absl::Status& why) {
    fruitless_ = 0;
    PrintFailure(why);
    Answer(unsettled_.RefuseAll(why));
  }

  void Answer(std::vector<std::string> answers) {
    for (std::string& answer : answers) output_.Write(std::move(answer));
  }

  const Places& places_;
  const std::string team_;  // As FindBoundCaller().
  // Once it is known. It stays as it is: what is asked again after a lost coordinator must come
  // from the same caller, whatever the configuration says by then.
  OwnCaller caller_;
  const ScopedFd wakeup_;    // Written to when the stream has ended.
  const ScopedFd answered_;  // Written to after the end of input, when a message was settled.
  const ScopedFd gave_;      // Written to when there is something to SendGiven().
  OutputLines output_;
  UnsettledLines unsettled_;
  LineSplitter lines_;
  McpIdScan too_long_;  // Of the line that is being read, if it is.
  std::atomic<bool> end_of_input_ = false;
  bool input_failed_ = false;     // It could not be read to its end.
  std::atomic<int> in_hand_ = 0;  // Answers of the stream that are not dealt with.
  GivenAnswers given_;
  size_t settled_before_ = 0;  // unsettled_.settled() when stream_ was opened.
  int fruitless_ = 0;
  std::unique_ptr<McpStream> stream_;  // Last: its thread uses the others.
};

}  // namespace

int RunMcp(const CommandLine& command, const Places& places) {
  signal(SIGPIPE, SIG_IGN);
  const ParentWatch parent;
  McpRelay relay(places, command.team);
  relay.Run();
  return relay.input_failed() ? kExitFailed : kExitOk;
}

}  // namespace iris
