#ifndef IRIS_COORDINATOR_REACH_TESTING_EXEC_REACH_H_
#define IRIS_COORDINATOR_REACH_TESTING_EXEC_REACH_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "coordinator/config/key.h"
#include "coordinator/config/refuse.h"
#include "coordinator/link/host_text.h"
#include "coordinator/link/target.h"
#include "coordinator/reach/reach.h"
#include "coordinator/reach/shell/bridge_failure.h"
#include "coordinator/reach/shell/client_process.h"
#include "coordinator/reach/shell/shell_attempt.h"
#include "coordinator/reach/shell/shell_client.h"

namespace iris {

// What the next kind costs: a place that a plain command reaches, which runs the words behind its
// own there, as `docker exec -i BOX` does. All of the kind is in this file.

// The command, as a program before a shell.
class ExecClient final : public ShellClient, public WireOwner {
 public:
  ExecClient(std::unique_ptr<ClientProcess> process, absl::Duration timeout)
      : process_(std::move(process)), deadline_(absl::Now() + timeout) {}

  ClientProcess& process() { return *process_; }
  int stdio() const override { return process_->stdio().get(); }
  bool at_shell() const override { return true; }  // Nobody has to log in.
  absl::Time Deadline() override { return deadline_; }
  absl::Status WhyNotAtShell() override { return MakeFailure(v1::FAILURE_INTERNAL, ""); }

  End Explain(ClientStage stage, std::string) override {
    const int code = process_->AwaitEnd().value_or(0);
    const std::string said = process_->tails().Text(ClientProcess::kStderr);
    const std::string words =
        absl::StrCat("the command ended with status ", code, ": ", PrintableHostText(said, 400));
    if (stage == ClientStage::kUp) return {.why = MakeFailure(v1::FAILURE_DROPPED, words)};
    if (stage == ClientStage::kConnecting) {
      const bool has_no_shell = code == 126 || code == 127;  // As sh and docker say it.
      return {.why = MakeFailure(
                  has_no_shell ? v1::FAILURE_NO_AGENT_POSSIBLE : v1::FAILURE_UNREACHABLE, words)};
    }
    const absl::optional<absl::Status> bridge = FailureOfBridge(said);
    return {.why = bridge.value_or(MakeFailure(v1::FAILURE_NOT_EXECUTABLE, words)),
            .agent_said_nothing = !bridge.has_value()};
  }
  absl::string_view name() const override { return "exec"; }
  absl::Status WhyEnded() override { return Explain(ClientStage::kUp, "").why; }

 private:
  const std::unique_ptr<ClientProcess> process_;
  const absl::Time deadline_;
};

class ExecTarget final : public Target {
 public:
  ExecTarget(const AgentBundle& bundle, RemoteWay way, Environment env)
      : bundle_(bundle), way_(std::move(way)), env_(std::move(env)) {}
  absl::string_view kind() const override { return way_.remote.program; }
  const RemoteWay& way() const override { return way_; }
  std::string resolving() const override { return ""; }
  std::string question() const override {
    return absl::StrCat(way_.remote.text, "\n", way_.options.agent_dir);
  }
  TargetPtr For(const Environment& env) const override {
    return std::make_shared<ExecTarget>(bundle_, way_, env);
  }
  // Nobody has to be asked: the same words are the same place.
  absl::StatusOr<ResolvedTarget> Resolve(const std::atomic<bool>&) const override {
    return ResolvedTarget{.target = For(env_), .key = question(), .name = way_.remote.destination};
  }
  absl::StatusOr<Connection> Connect(const ConnectOptions& options) const override {
    bool look_closer = false;
    absl::StatusOr<Connection> connection = Try(options, &look_closer);
    if (look_closer) connection = Try(options, &look_closer);
    if (!connection.ok()) return Annotate(connection.status(), way_.remote.destination);
    return connection;
  }

 private:
  absl::StatusOr<Connection> Try(const ConnectOptions& options, bool* look_closer) const {
    const ShellAttemptOptions shell = {.destination = way_.remote.destination,
                                       .agent_dir = way_.options.agent_dir,
                                       .connect_timeout = way_.options.connect_timeout,
                                       .on_progress = options.on_progress,
                                       .cancelled = &options.cancelled};
    ShellAttempt attempt(bundle_, shell);
    const absl::StatusOr<std::string> line = attempt.CommandLine(*look_closer);
    if (!line.ok()) return line.status();
    std::vector<std::string> argv = {way_.remote.program};
    argv.insert(argv.end(), way_.remote.options.begin(), way_.remote.options.end());
    const OptionValue* const own = way_.options.Own("shell");
    const std::string sh = own == nullptr ? "sh" : own->text;
    argv.insert(argv.end(), {way_.remote.destination, sh, "-c", *line});
    absl::StatusOr<std::unique_ptr<ClientProcess>> process =
        ClientProcess::Start({.name = way_.remote.program, .argv = argv, .env = EntriesOf(env_)});
    if (!process.ok()) return process.status();
    auto client = std::make_unique<ExecClient>(*std::move(process), shell.connect_timeout);
    absl::StatusOr<Connection> connection = attempt.Meet(*client);
    *look_closer = attempt.found_no_agent();
    if (!connection.ok()) return connection;
    connection->wire = std::move(client->process().stdio());
    connection->facts = {{.name = "clientPid", .value = absl::StrCat(client->process().pid())}};
    connection->owner = std::move(client);
    return connection;
  }

  const AgentBundle& bundle_;
  const RemoteWay way_;
  const Environment env_;
};

class ExecReach final : public RemoteReader, public Reach {
 public:
  ExecReach(std::string program, const AgentBundle& bundle)
      : program_(std::move(program)), bundle_(bundle) {}
  bool Reads(absl::string_view program) const override { return program == program_; }
  absl::Span<const Key> keys() const override {  // A place need not have a program named sh.
    static constexpr Key kKeys[] = {{"teams.*.remoteOptions.shell", KeyType::kText, 1, 100, false,
                                     "", "sh", "What runs Iris's commands there."}};
    return kKeys;
  }
  absl::Status Read(const RemoteText& text, RemoteWay& way) const override {
    if (text.words.size() < 2) return Refuse("names no place", "Write PROGRAM [WORDS] PLACE.");
    way.remote.text = std::string(text.text);
    way.remote.program = text.words.front();
    way.remote.options.assign(text.words.begin() + 1, text.words.end() - 1);
    way.remote.destination = text.words.back();
    return absl::OkStatus();
  }
  TargetPtr To(const RemoteWay& way) const override {
    return std::make_shared<ExecTarget>(bundle_, way, Environment());
  }

 private:
  const std::string program_;
  const AgentBundle& bundle_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_TESTING_EXEC_REACH_H_
